"""YAML of wildcards: names and choices, nothing is made of it, bombs are refused."""

from __future__ import annotations

import pytest

from detailer.errors import InputError
from detailer.prompts.outline import outlined

yaml = pytest.importorskip("yaml", reason="needs detailer[cli]")


@pytest.fixture(params=["libyaml", "python"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both of PyYAML's parsers; libyaml's is not installed everywhere."""
    if request.param == "python":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    elif not hasattr(yaml, "CSafeLoader"):
        pytest.skip("this PyYAML has no libyaml")


pytestmark = pytest.mark.usefixtures("parser")


def test_nested_names_are_joined_and_choices_stay_as_they_are_written() -> None:
    text = """\
# a comment
astronomy:
  Celestial Bodies:
    - Star
    - "with: colon, {a|b}"
  count: [1, 1.50, yes, 2024-01-01]
single: one
nothing:
none: [~, "", 'null', null]
deep: {a: {b: [c]}}
lines:
  - |
    two
    lines
---
second: [page]
single: two
"""
    assert outlined(text, "x.yaml") == {
        "astronomy/Celestial Bodies": ("Star", "with: colon, {a|b}"),
        "astronomy/count": ("1", "1.50", "yes", "2024-01-01"),
        "single": ("one", "two"),
        "nothing": (),
        "none": ("", "null"),
        "deep/a/b": ("c",),
        "lines": ("two\nlines\n",),
        "second": ("page",),
    }


@pytest.mark.parametrize("text", ["", "# nothing", "---\n---\n", "~"])
def test_an_empty_file_has_no_names(text: str) -> None:
    assert outlined(text, "x.yaml") == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- a\n- b", "x.yaml, line 1: is no name with choices; write name: before them"),
        ("\njust a text", "x.yaml, line 2: is no name with choices"),
        ("a:\n - (b: 1.2)\n - c: d", "x.yaml, line 2: has a choice that is no text; put it in q"),
        ("a:\n - [b]", "x.yaml, line 2: has a choice that is no text"),
        ("? [a]\n: b", "x.yaml, line 1: has a name that is no text"),
        ("a: &x [b]\nc: *x", r"x.yaml, line 2: has an alias \(\*name\), which is not read here"),
        ("a: &x [*x]", r"x.yaml, line 1: has an alias"),
        ("*x : a", r"x.yaml"),
        ("a: [b", "x.yaml is not YAML: while parsing"),
        ("a: b: c", "x.yaml is not YAML: mapping values"),
        ("a: \x07", "x.yaml is not YAML"),
        ("{a: " * 33 + "b" + "}" * 33, "x.yaml, line 1: nests names deeper than 32"),
    ],
)
def test_what_is_no_outline_is_refused_with_its_line(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        outlined(text, "x.yaml")


def test_a_bomb_of_aliases_is_refused_before_it_goes_off() -> None:
    levels = ["a0: &a0 [lol]"]
    levels += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 30)]
    with pytest.raises(InputError, match="line 2: has an alias"):
        outlined("\n".join(levels), "x.yaml")


def test_a_bomb_of_merged_names_is_refused_before_it_goes_off() -> None:
    levels = ["a0: &a0 {k: v}"]
    levels += [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}]}}" for i in range(1, 30)]
    with pytest.raises(InputError, match="line 2: has a"):
        outlined("\n".join(levels), "x.yaml")


def test_brackets_without_end_are_refused() -> None:
    with pytest.raises(InputError, match=r"x.yaml"):
        outlined("a: " + "[" * 20_000, "x.yaml")


def test_no_objects_are_made_of_what_is_written() -> None:
    text = 'a: !!python/object/apply:os.system ["exit 1"]\nb: !!python/name:os.system'
    assert outlined(text, "x.yaml") == {"a": ("exit 1",), "b": ("",)}
