"""Weights: prompts taken apart as ComfyUI takes them apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from detailer.engines.painters.diffusion.text.brackets import literal, to_the_letter
from detailer.engines.painters.diffusion.text.weights import Weighted, plain, weighted
from detailer.errors import InputError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("a face", [("a face", 1.0)]),
        ("a (face)", [("a ", 1.0), ("face", 1.1)]),
        ("(a:1.3) b", [("a", 1.3), (" b", 1.0)]),
        ("((a))", [("a", 1.21)]),
        ("(a (b:0.5) c:2)", [("a ", 2.0), ("b", 0.5), (" c", 2.0)]),
        ("((a) b:0.6)", [("a", 0.66), (" b", 0.6)]),
        ("(a: .5 )", [("a", 0.5)]),
        ("(a:-1)", [("a", -1.0)]),
        ("(1:2:3)", [("1:2", 3.0)]),
        ("(a:1e1)", [("a", 10.0)]),
    ],
)
def test_parentheses_weigh_what_they_hold(text: str, expected: list[tuple[str, float]]) -> None:
    assert [(each.text, pytest.approx(each.weight)) for each in weighted(text)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a)", [("a)", 1.0)]),
        ("(a", [("(a", 1.0)]),
        ("a (b", [("a ", 1.0), ("(b", 1.0)]),
        (")(a)", [(")(a)", 1.0)]),
        (")((a) b", [(")(", 1.0), ("a", 1.1), (" b", 1.0)]),
        ("((a)", [("(a", 1.1)]),
        ("(", [("(", 1.0)]),
        ("()", []),
        ("(:1.2)", [(":1.2", 1.1)]),
        ("(a:b)", [("a:b", 1.1)]),
        ("(a:)", [("a:", 1.1)]),
        ("(a:nan)", [("a:nan", 1.1)]),
        ("(a:inf)", [("a:inf", 1.1)]),
    ],
)
def test_what_is_no_pair_or_no_number_is_text(text: str, expected: list[tuple[str, float]]) -> None:
    assert [(each.text, pytest.approx(each.weight)) for each in weighted(text)] == expected


def test_escaped_parentheses_are_letters() -> None:
    assert weighted(r"\(a\) (b \(c\):2)") == (Weighted("(a) "), Weighted("b (c)", 2.0))


@given(some.text(alphabet="ab()[]|\\: .5", max_size=40))
def test_no_prompt_is_refused_and_no_letter_is_added(text: str) -> None:
    said = "".join(each.text for each in weighted(text))
    assert len(said) <= len(text)
    assert sum(map(said.count, "ab")) == sum(map(text.count, "ab"))


@given(some.text(alphabet=some.characters(exclude_characters="()[]\\")))
def test_a_prompt_without_parentheses_is_one_stretch(text: str) -> None:
    assert weighted(text) == ((Weighted(text),) if text else ())


def test_parentheses_may_be_nested_deeper_than_python_calls() -> None:
    assert weighted("(" * 1200 + "a" + ":1)" * 1200) == (Weighted("a"),)


@pytest.mark.parametrize("text", ["(a:1e39)", "(a:-10001)", "(" * 100 + "a" + ")" * 100])
def test_weights_beyond_reason_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="is out of range: it must be within ±10000"):
        weighted(text)


def test_language_models_read_a_prompt_as_it_stands() -> None:
    assert plain(r"a (red:1.2) \(very\) [old] face") == "a (red:1.2) (very) [old] face"
    assert plain(r"a \[red\] face BREAK a hand") == "a [red] face a hand"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a [b]", [("a ", 1.0), ("b", 1 / 1.1)]),
        ("[[a] b]", [("a", 1 / 1.21), (" b", 1 / 1.1)]),
        ("[[[a]]]", [("a", 1 / 1.331)]),
        ("([a] b:1.5)", [("a", 1.5 / 1.1), (" b", 1.5)]),
        ("[a (b) c]", [("a ", 1 / 1.1), ("b", 1.0), (" c", 1 / 1.1)]),
        ("[(a:1.3) b]", [("a", 1.3), (" b", 1 / 1.1)]),
        (r"[a\)]", [("a)", 1 / 1.1)]),
    ],
)
def test_brackets_weaken_what_they_hold_as_in_the_webui(
    text: str, expected: list[tuple[str, float]]
) -> None:
    assert [(each.text, pytest.approx(each.weight)) for each in weighted(text)] == expected


@pytest.mark.parametrize(
    "text", ["a]", "[a", "[a:b:0.5]", "[a|b]", "[]", "a [SEP: 5] b", "[", "][", "a[b"]
)
def test_brackets_that_are_no_pair_or_change_the_prompt_meanwhile_are_letters(text: str) -> None:
    assert weighted(text) == (Weighted(text),)


def test_a_bracket_that_takes_half_a_pair_of_parentheses_is_a_letter() -> None:
    assert weighted("([a) b]") == (Weighted("[a", 1.1), Weighted(" b]"))
    assert weighted("(a [b] c") == (Weighted("(a [b] c"),)


def test_escaped_brackets_are_letters() -> None:
    assert weighted(r"\[a\] [b]") == (Weighted("[a] "), Weighted("b", 1 / 1.1))


@given(some.text(alphabet="ab()[]: ", max_size=30))
def test_to_the_nodes_all_brackets_are_letters(text: str) -> None:
    ours = weighted(literal(text))
    swapped = weighted(text.replace("[", "<").replace("]", ">"))
    assert ours == tuple(
        Weighted(each.text.replace("<", "[").replace(">", "]"), each.weight) for each in swapped
    )


def test_a_backslash_before_a_bracket_is_a_letter_to_the_nodes_alone() -> None:
    assert weighted(literal(r"\[x]")) == (Weighted("[x]"),)
    assert weighted(to_the_letter(r"\[x]")) == (Weighted(r"\[x]"),)
    assert weighted(to_the_letter("(word:1.3) portrait, [x]")) == (
        Weighted("word", 1.3), Weighted(" portrait, [x]"),
    )  # fmt: skip
