"""The record that detailer run leaves in the file."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detailer.apps.cli import main
from detailer.apps.cli.done import Done
from detailer.apps.cli.progress import JsonLines
from detailer.apps.cli.record import record as record_of
from detailer.apps.cli.targets import Job
from detailer.apps.files import read, read_record
from detailer.core.geometry import Box, Size
from detailer.core.plan import Plan, Skipped
from detailer.core.region import Region
from detailer.flow import Planned
from detailer.recipe import Recipe
from tests.apps.cli_run import FAKES, run, steps
from tests.published import PLAIN_NOTES

pytestmark = pytest.mark.usefixtures("pictures")


def test_the_record_in_the_file_tells_what_was_done():
    assert (
        run("a.png", "-q", "--denoise", "0.3", "--detector", "two", "--painter", "first-only") == 1
    )
    record = json.loads(read_record(read("a-detailed.png")))
    assert record["recipe"]["detect"]["detector"] == "two"
    assert record["recipe"]["paint"] == {"painter": "first-only", "denoise": 0.3}
    assert record["picture"]["size"] == [96, 64]
    first, second = record["passes"][0]["regions"]
    assert first["state"] == "painted"
    assert first["painter"] == "first-only"
    assert first["box"] == [8, 8, 32, 32]
    assert first["notes"] == {"colour": "red"}
    assert first["size"][0] % 8 == 0
    assert second["state"] == "failed"
    assert second["reason"] == "out of paint"


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_what_a_painter_notes_is_in_the_record_and_in_the_json_as_json(suffix, capsys):
    words = ["--detector", "two", "--painter", "noting", "--json", "-o", f"out.{suffix}"]
    assert run("a.png", *words) == 0
    painted = [step for step in steps(capsys.readouterr().out) if step["step"] == "painted"]
    assert [step["notes"] for step in painted] == 2 * [PLAIN_NOTES]
    text = read_record(read(f"out.{suffix}"))
    record = json.loads(text, parse_constant=pytest.fail)
    assert [each["notes"] for each in record["passes"][0]["regions"]] == 2 * [PLAIN_NOTES]


def test_what_was_noted_of_a_skipped_region_is_told_too():
    @dataclass(frozen=True)
    class Measured(Skipped):
        notes: Mapping[str, Any] = field(default_factory=dict)

    size, region = Size(96, 64), Region.from_box(Box(8, 8, 32, 32), "face")
    skipped = Measured(0, region, "sharp already", {"edge_width": np.float32(0.75)})
    done = Done(size, "")
    done.take(Planned(Plan(size)))
    done.take(skipped)
    told = json.loads(record_of(done, Recipe(), {}))["passes"][0]["regions"]
    assert told[0]["notes"] == {"edge_width": 0.75}
    out = io.StringIO()
    JsonLines(out).step(Job(Path("a.png"), Path("b.png")), skipped)
    assert steps(out.getvalue())[0]["notes"] == {"edge_width": 0.75}


def test_a_painter_that_notes_nothing_leaves_no_notes(capsys):
    assert run("a.png", *FAKES, "--json") == 0
    assert all("notes" not in step for step in steps(capsys.readouterr().out))


def test_the_record_holds_the_engine_that_auto_meant():
    assert run("a.png", "-q", "--detector", "boxes:8,8,40,40", "--painter", "auto") == 0
    record = json.loads(read_record(read("a-detailed.png")))
    assert record["recipe"]["paint"]["painter"] in ("restore", "classic")


def test_the_same_work_gives_the_same_file():
    run("a.png", "-q", "-o", "one.png", *FAKES)
    run("a.png", "-q", "-o", "two.png", *FAKES)
    assert Path("one.png").read_bytes() == Path("two.png").read_bytes()


def test_a_picture_that_carries_a_record_is_detailed_and_its_record_replaced():
    run("a.png", "-q", "-o", "one.png", *FAKES)
    assert (
        run("one.png", "-q", "-o", "two.png", "--detector", "none", "--painter", "inverting") == 0
    )
    record = json.loads(read_record(read("two.png")))
    assert record["passes"] == [{"regions": []}]
    assert record["remark"] == "nothing found"
    assert main(["detect", "one.png", "--detector", "two", "-o", "found.json"]) == 0


def test_the_record_tells_what_each_region_was_told_and_why_one_was_left_out():
    words = ["--prompt", "[ASC]{a|a} face <lora:ink:0.5>[SEP][SKIP]", "--negative", "[PROMPT]x"]
    assert run("a.png", "-q", *FAKES, *words, "--main-negative", "y") == 0
    record = json.loads(read_record(read("a-detailed.png")))
    assert record["recipe"]["paint"]["prompt"] == words[1]
    first, second = record["passes"][0]["regions"]
    lora = {"name": "ink", "weight": 0.5, "text_weight": 0.5, "blocks": ""}
    assert first["paint"] == {"prompt": "a face ", "negative": "yx", "loras": [lora]}
    assert second["reason"] == "its prompt is [SKIP]"
