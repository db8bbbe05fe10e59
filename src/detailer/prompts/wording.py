"""Wording: a region's share of the prompts as the words that its painter is told."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from detailer.core.paint import Lora, Paint
from detailer.prompts.dynamic import resolved
from detailer.prompts.lora import parsed
from detailer.prompts.regions import Prompts, Share
from detailer.prompts.tags import PROMPT, SKIP, STOP
from detailer.prompts.wildcards import Wildcards

TEXTS: Final = ("prompt", "negative", "refiner_prompt", "refiner_negative")
"""The settings of Paint that a painter is told as words."""

SKIPPED, STOPPED = "its prompt is [SKIP]", "the prompts end at [STOP]"
_REASONS: Mapping[str, str] = {SKIP: SKIPPED, STOP: STOPPED}
_CHOICE = re.compile(r"[{}]|__")


@dataclass(frozen=True)
class Words:
    """What the painter of one region is told: nothing in it is left to be chosen."""

    prompt: str
    negative: str
    refiner_prompt: str
    refiner_negative: str
    loras: tuple[Lora, ...]

    def changes(self, paint: Paint) -> dict[str, Any]:
        """What of it is not in the settings already."""
        words = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: said for name, said in words.items() if said != getattr(paint, name)}


@dataclass(frozen=True)
class Wording:
    """What all regions' prompts are made with: the main prompts, wildcards, given LoRAs."""

    paint: Paint
    prompts: Prompts
    wildcards: Wildcards = field(default_factory=lambda: Wildcards({}), compare=False)

    @classmethod
    def of(cls, paint: Paint) -> Wording:
        """The wording of some settings.

        Raises:
            InputError: If the prompts cannot be taken apart, or a folder of wildcards is not there.
        """
        return cls(paint, Prompts.of(paint), Wildcards.of(paint.wildcards))

    @property
    def common(self) -> Words | None:
        """What all regions are told; None if it may differ, or none of them is painted.

        Raises:
            InputError: If a LoRA tag is wrong.
        """
        paint, share = self.paint, self.prompts.common
        texts = (
            paint.prompt, paint.negative, paint.main_prompt, paint.main_negative,
            paint.refiner_prompt, paint.refiner_negative,
        )  # fmt: skip
        if share is None or any(_CHOICE.search(text) for text in texts):
            return None
        words = self.words(share, 0)
        return None if isinstance(words, str) else words

    def words(self, share: Share, seed: int) -> Words | str:
        """What a region's painter is told, or why the region is left out.

        Every text is resolved with a generator of its own from the region's seed, so that the same
        choice in two of them has the same outcome. After that LoRA tags are taken out.

        Raises:
            InputError: If a text or a tag in it cannot be resolved.
        """
        own = self._said(share.prompt, seed)
        reason = _REASONS.get(own.strip())
        if reason:
            return reason
        paint, prompts = self.paint, self.prompts
        main = self._said(paint.main_prompt, seed)
        main_negative = self._said(paint.main_negative, seed)
        prompt = composed(own, main, prompts.concat)
        negative = self._said(share.negative, seed)
        prompt, loras = untagged(prompt, paint.loras)
        return Words(
            prompt,
            composed(negative, main_negative, prompts.negative_concat),
            self._said(paint.refiner_prompt, seed).replace(PROMPT, main),
            self._said(paint.refiner_negative, seed).replace(PROMPT, main_negative),
            loras,
        )

    def _said(self, text: str, seed: int) -> str:
        # Most prompts choose nothing and have no comments: a generator costs more than a look.
        if "#" not in text and not _CHOICE.search(text):
            return text
        # To the nodes' prompts a name that is not there is words like any other.
        exact = self.paint.prompt_syntax == "nodes"
        return resolved(text, seed, self.wildcards, compatible=exact)


def mentioned(paint: Paint) -> str:
    """All that the prompt of any region may be made of, as it is written."""
    takes_main = not paint.prompt.strip() or "[" in paint.prompt
    return f"{paint.prompt} {paint.main_prompt}" if takes_main else paint.prompt


def composed(own: str, main: str, concat: bool) -> str:
    """A region's text with the picture's where [PROMPT] stands; alone where it has none."""
    own = own.replace(PROMPT, main)
    if not own.strip():
        return main or own
    return f"{main} BREAK {own}" if concat and main.strip() else own


def untagged(prompt: str, given: Sequence[Lora] = ()) -> tuple[str, tuple[Lora, ...]]:
    """A prompt without its LoRA tags, and its LoRAs: those of the tags, and the others given.

    Raises:
        InputError: If a tag's weight is no number.
    """
    text, tags = parsed(prompt)
    named = {lora.name for lora in tags}
    return text, (*tags, *(lora for lora in given if lora.name not in named))
