"""Labels: prompts by what a region is, as the nodes' [LAB] gives them out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from detailer.core.regions import Regions
from detailer.errors import InputError
from detailer.prompts.separators import Item

_LINE = re.compile(r"\[([A-Za-z0-9_. ]+)\]([^\[]+)")
_ALL = "ALL"


@dataclass(frozen=True)
class ByLabel:
    """Texts by label; that of ALL stands before each of them, and alone for all other labels."""

    texts: Mapping[str, str]

    @classmethod
    def of(cls, text: str, exact: bool = True) -> ByLabel:
        """The lines `[label] text`, of two for one label the second. Blank ones are left out.

        exact: `[ face ]` is a label with spaces, as in the nodes; else they do not count.
        """
        lines = ((match[1], match[2].strip()) for match in _LINE.finditer(text))
        return cls({label if exact else label.strip(): said for label, said in lines if said})

    def shared(self, regions: Regions) -> list[Item]:
        """The prompt of each region; empty where nothing is said of its label."""
        prefix = self.texts.get(_ALL, "")
        return [Item(prefix + self.texts.get(region.label, "")) for region in regions]


def check_labels(text: str) -> None:
    """Refuse what the nodes would lose without a word.

    Raises:
        InputError: For [SKIP] and [STOP], which they take for labels, and for text that belongs
            to no label.
    """
    for tag in ("[SKIP]", "[STOP]"):
        if tag in text:
            raise InputError(f"[LAB] takes {tag} for a label; write [WHO] for [LAB], and [SKIP]")
    lost = _LINE.sub("", text).strip()
    if lost and not all(_is_label(part) for part in re.findall(r"\[[^\[\]]*\]|\S+", lost)):
        raise InputError(
            f"[LAB] has no label for {lost!r}: labels are of letters, digits, '_', '.' and spaces,"
            " and brackets within a text are not read; write [WHO] for [LAB], and \\[ there"
        )


def _is_label(part: str) -> bool:
    return re.fullmatch(r"\[[A-Za-z0-9_. ]+\]", part) is not None
