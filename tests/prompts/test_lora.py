"""Tags of LoRAs: what they ask for, and the prompt without them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.errors import InputError
from detailer.prompts.lora import Blocks, Lora, blocks, parsed


def lora(name: str, weight: float = 1, text_weight: float | None = None, by: str = "") -> Lora:
    text = weight if text_weight is None else text_weight
    return Lora(name=name, weight=weight, text_weight=text, blocks=by)


@pytest.mark.parametrize(
    ("prompt", "text", "loras"),
    [
        ("a face", "a face", ()),
        ("a <lora:smile> face", "a  face", (lora("smile"),)),
        ("<lora:smile:>", "", (lora("smile"),)),
        ("<lora: smile : 0.5 >", "", (lora("smile", 0.5),)),
        ("<lyco:x/y.safetensors:-1:0.25>", "", (lora("x/y.safetensors", -1, 0.25),)),
        ("<lora:a:1><lora:b:2> <lora:a:3>", " ", (lora("a"), lora("b", 2))),
        ("<lora:a:LBW=SD-MIDD;>", "", (lora("a", by="SD-MIDD;"),)),
        ("<lora:a:.5:1:LBW=B1:0,A;A=4;>", "", (lora("a", 0.5, 1, "B1:0,A;A=4;"),)),
        ("<lora:a:LBW=1,0;B=2;:.5>", "", (lora("a", 0.5, by="1,0;B=2;"),)),
        ("<lora:a:te=0.5:unet=0.8>", "", (lora("a", 0.8, 0.5),)),
        ("<lora:a:unet=0.8>", "", (lora("a", 0.8, 1),)),
        ("<lora:a:0.3:unet=0.8>", "", (lora("a", 0.8, 0.3),)),
        ("<lora:a:0.3:te=0.5>", "", (lora("a", 0.5, 0.5),)),
        ("<lora:a:0.3:0.4:te=0.5>", "", (lora("a", 0.3, 0.5),)),
        ("<lora:a:TE = 0.5 :Unet=0.8>", "", (lora("a", 0.8, 0.5),)),
        ("<lora:a:0.7:lbw=MIDD>", "", (lora("a", 0.7, by="MIDD"),)),
        ("<lora:a:lbw=MIDD:0.7>", "", (lora("a", 0.7, by="MIDD"),)),
        ("<lora:a:1:1:lbw=1,0,1:te=0.5>", "", (lora("a", 1, 0.5, by="1,0,1"),)),
        ("<lora:a:lbw=MIDD:te=0.5>", "", (lora("a", 0.5, by="MIDD"),)),
        ("<lora:a:1:LBW=SD-ALL:A=1;B=2>", "", (lora("a", by="SD-ALL:A=1;B=2"),)),
        ("<lora:a:1:LBW=SD-ALL:A=1:B=2>", "", (lora("a", by="SD-ALL:A=1;B=2"),)),
        (
            "<lora:> <lora: :1> <LORA:a> <lora a> 1 <lora:a",
            "<lora:> <lora: :1> <LORA:a> <lora a> 1 <lora:a",
            (),
        ),
    ],
)
def test_a_prompt_is_parted_into_text_and_loras(
    prompt: str, text: str, loras: tuple[Lora, ...]
) -> None:
    assert parsed(prompt) == (text, loras)


@given(st.text(), st.text())
def test_all_but_the_tag_stays_as_it_is(before: str, after: str) -> None:
    before, after = before.replace("<", ""), after.replace("<", "")
    assert parsed(f"{before}<lora:a:0.5>{after}") == (before + after, (lora("a", 0.5),))


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("<lora:a:strong>", "<lora:a:strong> has 'strong' for a weight, which is no number"),
        ("<lora:a:1:nan>", "has 'nan' for a weight"),
        ("<lora:a:1e999>", "has '1e999' for a weight"),
        ("<lora:a:1:2:3>", "<lora:a:1:2:3> has 3 weights; it takes two at most"),
        ("<lora:a:te=x>", "<lora:a:te=x> has 'x' for a weight"),
        ("<lora:a:dyn=4>", "<lora:a:dyn=4> has dyn=; known are te=, unet= and LBW="),
    ],
)
def test_a_weight_that_cannot_be_is_refused(prompt: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        parsed(prompt)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("<lora:a:strong:2>", lora("a", 2)),
        ("<lora:a:strong>", lora("a")),
        ("<lora:a:1:2:3>", lora("a", 1, 2)),
    ],
)
def test_it_is_passed_over_as_the_nodes_do_where_that_is_asked(prompt: str, expected: Lora) -> None:
    assert parsed(prompt, compatible=True) == ("", (expected,))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Blocks(None)),
        ("SD-MIDD;", Blocks("SD-MIDD")),
        ("1,0,0,1;A=0.5;B=2.0", Blocks("1,0,0,1", 0.5, 2)),
        ("B1:0,A,B;B=0.;", Blocks("0,A,B", None, 0)),
        (" 1,A ; A= 3 ", Blocks("1,A", 3)),
        ("SD-ALL:A=1;B=2", Blocks("SD-ALL", 1, 2)),
        ("SD-ALL:A=1;B=2;", Blocks("SD-ALL", 1, 2)),
        ("SD-ALL;a=1;b=2", Blocks("SD-ALL", 1, 2)),
        ("B=2;A=1;SD-ALL", Blocks("SD-ALL", 1, 2)),
    ],
)
def test_weights_by_blocks_are_read_with_their_letters(text: str, expected: Blocks) -> None:
    assert blocks(text) == expected


def test_a_letter_that_is_no_number_is_refused() -> None:
    with pytest.raises(InputError, match="LBW=1,A;A=x has 'x' for a weight"):
        blocks("1,A;A=x")
