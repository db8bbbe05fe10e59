"""Masks of Yolo: their edges lie where they were planted, at every size."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.engines.detectors.yolo.decode import Reading, decoded
from detailer.engines.detectors.yolo.detector import Yolo
from detailer.engines.detectors.yolo.frame import Frame
from detailer.engines.detectors.yolo.layout import Layout
from detailer.engines.detectors.yolo.masks import cut_mask, cut_mask_compatibly
from tests.engines import yolo_graphs as graphs
from tests.engines.graphs import black

SQUARE = Size(640, 640)
SEGMENT = {"names": "{0: 'face'}", "task": "segment"}
SIZES = [(1, 3, 640, 640), graphs.FREE]
# Width, height, and how many pixels of the picture are one of the frame.
WHOLE = [
    (640, 640, 1),
    (1280, 1280, 2),
    (1920, 1080, 3),
    (1080, 1920, 3),
    (3840, 2160, 6),
    (2160, 3840, 6),
]
EVERY = [
    *[Size(width, height) for width, height, _ in WHOLE],
    Size(832, 1216), Size(1001, 777), Size(512, 300), Size(5000, 900), Size(1080, 1080),
]  # fmt: skip


def middles(box: Box) -> Box:
    """The pixels whose middles lie in a box."""
    return Box(*(float(np.ceil(side - 0.5)) for side in box))


def exactly(mask: Matte, box: Box) -> bool:
    """Whether a mask is a box of whole pixels and nothing else."""
    tight = mask.trimmed()
    return tight.box == box and bool((tight.alpha == 1).all())


@pytest.mark.parametrize("form", ["columns", "final"])
@pytest.mark.parametrize("size", SIZES, ids=["fixed", "free"])
@pytest.mark.parametrize(("width", "height", "factor"), WHOLE)
def test_what_is_red_is_masked_to_the_very_pixel(
    tmp_path: Path, form: str, size, width: int, height: int, factor: int
) -> None:
    sight = graphs.Sight(form, 1200, 1200, masks=True)
    file = graphs.seeing(tmp_path / "seeing.onnx", size, SEGMENT, sight)
    # Along pixels of the prototypes: one is 4 of the frame, and 4 divides every margin.
    red = Box(80, 60, 128, 92).scaled(factor, factor)
    picture = graphs.red_block(
        black(width, height), int(red.left), int(red.top), int(red.width), int(red.height)
    )
    found = Yolo(file, threshold=0.9, overlap=0.2)(picture)[0]
    assert found.box == Size(width, height).box
    tight = found.mask.trimmed()
    assert tight.box == red
    # Between four pixels of the prototypes of which one is red a corner is round.
    corner = 4 * factor
    assert tight.alpha[corner:-corner].all()
    assert tight.alpha[:, corner:-corner].all()


@pytest.mark.parametrize(("width", "height", "factor"), WHOLE)
def test_a_mask_is_cut_off_at_its_box(tmp_path: Path, width: int, height: int, factor: int) -> None:
    sight = graphs.Sight("columns", 20.5, 30, masks=True)
    file = graphs.seeing(tmp_path / "seeing.onnx", (1, 3, 640, 640), SEGMENT, sight)
    picture = graphs.red_block(black(width, height), 0, 0, 99 * factor, 99 * factor)
    found = Yolo(file, threshold=0.9, overlap=0.1)(picture)
    inside = [one for one in found if Box(0, 0, 90, 90).scaled(factor, factor).holds(one.box)]
    assert len(inside) > 5
    for one in inside:
        assert exactly(one.mask, middles(one.box))


@pytest.mark.parametrize("picture", EVERY, ids=str)
@pytest.mark.parametrize("is_free", [False, True], ids=["fixed", "free"])
def test_a_slanted_edge_lies_within_a_pixel_of_where_it_was_planted(
    picture: Size, is_free: bool
) -> None:
    frame, (across, down) = _frame(picture, is_free)
    middle = frame.content.centre[0] / 2 + frame.content.centre[1]
    # In the frame: x/2 + y above its value in the middle.
    weights = np.array([-middle, 0.5, 1, 0, 0], np.float32)
    mask = cut_mask(weights, _planes(frame.size), picture.box, frame).within(picture.box) > 0
    x = np.arange(picture.width, dtype=np.float32) + 0.5 - picture.width / 2
    y = np.arange(picture.height, dtype=np.float32)[:, None] + 0.5 - picture.height / 2
    from_edge = (x * (across / 2) + y * down) / np.hypot(across / 2, down)
    # What the network says of the grey is not read: within a pixel of the prototypes of the
    # picture's own edge a slope is not known.
    shown = picture.box.grown(-4 / min(across, down)).whole().slices
    mask, from_edge = mask[shown], from_edge[shown]
    assert mask.any()
    assert not mask.all()
    assert np.abs(from_edge[mask != (from_edge > 0)]).max(initial=0) < 0.5


@pytest.mark.parametrize("picture", EVERY, ids=str)
@pytest.mark.parametrize("is_free", [False, True], ids=["fixed", "free"])
def test_a_disc_lies_within_a_pixel_of_where_it_was_planted(picture: Size, is_free: bool) -> None:
    frame, (across, down) = _frame(picture, is_free)
    left, top, radius = picture.width / 2 + 3.3, picture.height / 2 - 2.7, min(picture.shape) * 0.35
    u, v = frame.content.left + left * across, frame.content.top + top * down
    # In the frame: 1 - ((x - u) / a)² - ((y - v) / b)² above 0.
    a, b = radius * across, radius * down
    weights = [1 - (u / a) ** 2 - (v / b) ** 2, 2 * u / a**2, 2 * v / b**2, -(a**-2), -(b**-2)]
    box = Box(left - radius, top - radius, left + radius, top + radius)
    mask = cut_mask(np.array(weights, np.float32), _planes(frame.size), box, frame)
    around = box.grown(2).whole()
    x = np.arange(around.left, around.right) + 0.5 - left
    y = np.arange(around.top, around.bottom)[:, None] + 0.5 - top
    from_edge = radius - np.hypot(x, y)
    found = mask.within(around) > 0
    assert np.abs(from_edge[found != (from_edge > 0)]).max(initial=0) < 1


@pytest.mark.parametrize(
    ("picture", "least"), [(Size(832, 1216), 3), (Size(1920, 1080), 5), (Size(3840, 2160), 10)]
)
def test_compatible_masks_are_as_far_off_as_the_nodes(picture: Size, least: float) -> None:
    frame, (across, down) = _frame(picture, is_free=True)
    is_tall = picture.height > picture.width
    # The nodes' error grows towards the grey.
    content = frame.content
    edge = (content.left if is_tall else content.top) + 16
    weights = np.array([-edge, is_tall, not is_tall, 0, 0], np.float32)
    planes = _planes(frame.size)
    true = 16 / (across if is_tall else down)
    ours = cut_mask(weights, planes, picture.box, frame)
    theirs = cut_mask_compatibly(weights, planes, frame.size.box, frame)
    assert abs(_start(ours, is_tall) - true) <= 0.5
    assert abs(_start(theirs, is_tall) - true) > least


def _start(mask: Matte, is_tall: bool) -> float:
    line = mask.alpha[mask.alpha.shape[0] // 2] if is_tall else mask.alpha[:, 9]
    return (mask.box.left if is_tall else mask.box.top) + float(np.argmax(line > 0.5))


def test_what_the_network_made_of_the_grey_counts_nowhere() -> None:
    picture = Size(1920, 1080)
    frame = Frame.fixed(picture, SQUARE)
    prototypes = np.full((1, 160, 160), -9, np.float32)
    prototypes[:, 35:125] = 1
    mask = cut_mask(np.ones(1, np.float32), prototypes, picture.box, frame)
    assert exactly(mask, picture.box)


def test_prototypes_weigh_by_the_row_of_their_own_box(tmp_path: Path) -> None:
    # The first prototype is the left half of the frame, the second the right one.
    halves = np.full((1, 2, 16, 16), -1, np.float32)
    halves[0, 0, :, :8], halves[0, 1, :, 8:] = 1, 1
    rows = [[32, 16, 60, 30, 0.9, 1, 0], [32, 48, 60, 30, 0.8, 0, 1], [32, 48, 60, 30, 0.7, 1, 0]]
    raw = graphs.columns(rows)
    final = np.zeros((1, 300, 8), np.float32)
    final[0, :2] = [[2, 1, 62, 31, 0.9, 0, 1, 0], [2, 33, 62, 63, 0.8, 0, 0, 1]]
    for number, table in enumerate((raw, raw.transpose(0, 2, 1), final)):
        file = graphs.answering(tmp_path / f"{number}.onnx", 64, [table, halves], SEGMENT)
        first, second = Yolo(file)(black(64, 64))
        assert exactly(first.mask, Box(2, 1, 32, 31))
        assert exactly(second.mask, Box(32, 33, 62, 63))


def test_a_box_without_a_pixel_of_mask_is_dropped(tmp_path: Path) -> None:
    nothing = np.full((1, 1, 16, 16), -1, np.float32)
    table = graphs.columns([[32, 32, 20, 20, 0.9, 1], [10, 10, 8, 8, 0.8, -1]])
    file = graphs.answering(tmp_path / "empty.onnx", 64, [table, nothing], SEGMENT)
    assert [tuple(found.box) for found in Yolo(file)(black(64, 64))] == [(6, 6, 14, 14)]
    compatible = Yolo(file, compatible=True)(black(64, 64))
    assert [tuple(found.box) for found in compatible] == [(6, 6, 14, 14)]


@pytest.mark.parametrize("side", [4096, 8192])
def test_32_boxes_of_a_large_picture_need_no_memory_of_its_size(side: int) -> None:
    table = graphs.columns([[20 * i + 10, 300, 18, 18, 0.9] for i in range(32)], cells=8400)
    frame = Frame.fixed(Size(side, side), SQUARE)
    reading = Reading(Layout("columns", 1), ("face",))
    tracemalloc.start()
    found = decoded([table], frame, reading)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) == 32
    assert most < 1 << 20


@pytest.mark.parametrize("side", [4096, 8192])
def test_a_mask_needs_little_more_memory_than_it_covers(side: int) -> None:
    frame = Frame.fixed(Size(side, side), SQUARE)
    box = Box(100, 200, 1100, 1200)
    planes = _planes(SQUARE)
    tracemalloc.start()
    mask = cut_mask(np.array([1, 0, 0, 0, 0], np.float32), planes, box, frame)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert exactly(mask, box)
    assert most < mask.alpha.nbytes + (2 << 20)


def _frame(picture: Size, is_free: bool) -> tuple[Frame, tuple[float, float]]:
    frame = Frame.free(picture, SQUARE, 32) if is_free else Frame.fixed(picture, SQUARE)
    return frame, frame.scale


def _planes(frame: Size) -> np.ndarray:
    """Prototypes over a frame: 1, x, y, x², y² at the middles of their pixels."""
    y, x = (np.mgrid[: frame.height // 4, : frame.width // 4] * 4 + 2).astype(np.float32)
    return np.stack([np.ones_like(x), x, y, x * x, y * y])
