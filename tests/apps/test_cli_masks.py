"""Masks given on the command line: what is read off them, left out, asked and refused."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from detailer.apps.cli import main
from tests.apps.cli_run import pixels, run, steps

pytestmark = pytest.mark.usefixtures("pictures")

PAINTED = ("--painter", "inverting")


def ellipse() -> np.ndarray:
    mask = np.zeros((64, 96), np.uint8)
    cv2.ellipse(mask, (40, 30), (15, 22), 20, 0, 360, 255, -1)
    return mask


def saved(mask: np.ndarray, name: str = "mask.png", **options) -> str:
    Image.fromarray(mask).save(name, **options)
    return name


def planned(*words: str) -> dict:
    assert main(["plan", "a.png", "-o", "plan.json", "--overwrite", *words]) == 0
    return json.loads(Path("plan.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("how", [["--mask", "mask.jpg"], ["--detector", "mask:mask.jpg"]])
def test_an_ellipse_in_a_jpeg_of_quality_30_is_one_patch(how):
    saved(ellipse(), "mask.jpg", quality=30)
    plan = planned(*how)
    assert len(plan["patches"]) == 1
    assert plan["skipped"] == []


def test_parts_left_out_stand_in_the_plan_with_the_reason_and_the_setting():
    mask = ellipse()
    mask[45:57, 70:90], mask[3, 90], mask[60, 3] = 100, 255, 100
    saved(mask)
    plan = planned("--mask", "mask.png")
    assert [patch["index"] for patch in plan["patches"]] == [0]
    assert [(skip["index"], skip["reason"]) for skip in plan["skipped"]] == [
        (1, "its mask covers 1 px; mask_min_area=64"),
        (2, "its mask is nowhere above 0.39; mask_threshold=0.5"),
    ]
    assert len(planned("--mask", "mask.png", "--mask-threshold", "0.3")["patches"]) == 2
    assert len(planned("--mask", "mask.png", "--mask-min-area", "1")["patches"]) == 2
    both = ("--mask-threshold", "0.3", "--mask-min-area", "1")
    assert len(planned("--mask", "mask.png", *both)["patches"]) == 4


def test_a_further_mask_has_settings_of_its_own():
    saved(ellipse())
    saved(np.minimum(np.roll(ellipse(), 60, axis=1), 100), "soft.png")
    also = ("--also", "mask:soft.png,mask_threshold=0.3")
    assert len(planned("--mask", "mask.png", *also)["patches"]) == 3


def test_what_is_left_out_is_told_and_drawn_and_not_changed(capsys):
    mask = ellipse()
    mask[50:60, 70:90] = 100
    saved(mask)
    assert run("a.png", "--mask", "mask.png", "--preview", "--json", *PAINTED) == 0
    told = steps(capsys.readouterr().out)
    assert [step["reason"] for step in told if step["step"] == "skipped"] == [
        "its mask is nowhere above 0.39; mask_threshold=0.5"
    ]
    changed = (pixels("a.png") != pixels("a-detailed.png")).any(axis=2)
    assert changed[30, 40]
    assert not changed[50:60, 70:90].any()


def test_small_parts_below_the_drop_size_are_told_as_well(capsys):
    mask = ellipse()
    mask[50:59, 70:90] = 255
    saved(mask)
    plan = planned("--detector", "mask:mask.png", "--drop-size", "9")
    assert [skip["reason"] for skip in plan["skipped"]] == ["its box is 20×9; drop_size=9"]


def test_a_mask_below_the_threshold_is_refused_with_its_value_and_the_remedy(capsys):
    saved(np.minimum(ellipse(), 100))
    assert run("a.png", "--mask", "mask.png", *PAINTED) == 2
    told = capsys.readouterr().err
    assert "mask mask.png is nowhere above 0.39" in told
    assert "--mask-threshold) to 0.39" in told
    assert run("a.png", "--mask", "mask.png", "--mask-threshold", "0.39", "-q", *PAINTED) == 0


def test_the_transparent_part_of_a_photograph_is_the_mask_and_that_is_said(capsys):
    y, x = np.mgrid[:64, :96]
    picture = np.stack([x * 2, x * y % 256, y * 3], axis=2).astype(np.uint8)
    saved(np.dstack([picture, 255 - ellipse()]))
    assert len(planned("--mask", "mask.png")["patches"]) == 1
    assert "transparent parts: these are masked, as in ComfyUI" in capsys.readouterr().err


def test_color_and_transparency_that_may_both_be_the_mask_are_asked_about(capsys):
    saved(np.dstack([np.zeros((64, 96, 3), np.uint8), ellipse()]))
    assert run("a.png", "--mask", "mask.png", *PAINTED) == 2
    assert "--mask-channel" in capsys.readouterr().err
    assert len(planned("--mask", "mask.png", "--mask-channel", "opacity")["patches"]) == 1


def test_a_colored_mask_is_its_brightest_channel_and_that_is_said(capsys):
    red = np.zeros((64, 96, 3), np.uint8)
    red[..., 0] = ellipse()
    saved(red)
    assert len(planned("--mask", "mask.png")["patches"]) == 1
    assert "mask.png is colored" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.zeros((96, 64), np.uint8), "64×96, the picture 96×64 (turned by 90°"),
        (np.full((64, 96), np.nan, np.float32), "not numbers (NaN)"),
        (np.full((64, 96), 200, np.float32), "reaches 200; give float 0..1"),
        (np.full((64, 96), 100000, np.int32), "levels from 100000"),
    ],
)
def test_a_mask_that_cannot_be_meant_is_refused_in_a_sentence(capsys, mask, words):
    saved(mask, "mask.tif")
    assert run("a.png", "--mask", "mask.tif", *PAINTED) in (1, 2)
    assert words in capsys.readouterr().err


def test_boxes_that_settings_leave_out_stand_in_the_plan_with_the_setting():
    plan = planned("--detector", "boxes:10,10,60,60;70,5,78,13")
    assert len(plan["patches"]) == 1
    assert [skip["reason"] for skip in plan["skipped"]] == ["its box is 8×8; drop_size=10"]


@pytest.mark.parametrize(
    ("boxes", "words"),
    [
        ("90,20,10,60", "ends before it starts; give left, top, right, bottom"),
        ("500,500,600,600", "lies outside the picture of 96×64"),
        ("10,20,90", "cannot be read: No such file or directory; give a JSON file, or LEFT"),
        ("10,10,50%,50", "is not left, top, right, bottom"),
        ("10,10,nan,50", "not a finite number"),
        ("10,10,10,50", "is empty"),
    ],
)
def test_boxes_that_cannot_be_meant_are_refused_in_a_sentence(capsys, boxes, words):
    assert run("a.png", "--detector", f"boxes:{boxes}", *PAINTED) in (1, 2)
    assert words in capsys.readouterr().err
