"""A segmenter that needs no model: it sees the things that it was told of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from detailer.core.geometry import Box, Point
from detailer.core.matte import Matte
from detailer.core.pixels import Picture
from detailer.core.segmenter import Guess, Prompt


@dataclass
class Things:
    """Guesses the thing under a prompt's first positive point, or under its box's middle.

    Every prompt has three guesses: nothing, the thing, and all things together; `scores` are
    theirs. It counts how often it looks, and remembers what it was asked.
    """

    things: tuple[Matte, ...]
    scores: tuple[float, float, float] = (0.2, 0.97, 0.5)
    looks: int = 0
    asked: list[Prompt] = field(default_factory=list)

    def look(self, picture: Picture, /) -> Things:
        self.looks += 1
        return self

    def masks(self, prompts: Sequence[Prompt], /) -> Iterator[list[Guess]]:
        for prompt in prompts:
            self.asked.append(prompt)
            hit = [thing for thing in self.things if holds(thing, place_of(prompt))]
            masks = (together([]), together(hit), together(self.things))
            yield [Guess(mask, score) for mask, score in zip(masks, self.scores, strict=True)]


def place_of(prompt: Prompt) -> Point:
    inside = [point for point, yes in zip(prompt.points, prompt.positive, strict=True) if yes]
    if inside:
        return inside[0]
    assert prompt.box
    return prompt.box.centre


def holds(thing: Matte, place: Point) -> bool:
    x, y = (int(side) for side in place)
    return bool(thing.within(Box(x, y, x + 1, y + 1))[0, 0] > 0)


def together(things: Sequence[Matte]) -> Matte:
    box = Box(0, 0, 0, 0)
    for thing in things:
        box = box.joined(thing.box)
    alpha = Matte.filled(Box(0, 0, 0, 0)).within(box)
    for thing in things:
        alpha = alpha.clip(thing.within(box))
    return Matte(alpha, box)
