"""Comments: the lines of a prompt that begin with # and are not part of it."""

from __future__ import annotations


def uncommented(text: str) -> str:
    """The text without lines whose first character, spaces aside, is #; else as it is.

    As in the Impact Pack, the gap that they leave is closed with a space in place of a line break;
    where comments come first, that is the break after the first line that is kept.
    """
    kept: list[str] = []
    gap = False
    for line in text.split("\n"):
        if line.lstrip().startswith("#"):
            gap = True
        elif not kept:
            kept.append(line)
        else:
            kept += [" " if gap else "\n", line]
            gap = False
    return "".join(kept)
