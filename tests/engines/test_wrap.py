"""Wrappers: what is found by parts is what is there, once, and nothing is looked for twice."""

from __future__ import annotations

import itertools
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.geometry import Box, Size
from detailer.core.pixels import Picture, size_of
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.engines.wrap import cached, either, merged, tile_boxes, tiled, tiled_as_needed
from detailer.errors import InputError
from tests.engines.graphs import black

TILE, OVERLAP = 64, 32


def _nothing(picture: Picture, /) -> Regions:
    return Regions(size_of(picture))


def _always(*regions: Region):
    return lambda picture: Regions(size_of(picture), regions)


def _bright(picture: Picture, /) -> Regions:
    """What is bright, at most a tile large: as a network does, it overlooks in large pictures."""
    size = size_of(picture)
    if max(size.width, size.height) > TILE:
        return Regions(size)
    _, _, stats, _ = cv2.connectedComponentsWithStats(picture[..., 0].copy())
    boxes = [Box(x, y, x + w, y + h) for x, y, w, h, _ in stats[1:].tolist()]
    return Regions(size, tuple(Region.from_box(box, "bright") for box in boxes))


def test_the_second_is_asked_only_where_the_first_finds_nothing() -> None:
    face = Region.from_box(Box(1, 1, 5, 5), "face")
    other = Region.from_box(Box(2, 2, 9, 9), "other")
    assert list(either(_always(face), _always(other))(black(16, 16))) == [face]
    assert list(either(_nothing, _always(other))(black(16, 16))) == [other]


def test_several_find_the_same_face_once_and_the_surer_box_stays() -> None:
    sure = Region.from_box(Box(1, 1, 11, 11), "face", 0.9)
    unsure = Region.from_box(Box(2, 1, 12, 11), "face", 0.6)
    hand = Region.from_box(Box(1, 1, 11, 11), "hand", 0.5)
    found = merged([_always(unsure, hand), _always(sure)])(black(16, 16))
    assert list(found) == [hand, sure]
    assert not merged([_nothing, _nothing])(black(16, 16))


def test_one_thing_seen_a_little_differently_in_a_tile_is_found_once() -> None:
    whole, part = Box(70, 70, 100, 100), Box(76, 70, 106, 100)

    def detect(picture: Picture, /) -> Regions:
        size = size_of(picture)
        seen = whole if size == Size(192, 128) else part.shifted(-64, -64)
        return Regions(size, (Region.from_box(seen),) if picture.any() else ())

    picture = black(192, 128)
    picture[70, 70] = 255
    assert [region.box for region in tiled(detect, TILE, 0)(picture)] == [whole]


def test_what_nearly_touches_a_border_between_tiles_may_be_cut_there_and_is_not_counted() -> None:
    def detect(picture: Picture, /) -> Regions:
        size = size_of(picture)
        near = Region.from_box(Box(40, 20, size.width - 1, 40))
        return Regions(size, (near,) if size.width == TILE else ())

    found = tiled(detect, TILE, OVERLAP)(black(2 * TILE, TILE))
    assert [region.box.right for region in found] == [2 * TILE - 1]


@given(
    width=st.integers(20, 300),
    height=st.integers(20, 300),
    side=st.tuples(st.integers(2, 29), st.integers(2, 29)),
    share=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_what_is_smaller_than_the_overlap_is_found_whole_and_once(
    width: int, height: int, side: tuple[int, int], share: tuple[float, float]
) -> None:
    across, down = min(side[0], width), min(side[1], height)
    left, top = int((width - across) * share[0]), int((height - down) * share[1])
    picture = black(width, height)
    picture[top : top + down, left : left + across] = 255
    found = tiled(_bright, TILE, OVERLAP)(picture)
    assert found.size == Size(width, height)
    assert [region.box for region in found] == [Box(left, top, left + across, top + down)]
    assert found[0].mask.box == found[0].box


def test_what_is_larger_than_a_tile_is_found_in_the_whole() -> None:
    large = Region.from_box(Box(10, 10, 150, 150), "face")

    def detect(picture: Picture, /) -> Regions:
        size = size_of(picture)
        cut = Region.from_box(size.box, "face", 0.99)
        return Regions(size, (large,) if size.width > TILE else (cut,))

    assert list(tiled(detect, TILE, OVERLAP)(black(160, 160))) == [large]


def test_landmarks_move_with_their_tile() -> None:
    def detect(picture: Picture, /) -> Regions:
        (bright,) = _bright(picture) or [None]
        if bright is None:
            return Regions(size_of(picture))
        eye = (bright.box.left + 1.5, bright.box.top + 2.5)
        moved = Region(bright.box, bright.mask, landmarks=(eye,))
        return Regions(size_of(picture), (moved,))

    picture = black(200, 100)
    picture[70:80, 150:160] = 255
    (found,) = tiled(detect, TILE, OVERLAP)(picture)
    assert found.landmarks == ((151.5, 72.5),)


def test_a_picture_no_larger_than_a_tile_is_looked_at_once() -> None:
    seen: list[Size] = []

    def detect(picture: Picture, /) -> Regions:
        seen.append(size_of(picture))
        return Regions(size_of(picture))

    tiled(detect, TILE, OVERLAP)(black(64, 64))
    assert seen == [Size(64, 64)]


@given(st.integers(1, 500), st.integers(1, 500), st.integers(0, 32))
def test_tiles_cover_the_picture_and_overlap_as_asked(
    width: int, height: int, overlap: int
) -> None:
    size = Size(width, height)
    boxes = tile_boxes(size, TILE, overlap)
    covered = np.zeros(size.shape, bool)
    for box in boxes:
        assert size.box.holds(box)
        assert max(box.width, box.height) <= TILE
        covered[box.slices] = True
    assert covered.all()
    lefts = sorted({box.left for box in boxes})
    for left, following in itertools.pairwise(lefts):
        assert left + TILE - following >= overlap


class Scaled:
    """Finds what is bright and, at its own size of the picture, at least 12 px."""

    long_side, least_side = TILE, 12

    def __init__(self) -> None:
        self.seen: list[Size] = []

    def __call__(self, picture: Picture, /) -> Regions:
        size = size_of(picture)
        self.seen.append(size)
        factor = min(1.0, TILE / max(size.width, size.height))
        _, _, stats, _ = cv2.connectedComponentsWithStats(picture[..., 0].copy())
        boxes = [Box(x, y, x + w, y + h) for x, y, w, h, _ in stats[1:].tolist()]
        large = [box for box in boxes if box.width * factor >= self.least_side]
        return Regions(size, tuple(Region.from_box(box, "bright") for box in large))


def test_a_picture_in_which_20_px_are_seen_too_small_is_looked_at_in_tiles() -> None:
    # 64 / 12 * 20 = 106 px
    for side, looks in ((106, 1), (107, 10)):
        picture = black(side, side)
        picture[80:100, 80:100] = 255
        detector = Scaled()
        found = tiled_as_needed(detector, 24)(picture)
        assert [region.box for region in found] == [Box(80, 80, 100, 100)]
        assert len(detector.seen) == looks


@pytest.mark.parametrize(("side", "count"), [(74, 1), (76, 0)])
def test_what_the_whole_picture_shows_at_twice_the_least_size_counts_there_only(
    side: int, count: int
) -> None:
    def detect(picture: Picture, /) -> Regions:
        size = size_of(picture)
        small = Region.from_box(Box(5, 5, 5 + side / 2, 5 + side), "face")
        return Regions(size, (small,) if picture[0, 0, 0] and size.width < 320 else ())

    detect.long_side, detect.least_side = 128, 15  # type: ignore[attr-defined]
    picture = black(320, 128)  # 15 px at 128 px are 37.5 px
    picture[0, 0] = 255
    assert len(tiled_as_needed(detect, 32)(picture)) == count


def test_a_detector_that_does_not_scale_is_not_tiled_by_itself() -> None:
    assert tiled_as_needed(_bright) is _bright


@pytest.mark.parametrize(
    ("of_faces", "label", "count"),
    [(True, "face", 1), (True, "left_eye", 2), (False, "face", 2)],
)
def test_what_a_tile_takes_for_a_face_and_is_a_part_of_one_is_not_counted(
    of_faces: bool, label: str, count: int
) -> None:
    face, part = Box(10, 10, 90, 90), Box(70, 20, 86, 50)
    points = ((30.0, 40.0), (76.0, 40.0), (55.0, 60.0))

    def detect(picture: Picture, /) -> Regions:
        size = size_of(picture)
        if size.width > TILE:
            whole = Region.from_box(face, "face", 0.8)
            return Regions(size, (replace(whole, landmarks=points),))
        seen = Region.from_box(part.shifted(-64, 0), label, 0.7)
        return Regions(size, (seen,) if picture.any() else ())

    picture = black(128, 64)
    picture[30, 80] = 255
    if of_faces:
        detect.long_side, detect.least_side = TILE, 12  # type: ignore[attr-defined]
    assert len(tiled(detect, TILE, 0)(picture)) == count


@pytest.mark.parametrize(("tile", "overlap"), [(64, 33), (64, -1), (0, 0)])
def test_tiles_that_overlap_by_more_than_half_are_refused(tile: int, overlap: int) -> None:
    with pytest.raises(InputError, match=f"overlap={overlap} is outside 0 to half of tile={tile}"):
        tiled(_nothing, tile, overlap)


def test_the_same_pixels_are_looked_at_once_and_others_anew() -> None:
    looked: list[int] = []

    def detect(picture: Picture, /) -> Regions:
        looked.append(int(picture[0, 0, 0]))
        return Regions(size_of(picture))

    detector = cached(detect, most=2)
    pictures = [np.full((4, 4, 3), level, np.uint8) for level in (1, 2, 3)]
    for picture in (*pictures[:2], pictures[0].copy(), np.asfortranarray(pictures[1])):
        detector(picture)
    assert looked == [1, 2]
    detector(pictures[2])  # the oldest, 1, is forgotten
    detector(pictures[1])
    detector(pictures[0])
    assert looked == [1, 2, 3, 1]


def test_the_same_bytes_in_another_shape_are_another_picture() -> None:
    detector = cached(_nothing)
    assert detector(black(4, 2)).size == Size(4, 2)
    assert detector(black(2, 4)).size == Size(2, 4)


def test_a_picture_whose_search_failed_is_looked_at_again() -> None:
    answers = iter([ValueError("no luck"), None])

    def detect(picture: Picture, /) -> Regions:
        answer = next(answers)
        if answer:
            raise answer
        return Regions(size_of(picture))

    detector = cached(detect)
    with pytest.raises(ValueError, match="no luck"):
        detector(black(4, 4))
    assert len(detector(black(4, 4))) == 0


def test_remembering_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="most=0"):
        cached(_nothing, most=0)
