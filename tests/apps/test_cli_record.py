"""The record that detailer run leaves in the file."""

import json
from pathlib import Path

import pytest

from detailer.apps.cli import main
from detailer.apps.files import read, read_record
from tests.apps.cli_run import FAKES, run

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
