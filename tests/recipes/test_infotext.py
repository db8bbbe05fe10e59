"""Infotexts: every value by its name, and an answer to whatever text there is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.recipes.infotext import NEGATIVE, PROMPT, parsed

names = st.from_regex(r"[A-Za-z][A-Za-z0-9 \-/]{0,20}[A-Za-z0-9]", fullmatch=True).filter(
    lambda name: name not in (PROMPT, NEGATIVE, "Steps")
)
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)


def written(value: str) -> str:
    """A value as A1111 writes it: quoted where it has a comma, a colon or a line break."""
    return json.dumps(value, ensure_ascii=False) if set(value) & set(",:\n") else value


@given(st.dictionaries(names, texts | st.text("ab,:\n\"\\ '[](){}", max_size=20), max_size=8))
def test_what_a1111_writes_is_read_back(values: dict[str, str]) -> None:
    values = {name: value.strip() for name, value in values.items()}
    values = {
        name: value
        for name, value in values.items()
        # Without a comma in it A1111 writes such a text as it is, and it looks like a quoted one.
        if written(value) != value or not value.startswith(('"', "{"))
    }
    values = {n: v for n, v in values.items() if v.splitlines() == [v] or written(v) != v or not v}
    pairs = ", ".join(f"{name}: {written(value)}" for name, value in values.items())
    found = parsed(f"a cat,\nsitting\nNegative prompt: dog,\nbird\nSteps: 20, {pairs}")
    assert found == {PROMPT: "a cat,\nsitting", NEGATIVE: "dog,\nbird", "Steps": "20"} | values


@given(st.text() | st.text('aS: ,\n"\\{}[]', max_size=200))
def test_whatever_text_is_given_there_is_an_answer(text: str) -> None:
    for one in (text, f"x\nSteps: 3, {text}"):
        found = parsed(one)
        assert {PROMPT, NEGATIVE} <= found.keys()
        assert all(isinstance(value, str) for value in found.values())


def test_the_prompt_may_be_missing_or_the_parameters() -> None:
    assert parsed("") == {PROMPT: "", NEGATIVE: ""}
    assert parsed("a cat") == {PROMPT: "a cat", NEGATIVE: ""}
    assert parsed("a cat\nNegative prompt: dog") == {PROMPT: "a cat", NEGATIVE: "dog"}
    assert parsed("Steps: 4, Seed: 1") == {PROMPT: "", NEGATIVE: "", "Steps": "4", "Seed": "1"}


def test_a_prompt_that_looks_like_parameters_is_one_all_the_same() -> None:
    found = parsed("Steps: 9, to heaven\nNegative prompt: x\nSteps: 20, Seed: 7")
    assert found[PROMPT] == "Steps: 9, to heaven"
    assert found["Steps"] == "20"


def test_lines_after_the_parameters_are_values_too() -> None:
    found = parsed("cat\nSteps: 20, Size: 512x512\nTemplate: {a|b} cat\nNegative Template: dog")
    assert found["Size"] == "512x512"
    assert found["Template"] == "{a|b} cat"
    assert found["Negative Template"] == "dog"


def test_parameters_that_begin_with_something_else_count_if_there_are_enough() -> None:
    assert parsed("cat\nSampler: Euler, Seed: 1, Size: 8x8")["Sampler"] == "Euler"
    assert parsed("cat\na: b, c: d")[PROMPT] == "cat\na: b, c: d"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('"a, b"', "a, b"),
        ('"say \\"hi\\", then"', 'say "hi", then'),
        ('"one,\\ntwo"', "one,\ntwo"),
        ('"one,\ntwo"', "one,\ntwo"),
        ('"\\(round\\), x"', "\\(round\\), x"),
        ('"cut, off', '"cut'),
        ('"quoted" and more', '"quoted" and more'),
        ('{"a": "b", "c": "d"}', '{"a": "b", "c": "d"}'),
        ("{a|b}", "{a|b}"),
        ("a:b", "a:b"),
        ("", ""),
    ],
    ids=str,
)
def test_a_value_is_taken_as_it_was_meant(written: str, meant: str) -> None:
    found = parsed(f"Steps: 20, Lora: {written}, Seed: 7")
    assert found["Lora"] == meant
    assert found["Seed"] == "7"


def test_what_has_no_name_is_left_out() -> None:
    found = parsed("Steps: 20, stray, , :, Seed: 7,")
    assert found == {PROMPT: "", NEGATIVE: "", "Steps": "20", "Seed": "7"}


@pytest.mark.parametrize("piece", [",", "\n", '"', 'a: "', 'a:{"x":', "Steps: 1,\n", "[", " "])
def test_a_huge_text_is_read_to_its_end(piece: str) -> None:
    found = parsed(f"x\nSteps: 20, y: {piece * 100_000}\nSteps: 30, Seed: 7")
    assert found["Steps"] == "30"
    assert found["Seed"] == "7"


@given(st.integers(0, 400))
def test_a_text_that_is_cut_off_keeps_what_came_before(length: int) -> None:
    whole = (
        "a cat\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 123,"
        ' Size: 512x512, ADetailer model: face.pt, ADetailer prompt: "a, b", Version: v1.10.1'
    )
    found, full = parsed(whole[:length]), parsed(whole)
    cut = list(found)[-1] if len(found) > 2 else None
    for name, value in found.items():
        if name not in (PROMPT, NEGATIVE, cut):
            assert full[name] == value
