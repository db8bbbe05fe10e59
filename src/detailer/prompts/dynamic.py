"""Dynamic: prompts that choose, {a|b} and __name__, and the text that a seed makes of them."""

from __future__ import annotations

import numpy as np

from detailer.errors import InputError
from detailer.prompts.comments import uncommented
from detailer.prompts.drawing import DEEPEST, LONGEST, MOST_DRAWN, Drawing
from detailer.prompts.names import repeated
from detailer.prompts.wildcards import Wildcards

__all__ = ["DEEPEST", "LONGEST", "MOST_DRAWN", "ROUNDS", "resolved"]

ROUNDS = 100
"""How often what was put in is looked at again."""


def resolved(
    text: str,
    seed: int | np.random.Generator,
    wildcards: Wildcards | None = None,
    *,
    compatible: bool = False,
) -> str:
    """The text that a seed makes of a dynamic prompt, the same as in the Impact Pack.

    * `{a|b}`: one of them, innermost braces first. `{2::a|b}`: a is twice as likely. `{|a}`: a or
      nothing; `{}` is nothing.
    * `{2$$a|b|c}`: two of them, no one twice, with a space between; `{1-3$$…}`: one to three;
      `{-2$$…}`: one or two; `{2$$, $$…}`: with a comma between. More than there are: all of them.
    * `__name__`: a line of a wildcard, `__*__` one of any, `__name__` of any folder if there is no
      such name outside of folders. `3#__name__` is `__name__|__name__|__name__`. A weight before a
      line counts only in `{1$$__name__}`, which makes alternatives of the lines.
    * Lines that begin with # go. A brace without a partner, and what is no name, as `__a b__`,
      stay as they are; there is no way to escape a brace. A text with nothing of all this comes
      back as it is, and draws nothing.

    Choices are drawn in the order of the text from `numpy.random.default_rng(seed)`, round by
    round: first braces until there are none, then names, until there are none.

    Args:
        seed: 0 or above; or a generator, to draw from where it stands.
        compatible: As the Impact Pack, leave names that do not exist, as `__*/name__`, and what is
            unresolved after `ROUNDS`, instead of raising.

    Raises:
        InputError: If a name does not exist, except in a LoRA's tag, whose file may be called so;
            has no lines, or leads back to itself without end (the circle is named); if a weight is
            negative or no number, or all are 0; if a count is none, or falls (3-1); if the text
            grows beyond `LONGEST` characters or `MOST_DRAWN` lines, or braces are nested deeper
            than `DEEPEST`.
    """
    found = Wildcards({}) if wildcards is None else wildcards
    drawing = Drawing(_generator(seed), found, compatible)
    text = uncommented(text)
    for _ in range(ROUNDS):
        drawn = drawing.drawn
        text = drawing.names(drawing.braces(repeated(text, LONGEST)))
        if drawing.drawn == drawn:
            return text
    if compatible:
        return text
    raise drawing.fault(text, f"is not resolved after {ROUNDS} rounds")


def _generator(seed: int | np.random.Generator) -> np.random.Generator:
    if not isinstance(seed, np.random.Generator) and seed < 0:
        raise InputError(f"seed={seed} is below 0; give one from 0 on")
    return np.random.default_rng(seed)
