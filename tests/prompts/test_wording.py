"""A region's words: the picture's put in, choices made, LoRA tags taken out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from detailer.core.paint import Lora, Paint
from detailer.errors import InputError
from detailer.prompts.dynamic import resolved
from detailer.prompts.regions import Share
from detailer.prompts.wording import SKIPPED, STOPPED, Wording, Words, mentioned, untagged

MAIN: dict[str, Any] = {"main_prompt": "a crowd", "main_negative": "blur"}


def words(prompt: str, negative: str = "", seed: int = 0, **settings: Any) -> Words:
    paint = Paint(prompt=prompt, negative=negative, **settings)
    said = Wording.of(paint).words(Share(prompt, negative), seed)
    assert isinstance(said, Words)
    return said


def test_an_empty_text_is_the_pictures() -> None:
    said = words("", " ", **MAIN)
    assert (said.prompt, said.negative) == ("a crowd", "blur")
    assert words(" ").prompt == " "


def test_prompt_stands_for_the_pictures_in_every_text() -> None:
    said = words(
        "[PROMPT], a face", "ugly, [PROMPT]", refiner_prompt="[PROMPT], sharp",
        refiner_negative="[PROMPT]s", **MAIN,
    )  # fmt: skip
    assert said.prompt == "a crowd, a face"
    assert said.negative == "ugly, blur"
    assert (said.refiner_prompt, said.refiner_negative) == ("a crowd, sharp", "blurs")


def test_concat_puts_the_pictures_before_a_break() -> None:
    def told(prompt: str, negative: str, **settings: str) -> tuple[str, str]:
        wording = Wording.of(Paint(prompt=prompt, negative=negative, **settings))
        said = wording.common
        assert said is not None
        return said.prompt, said.negative

    assert told("[CONCAT]a face", "x", **MAIN) == ("a crowd BREAK a face", "x")
    assert told("[CONCAT]a face", "[CONCAT]x", **MAIN)[1] == "blur BREAK x"
    assert told("[CONCAT]", "", **MAIN) == ("a crowd", "blur")
    assert told("[CONCAT]a face", "") == ("a face", "")


def test_a_missing_wildcard_stays_with_the_nodes_and_is_warned_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    wording = Wording.of(Paint(prompt="a __hat__, {b|b}", prompt_syntax="nodes"))
    for seed in range(3):
        said = wording.words(Share(wording.paint.prompt, ""), seed)
        assert isinstance(said, Words)
        # As the Impact Pack leaves it: what it looked for last.
        assert said.prompt == "a __*/hat__, b"
    (warned,) = caplog.messages
    assert "wildcard __hat__ does not exist and stays" in warned


@pytest.mark.parametrize("syntax", ["auto", "adetailer"])
def test_a_missing_wildcard_is_an_error_to_the_others(syntax: str) -> None:
    with pytest.raises(InputError, match="wildcard __hat__ does not exist"):
        words("a __hat__", prompt_syntax=syntax)


def test_a_wildcard_that_is_there_is_drawn_with_the_nodes_too(tmp_path: Path) -> None:
    (tmp_path / "hat.yaml").write_text("cap: [x]\n---\nhat: [beret]\n", encoding="utf-8")
    pytest.importorskip("yaml")
    said = words("a __hat__, __cap__", prompt_syntax="nodes", wildcards=(str(tmp_path),))
    assert said.prompt == "a beret, x"


def test_skip_and_stop_are_reasons() -> None:
    wording = Wording.of(Paint())
    assert wording.words(Share(" [SKIP]\n", ""), 0) == SKIPPED
    assert wording.words(Share("[STOP]", ""), 0) == STOPPED
    assert wording.words(Share("{[SKIP]|[SKIP]}", ""), 0) == SKIPPED
    assert Wording.of(Paint(prompt="[SKIP]")).common is None


def test_choices_come_from_the_seed_the_same_ones_in_every_text() -> None:
    choice = "{a|b|c|d|e|f|g|h}"
    found = set()
    for seed in range(20):
        said = words(choice, choice, seed, refiner_prompt=choice)
        assert said == words(choice, choice, seed, refiner_prompt=choice)
        assert said.prompt == said.negative == said.refiner_prompt == resolved(choice, seed)
        found.add(said.prompt)
    assert len(found) > 4


def test_the_pictures_prompt_may_choose_as_well() -> None:
    said = words("[PROMPT] {x|x}", main_prompt="{a|a} crowd", seed=3)
    assert said.prompt == "a crowd x"


def test_wildcards_are_looked_for_in_the_folders(tmp_path: Path) -> None:
    (tmp_path / "eyes.txt").write_text("blue eyes\n", encoding="utf-8")
    assert words("__eyes__", wildcards=(str(tmp_path),)).prompt == "blue eyes"
    with pytest.raises(InputError, match="__eyes__"):
        words("__eyes__")
    with pytest.raises(InputError, match="does not exist"):
        Wording.of(Paint(wildcards=(str(tmp_path / "none"),)))


def test_a_wildcard_may_bring_a_lora_and_leave_a_region_out(tmp_path: Path) -> None:
    (tmp_path / "style.txt").write_text("<lora:ink:0.5>ink\n", encoding="utf-8")
    (tmp_path / "none.txt").write_text("[SKIP]\n", encoding="utf-8")
    wording = Wording.of(Paint(wildcards=(str(tmp_path),)))
    said = wording.words(Share("__style__", ""), 0)
    assert isinstance(said, Words)
    assert said.prompt == "ink"
    assert said.loras == (Lora(name="ink", weight=0.5),)
    assert wording.words(Share("__none__", ""), 0) == SKIPPED


def test_loras_of_tags_stand_before_given_ones_and_instead_of_those_of_their_name() -> None:
    given = (Lora(name="a"), Lora(name="b"))
    text, loras = untagged("x <lora:b:0.5:0.2> y", given)
    assert text == "x  y"
    assert loras == (Lora(name="b", weight=0.5, text_weight=0.2), Lora(name="a"))
    assert untagged(text, loras) == (text, loras)


def test_without_a_text_weight_a_lora_weighs_the_same_in_both() -> None:
    assert Lora(name="a", weight=0.3).text_weight == 0.3
    assert Lora(name="a", text_weight=0.3).weight == 1


def test_only_what_is_new_is_a_change() -> None:
    paint = Paint(prompt="a", negative="b")
    said = Wording.of(paint).common
    assert said is not None
    assert said.changes(paint) == {}
    assert said.changes(Paint(prompt="a")) == {"negative": "b"}


@pytest.mark.parametrize(
    "settings",
    [
        {"prompt": "{a|b}"}, {"negative": "__x__"}, {"main_prompt": "{a|b}"},
        {"refiner_prompt": "{a|b}"}, {"prompt": "a[SEP]b"},
    ],
)  # fmt: skip
def test_what_may_differ_from_region_to_region_has_no_common_words(
    settings: dict[str, str],
) -> None:
    assert Wording.of(Paint(**settings)).common is None


def test_comments_go_and_leave_what_is_common() -> None:
    said = Wording.of(Paint(prompt="a\n# not now\nb #1")).common
    assert said is not None
    assert said.prompt == "a b #1"


def test_the_pictures_prompt_is_mentioned_where_it_may_be_told() -> None:
    def said(prompt: str) -> bool:
        return "crowd" in mentioned(Paint(prompt=prompt, **MAIN))

    assert said("")
    assert said("a, [PROMPT]")
    assert said("[WHO][left] a")
    assert not said("a face")
