"""Boxes of one detector with masks of another, or of a segmenter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.engines.catalog import open_detector
from detailer.engines.refined import bbox_sam, bbox_segm, masked, refined
from detailer.errors import EngineError, InputError, MissingEngineError
from detailer.stages.refine import Refine
from tests.fakes import finds, finds_regions
from tests.things import Things

PICTURE = np.zeros((40, 60, 3), np.uint8)
SIZE = Size(60, 40)
FOUND, SEEN = Box(10, 10, 30, 30), Box(20, 5, 50, 25)
PLAIN = Refine(bbox_dilation=0)


class Counting:
    """A detector that counts how often it is asked."""

    def __init__(self, found: Regions) -> None:
        self.found = found
        self.asked = 0

    def __call__(self, picture, /) -> Regions:
        self.asked += 1
        return self.found


def masks_at(*boxes: Box) -> Counting:
    return Counting(Regions(SIZE, tuple(Region.from_box(box, "person", 0.8) for box in boxes)))


def only(regions: Regions) -> Region:
    (region,) = regions
    return region


def test_a_picture_is_looked_at_once_for_all_that_was_found_in_it() -> None:
    boxes = [Box(x, 0, x + 2, 9) for x in range(0, 40, 2)]
    scene = Things((Matte.filled(Box(0, 0, 60, 40)),))
    detect = refined(finds(*boxes), scene)
    assert len(detect(PICTURE)) == 20
    assert scene.looks == 1
    detect(PICTURE)
    assert scene.looks == 2


def test_nothing_is_looked_at_where_nothing_was_found() -> None:
    scene, masks = Things(()), masks_at(SEEN)
    assert refined(finds(), scene)(PICTURE) == Regions(SIZE)
    assert masked(finds(), masks)(PICTURE) == Regions(SIZE)
    assert masked(finds(), masks, Refine(combine="replace"))(PICTURE) == Regions(SIZE)
    assert scene.looks == masks.asked == 0


def test_a_box_keeps_of_its_mask_what_any_of_the_others_masks_means() -> None:
    other = Box(0, 28, 12, 40)
    region = only(masked(finds(FOUND), masks_at(SEEN, other), PLAIN)(PICTURE))
    both = np.zeros(SIZE.shape, np.float32)
    both[SEEN.slices] = both[other.slices] = 1
    alone = np.zeros(SIZE.shape, np.float32)
    alone[FOUND.slices] = 1
    assert np.array_equal(region.mask.within(SIZE.box), both * alone)
    assert (region.box, region.label, region.score) == (FOUND, "face", 1.0)


def test_the_boxes_mask_is_grown_before() -> None:
    region = only(masked(finds(FOUND), masks_at(SEEN), Refine(bbox_dilation=8))(PICTURE))
    assert region.mask.trimmed().box == FOUND.grown(4).clipped(SEEN)


def test_where_the_other_means_nothing_an_empty_mask_stays() -> None:
    nothing = finds_regions(Regions(Size(1, 1)))
    region = only(masked(finds(FOUND), nothing)(PICTURE))
    assert region.box == FOUND
    assert region.mask.empty


def test_replaced_are_the_others_regions_with_their_own_labels() -> None:
    masks = masks_at(SEEN, FOUND)
    assert masked(finds(FOUND), masks, Refine(combine="replace"))(PICTURE) == masks.found


def test_a_detector_that_overrides_the_boxes_of_the_nodes_does_not_ask_for_any() -> None:
    boxes, masks = masks_at(), masks_at(SEEN)
    how = Refine(combine="replace", compatible=True)
    assert masked(boxes, masks, how)(PICTURE) == masks.found
    assert boxes.asked == 0


def test_the_nodes_meet_masks_bit_by_bit() -> None:
    grey = Regions(SIZE, (Region(SEEN, Matte(np.full((20, 30), 127 / 255, np.float32), SEEN)),))
    half = Regions(SIZE, (Region(SEEN, Matte(np.full((20, 30), 128 / 255, np.float32), SEEN)),))
    ours = only(masked(finds_regions(grey), finds_regions(half), PLAIN)(PICTURE))
    theirs = masked(finds_regions(grey), finds_regions(half), PLAIN.but(compatible=True))(PICTURE)
    assert ours.mask == grey[0].mask
    assert only(theirs).mask.empty


def test_masks_of_another_picture_are_a_failure_of_the_detector() -> None:
    elsewhere = finds_regions(Regions(Size(9, 9), (Region.from_box(Box(0, 0, 5, 5)),)))
    for combine in ("and", "replace"):
        with pytest.raises(EngineError, match="boxes were found in a picture of 60×40, masks in"):
            masked(finds(FOUND), elsewhere, Refine(combine=combine))(PICTURE)


@pytest.fixture
def mask_file(tmp_path: Path) -> Path:
    path = tmp_path / "white+part.png"
    mask = np.zeros(SIZE.shape, np.uint8)
    mask[SEEN.slices] = 255
    Image.fromarray(mask).save(path)
    return path


def test_two_detectors_are_one_by_their_names(mask_file: Path) -> None:
    spec = f"bbox+segm:boxes:10,10,30,30+mask:{mask_file}"
    region = only(open_detector(spec, how=PLAIN)(PICTURE))
    assert region.label == "box"
    assert region.mask.trimmed().box == FOUND.clipped(SEEN)


def test_a_plus_in_a_files_name_belongs_to_the_name(mask_file: Path) -> None:
    region = only(bbox_segm(f"mask:{mask_file}+boxes:10,10,30,30", how=PLAIN)(PICTURE))
    assert region.label == "mask"
    assert region.mask.trimmed().box == FOUND.clipped(SEEN)


@pytest.mark.parametrize(
    "path", ["", "+", "boxes:1,1,9,9", "boxes:1,1,9,9+", "boxes:1,1,9,9+what:x"]
)
def test_what_does_not_name_two_detectors_is_refused(path: str) -> None:
    with pytest.raises(InputError, match="does not name two detectors; give bbox"):
        bbox_segm(path)


def test_the_threshold_is_for_both_and_the_labels_are_for_the_boxes(monkeypatch) -> None:
    known = {"person": ("threshold", "labels"), "face": ("threshold", "labels"), "mask": ()}
    opened = []
    monkeypatch.setattr(f"{bbox_segm.__module__}.option_names", lambda kind, spec: known[spec])
    monkeypatch.setattr(
        f"{bbox_segm.__module__}.open_detector",
        lambda spec, **options: opened.append((spec, options)),
    )
    bbox_segm("face+person", threshold=0.3, labels=("a", "b"))
    bbox_segm("face+mask", threshold=0.4)
    assert opened == [
        ("face", {"threshold": 0.3, "labels": ("a", "b")}),
        ("person", {"threshold": 0.3}),
        ("face", {"threshold": 0.4}),
        ("mask", {}),
    ]


def test_what_does_not_name_a_detector_and_a_model_is_refused() -> None:
    with pytest.raises(InputError, match="does not name a detector and a model"):
        bbox_sam("owner/name")


def test_without_any_names_the_catalog_says_what_is_needed() -> None:
    with pytest.raises(MissingEngineError, match=r"two detectors: bbox\+segm:"):
        open_detector("bbox+segm")
    with pytest.raises(InputError, match="has no option 'blur'"):
        open_detector("bbox+segm:face+face", blur=3)
