"""Where the nodes point SAM, which of its masks count, and what they make of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from detailer.core.geometry import Box, Size
from detailer.core.hints import Hints, Pointing, around, in_mask, point_at
from detailer.core.matte import Matte
from detailer.core.regions import Regions
from detailer.core.segmenter import Guess, Prompt
from detailer.stages.refine import Refine, in_threes, seen, sure, union
from tests.golden.loader import Case, cases, check
from tests.golden.segs import regions_of


@cases("08_sam_hints")
def test_sam_is_prompted_and_heard_as_by_the_nodes(case: Case) -> None:
    check(
        case,
        {
            "hints": hints,
            "mask_area": area,
            "negative": negatives,
            "select": selected,
            "make_sam_mask": whole,
        },
    )


def same_points(ours: Hints | Prompt, recorded: dict[str, Any]) -> None:
    theirs = recorded["points"]
    assert len(ours.points) == len(theirs)
    if theirs:
        np.testing.assert_allclose(ours.points, theirs, rtol=0, atol=1e-6)
    assert [int(positive) for positive in ours.positive] == recorded["labels"]


def hints(case: Case) -> None:
    params, seg = case.params, case.inputs["seg"]
    height, width = params["image_hw"]
    (region,) = regions_of({"header": [height, width], "segs": [seg]})
    how = Pointing(
        params["detection_hint"],
        params["mask_hint_threshold"],
        params["mask_hint_use_negative"],
        compatible=True,
    )
    shown = Box(*params["dilated_bbox"])
    same_points(point_at(region, shown, Size(width, height), how), case.outputs)


def area(case: Case) -> None:
    params, mask = case.params, case.inputs["mask"]
    left, top = params["x"], params["y"]
    box = Box(left, top, left + mask.shape[1], top + mask.shape[0])
    ours = in_mask(Matte(mask, box), params["threshold"], params["use_negative"])
    same_points(ours, case.outputs)


def negatives(case: Case) -> None:
    params = case.params
    kept = Box(params["x1"], params["y1"], params["x2"], params["y2"])
    # The nodes hand over the height as width, so what is recorded as w is a picture's height.
    picture = Size(params["h"], params["w"])
    same_points(around(kept, picture, compatible=True), case.outputs)


def selected(case: Case) -> None:
    nothing = Matte(np.zeros((0, 0), np.float32), Box(0, 0, 0, 0))
    guesses = [Guess(nothing, score) for score in case.params["scores"]]
    kept = sure(guesses, case.params["threshold"])
    assert [guesses.index(guess) for guess in kept] == case.outputs["selected_indices"]


@dataclass
class Recording:
    """The recorded fake predictor: its masks depend on nothing but how often it was asked."""

    size: Size
    asked: list[Prompt] = field(default_factory=list)

    def masks(self, prompts: Sequence[Prompt], /) -> Iterator[list[Guess]]:
        for prompt in prompts:
            self.asked.append(prompt)
            count = len(self.asked)
            yield [Guess(self.mask(count, number), 1.0) for number in range(1 + count % 3)]

    def mask(self, count: int, number: int) -> Matte:
        left = (17 * count + 11 * number) % max(1, self.size.width - 12)
        top = (23 * count + 7 * number) % max(1, self.size.height - 12)
        box = Box(left, top, left + 10, top + 12).clipped(self.size.box)
        return Matte(np.ones(box.size.shape, np.float32), box)


def whole(case: Case) -> None:
    params, outputs = case.params, case.outputs
    regions = regions_of(case.inputs["segs"])
    how = Refine(
        hint=params["detection_hint"],
        sam_dilation=params["dilation"],
        sam_threshold=params["threshold"],
        sam_bbox_expansion=params["bbox_expansion"],
        sam_mask_hint_threshold=params["mask_hint_threshold"],
        sam_mask_hint_use_negative=params["mask_hint_use_negative"],
        sam_union=True,
        compatible=True,
    )
    scene = Recording(regions.size)
    mask = union(regions, scene, how)
    theirs = outputs["mask"].reshape(regions.size.shape)
    assert np.array_equal(mask.within(regions.size.box), theirs)
    assert len(scene.asked) == len(outputs["calls"])
    for prompt, call in zip(scene.asked, outputs["calls"], strict=True):
        same_points(prompt, call)
        assert (prompt.box and list(prompt.box)) == call["bbox"]
    if outputs.get("batch") is not None:
        same_batch(regions, how, outputs["batch"])


def same_batch(regions: Regions, how: Refine, batch: np.ndarray) -> None:
    ours = in_threes(seen(regions, Recording(regions.size), how))
    assert len(ours) == len(batch)
    for mask, theirs in zip(ours, batch, strict=True):
        assert np.array_equal(mask.within(regions.size.box), theirs[0])
