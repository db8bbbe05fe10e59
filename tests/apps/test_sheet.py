"""Sheets and drawings: what a person judges the work by."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detailer.apps.cli import ink, sheet
from detailer.apps.cli.done import Done
from detailer.apps.cli.drawing import draw_found, draw_plan
from detailer.core.canvas import Canvas
from detailer.core.colour import Colour
from detailer.core.geometry import Box, Size
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.errors import OutputError
from detailer.flow import Detailer
from detailer.recipe import Recipe
from tests import fakes


def sheet_of(boxes, size=(64, 96), painter=fakes.inverted, recipe=None):
    """The sheet for a grey picture in which these boxes are painted, and its layout."""
    canvas = Canvas(np.full((*size, 3), 60, np.uint8))
    before = Canvas(canvas.pixels)
    done = Done(canvas.size, "")
    detailer = Detailer(fakes.finds(*boxes), painter, recipe or Recipe())
    for step in detailer.steps(canvas):
        done.take(step)
    image = sheet.draw(before, canvas, done, sheet.Title("picture.png"))
    return np.asarray(image), sheet.Layout.of(max(len(done.entries()), 1))


def middles(layout, number):
    """The middles of the three tiles of a card, (row, column)."""
    left, top = layout.corner(number)
    x, y = left + 14, top + 60
    return [(y + layout.tile // 2, x + i * (layout.tile + 6) + layout.tile // 2) for i in range(3)]


def test_a_row_shows_the_region_before_after_and_its_mask():
    image, layout = sheet_of([Box(20, 20, 44, 44)])
    before, after, mask = (image[place] for place in middles(layout, 0))
    assert abs(before.astype(int) - 60).max() <= 1
    assert abs(after.astype(int) - 195).max() <= 2
    assert mask[0] > mask[1] > mask[2] > 50  # lit and warm


def test_every_region_has_a_card_of_its_own():
    boxes = [Box(x, y, x + 11, y + 11) for x in range(0, 80, 16) for y in range(0, 48, 16)]
    recipe = Recipe(mask={"dilation": 0}, blend={"feather_ratio": 0})
    image, layout = sheet_of(boxes, recipe=recipe)
    assert layout.cards == len(boxes)
    for number in range(len(boxes)):
        _, after, mask = (image[place] for place in middles(layout, number))
        assert after.min() > 150
        assert mask[0] > mask[1] > mask[2] > 50  # lit and warm


@pytest.mark.parametrize("cards", [1, 2, 3, 5, 8, 13, 40, 200])
def test_rows_wrap_so_that_a_sheet_is_never_a_strip(cards):
    layout = sheet.Layout.of(cards)
    width, height = layout.size
    assert 0.3 <= width / height <= 3 or cards <= 2
    right, bottom = (a + b for a, b in zip(layout.corner(cards - 1), layout.card, strict=True))
    assert right <= width + 14
    assert bottom <= height + 14


def test_cards_do_not_overlap():
    layout = sheet.Layout.of(9)
    width, height = layout.card
    boxes = [Box(x, y, x + width, y + height) for x, y in map(layout.corner, range(9))]
    assert not any(a.meets(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_a_region_that_was_skipped_is_shown_with_the_reason_only():
    recipe = Recipe(crop={"guide_size": 64, "force_inpaint": False})
    image, layout = sheet_of([Box(0, 0, 96, 64)], recipe=recipe)
    before, after, mask = middles(layout, 0)
    assert abs(image[before].astype(int) - 60).max() <= 1
    words = image[after[0] - 14 : after[0] + 14, after[1] - 150 : mask[1] + 150]
    assert (words == ink.BAD).all(axis=2).any()


def test_a_picture_without_regions_has_a_sheet_that_says_so():
    image, _ = sheet_of([])
    assert (image == ink.BRIGHT).all(axis=2).any()


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3)])
def test_a_sheet_can_be_made_of_every_size_of_picture(size):
    image, _ = sheet_of([Box(0, 0, size[1], size[0])], size=size)
    assert image.shape[2] == 3


@pytest.mark.parametrize("name", ["größe.png", "写真.png", "a" * 300 + ".png", "\ud800.png"])
def test_every_name_can_be_written_on_a_sheet(name):
    canvas = Canvas(np.zeros((8, 8, 3), np.uint8))
    done = Done(Size(8, 8), "", remark="nothing found")
    assert sheet.draw(canvas, canvas, done, sheet.Title(name, "x" * 500)).width < 3000


def test_a_line_that_is_too_long_is_cut():
    from PIL import ImageDraw

    pen = ink.Pen(ImageDraw.Draw(Image.new("RGB", (10, 10))), 14)
    cut = pen.shortened("a long line of words", 60)
    assert cut.endswith("...")
    assert pen.width(cut) <= 60
    assert pen.shortened("short", 60) == "short"


def test_a_sheet_is_written_whole_or_not_at_all(tmp_path):
    image = Image.new("RGB", (4, 4))
    sheet.save(image, tmp_path / "sheet.png")
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]
    with pytest.raises(OutputError):
        sheet.save(image, tmp_path / "gone" / "sheet.png")


def regions(size, *boxes):
    items = tuple(
        Region(box, Region.from_box(box).mask, "face", 0.9, landmarks=(box.centre,))
        for box in boxes
    )
    return Regions(size, items)


@pytest.mark.parametrize("size", [Size(1, 1), Size(40, 30), Size(1200, 900), Size(5000, 3)])
def test_a_drawing_is_of_a_size_at_which_it_can_be_read(size):
    canvas = Canvas(np.full((*size.shape, 3), 90, np.uint8))
    image = draw_found(canvas, regions(size, size.box), "picture.png")
    assert 1000 <= image.width <= 2600 or image.height >= 1000
    assert max(image.width, image.height) <= 3000


def test_boxes_are_drawn_where_they_are():
    size = Size(1000, 800)
    canvas = Canvas(np.full((*size.shape, 3), 90, np.uint8))
    image = np.asarray(draw_found(canvas, regions(size, Box(200, 300, 400, 500)), "picture.png"))
    inked = (image[:800] == ink.SERIES[0]).all(axis=2)
    columns = np.nonzero(inked[310:490, 150:450])[1]
    assert {int(columns.min()) // 10, int(columns.max()) // 10} <= {4, 5, 24, 25}
    assert not inked[600:].any()
    assert inked[398:403, 298:303].any()  # the landmark


def test_labels_do_not_cover_one_another():
    size = Size(1000, 800)
    boxes = [Box(100 + 20 * i, 300, 160 + 20 * i, 380) for i in range(5)]
    from detailer.apps.cli.drawing import Drawing

    drawing = Drawing.of(Canvas(np.full((*size.shape, 3), 90, np.uint8)))
    for number, region in enumerate(regions(size, *boxes)):
        drawing.tag(region, number, "0.90", ink.SERIES[number])
    taken = drawing._taken
    assert len(taken) == 5
    assert not any(a.meets(b) for i, a in enumerate(taken) for b in taken[:i])


def test_a_plan_is_drawn_with_windows_boxes_and_what_is_skipped():
    size = Size(1000, 800)
    canvas = Canvas(np.full((*size.shape, 3), 90, np.uint8))
    recipe = Recipe(crop={"force_inpaint": False, "guide_size": 300})
    detect = fakes.finds(Box(100, 100, 200, 200), Box(500, 300, 900, 700))
    plan = Detailer(detect, fakes.nothing, recipe).plan(canvas)
    image = np.asarray(draw_plan(canvas, plan, "picture.png"))
    (patch,) = plan.patches
    left = int(patch.window.box.left)
    assert (image[100:200, left : left + 3] == ink.SERIES[0]).all(axis=2).any()
    assert (image[300:700, 498:503] == ink.BAD).all(axis=2).any()
    assert image.shape[0] > 840


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_pictures_of_every_depth_and_colour_are_drawn_as_they_look(dtype):
    levels = {np.uint8: 255, np.uint16: 65535, np.float32: 1.0}[dtype]
    grey = Canvas(np.full((30, 40), levels, dtype))
    inks = Canvas(np.zeros((30, 40, 4), dtype), Colour("cmyk"))
    for canvas in (grey, inks):
        image = np.asarray(draw_found(canvas, Regions(canvas.size), "picture.png"))
        assert image[10, 10].tolist() == [255, 255, 255]


def test_the_file_of_a_drawing_is_of_the_kind_that_its_name_says(tmp_path):
    for ending, kind in sheet.FORMATS.items():
        path = Path(tmp_path / f"drawn{ending}")
        sheet.save(Image.new("RGB", (4, 4)), path)
        with Image.open(path) as image:
            assert image.format == kind
