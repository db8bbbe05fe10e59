"""Tags lead a prompt, and what is nearly one is told."""

from __future__ import annotations

import pytest

from detailer.errors import InputError
from detailer.prompts.tags import (
    MODES,
    Tagged,
    check_item,
    check_leading,
    check_separators,
    tagged,
    trimmed,
)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_leads_with_and_without_concat(mode: str) -> None:
    assert tagged(f"[{mode}]a") == trimmed(f" [{mode}] a\n") == Tagged("a", mode)
    assert tagged(f"[CONCAT][{mode}]a") == Tagged("a", mode, concat=True)


def test_only_the_very_beginning_counts_as_in_the_nodes() -> None:
    assert tagged(" [ASC]a") == Tagged(" [ASC]a")
    assert tagged("[CONCAT] [ASC]a") == Tagged(" [ASC]a", concat=True)
    assert tagged("[ASC][CONCAT]a") == Tagged("[CONCAT]a", "ASC")


def test_where_spaces_do_not_count_tags_may_stand_after_some() -> None:
    assert trimmed("\n [CONCAT]\n[DSC-SIZE] a[SEP]b\n") == Tagged("a[SEP]b", "DSC-SIZE", True)
    assert trimmed(" a face ") == Tagged(" a face ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[ASCX]a", r"\[ASCX\] is no tag; did you mean ASC\?"),
        ("[SKPI]", "did you mean SKIP"),
        ("[XYZ] a", r"known: ASC, .* \(as a word of a prompt: \\\[XYZ\]\)"),
        ("[asc]a[SEP]b", r"tags are in capitals: \[ASC\]"),
        ("[Skip]", r"tags are in capitals: \[SKIP\]"),
        ("[ASC a[SEP]b", r"\[ASC is not closed; write \[ASC\]"),
        ("  [CONCAT a", "is not closed"),
    ],
)
def test_what_is_nearly_a_tag_is_refused_with_the_one_that_was_meant(
    text: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        check_leading(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "[word] a", "[A] a", "[HDR photo], sharp", "[a:b:0.5]", "[a|b] c", r"\[XYZ] a",
        "(ASC) a", "[SKIP]", "[PROMPT], a", "[SEP]a", "[SEP:5]a", "a [XYZ]", "[smile",
        "[Smith], old",
    ],
)  # fmt: skip
def test_a_word_in_brackets_is_no_tag(text: str) -> None:
    check_leading(text)


@pytest.mark.parametrize("text", ["a[SEP b", "a[SEP:x]b", "a[SEP: 5]b", "a[SEP:-1]b", "a[SEP:]b"])
def test_a_separator_that_divides_nothing_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"divides nothing; write \[SEP\]"):
        check_separators(text)
    check_separators("a[SEP]b[SEP:5]c[SEP:R]d")


@pytest.mark.parametrize("text", ["b [SKIP]", "[DSC]b", "a [WHO] b", "[ALL] a", "[STOP], please"])
def test_a_tag_within_a_regions_text_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="means nothing in"):
        check_item(text)


@pytest.mark.parametrize("text", [" [SKIP] ", "[STOP]", "{[SKIP]|a}", "[PROMPT], a", "a [b] c"])
def test_a_regions_text_may_be_a_tag_or_choose_one(text: str) -> None:
    check_item(text)
