"""Regions: what a prompt and its negative say of each region of a picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Protocol

from detailer.core.paint import Paint
from detailer.core.regions import Regions
from detailer.errors import InputError
from detailer.prompts.labels import ByLabel, check_labels
from detailer.prompts.separators import Item, separated
from detailer.prompts.tags import (
    SKIP,
    STOP,
    Mode,
    Tagged,
    check_item,
    check_separators,
    tagged,
    trimmed,
)
from detailer.prompts.turns import InTurn, Shuffled
from detailer.prompts.who import Who

_IN_TURN: tuple[Mode, ...] = ("ASC", "DSC", "ASC-SIZE", "DSC-SIZE", "RND")
_ORDERS = _IN_TURN[:4]


class Sharing(Protocol):
    """A way to give out what a prompt says."""

    def shared(self, regions: Regions) -> list[Item]:
        """What it says of each region."""


@dataclass(frozen=True)
class Share:
    """A region's share: its own part of the prompt and of the negative, as written."""

    prompt: str
    negative: str
    seed: int | Literal["random"] | None = None
    """What its separator says; None: the region's own."""


@dataclass(frozen=True)
class Prompts:
    """A prompt and its negative, taken apart for the regions of any picture.

    `concat`: a region's part comes after the main prompt, not in its place.
    """

    prompt: Sharing
    negative: Sharing
    order: Mode | None = None
    concat: bool = False
    negative_concat: bool = False

    @classmethod
    def of(cls, paint: Paint) -> Prompts:
        """The prompts of some settings, by their prompt_syntax.

        Of two texts, one without a tag goes the way of the other: in turn, starting over.

        Raises:
            InputError: If a tag is not known, misplaced or not closed, if the two texts ask for
                two orders, or the negative says which regions are painted, or with which seed.
        """
        prompt, negative = (_tagged(text, paint) for text in (paint.prompt, paint.negative))
        orders = [each.mode for each in (prompt, negative) if each.mode in _ORDERS]
        if len(set(orders)) > 1:
            raise InputError(
                f"prompt wants [{orders[0]}] and negative [{orders[1]}]; regions have one order"
            )
        shared = _sharing(_led_by(prompt, negative), paint)
        refused = _sharing(_led_by(negative, prompt), paint)
        _check_negative(refused, paint.negative)
        order = orders[0] if orders else None
        return cls(shared, refused, order, prompt.concat, negative.concat)

    @property
    def common(self) -> Share | None:
        """The one share that all regions have; None if it may differ."""
        items = [
            sharing.items[0]
            for sharing in (self.prompt, self.negative)
            if isinstance(sharing, InTurn) and len(sharing.items) == 1
        ]
        return Share(items[0].text, items[1].text) if len(items) == 2 else None

    def ordered(self, regions: Regions) -> Regions:
        """The regions in the order that the prompt asks for; those equal in it keep theirs."""
        if self.order is None:
            return regions
        descending = self.order.startswith("DSC")
        if self.order.endswith("SIZE"):
            return regions.sorted(lambda region: region.box.area, descending)
        items = sorted(
            regions, key=lambda region: (region.box.left, region.box.top), reverse=descending
        )
        return regions.holding(items)

    def shares(self, regions: Regions) -> list[Share]:
        """The share of each region that takes one, in order."""
        said, refused = self.prompt.shared(regions), self.negative.shared(regions)
        return [
            Share(item.text, negative.text, item.seed)
            for item, negative in zip(said, refused, strict=True)
        ]


def _tagged(text: str, paint: Paint) -> Tagged:
    if paint.prompt_syntax == "nodes":
        return tagged(text)
    found = trimmed(text)
    if paint.prompt_syntax == "adetailer" and (found.mode or found.concat):
        tag = found.mode or "CONCAT"
        raise InputError(f"[{tag}] is no tag of ADetailer; take prompt_syntax auto or nodes")
    return found


def _led_by(text: Tagged, other: Tagged) -> Tagged:
    """The text, with the other's mode if it has none and that one goes in turn."""
    if text.mode is None and other.mode in _IN_TURN:
        return replace(text, mode=other.mode)
    return text


def _sharing(text: Tagged, paint: Paint) -> Sharing:
    exact = paint.prompt_syntax == "nodes"
    if text.mode == "WHO":
        return Who.of(text.text)
    if text.mode == "LAB":
        if not exact:
            check_labels(text.text)
        return ByLabel.of(text.text, exact)
    if exact and text.mode is None:
        return InTurn((Item(text.text),), wraps=True)
    items = separated(text.text)
    if not exact:
        items = _checked(text.text, items)
    return Shuffled(items, paint.seed) if text.mode == "RND" else InTurn(items, bool(text.mode))


def _checked(text: str, items: tuple[Item, ...]) -> tuple[Item, ...]:
    check_separators(text)
    for item in items:
        check_item(item.text)
    if len(items) == 1:
        return items
    return tuple(replace(item, text=item.text.strip()) for item in items)


def _check_negative(sharing: Sharing, text: str) -> None:
    for tag in (SKIP, STOP):
        if tag in text:
            raise InputError(f"{tag} stands in the negative; the prompt says who is painted")
    if isinstance(sharing, InTurn | Shuffled) and any(
        item.seed is not None for item in sharing.items
    ):
        raise InputError("the negative gives a seed; seeds stand in the prompt: [SEP:123]")
