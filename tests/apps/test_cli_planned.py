"""detailer run with a plan, or with single regions of one."""

import json
from pathlib import Path

import pytest

from detailer.apps.cli import main
from detailer.apps.files import read, read_record
from tests.apps.cli_run import FAKES, pixels, run, steps
from tests.engines.realesrgan_here import need_realesrgan

pytestmark = pytest.mark.usefixtures("pictures")


def test_single_regions_are_done_again_with_another_seed(capsys):
    run("a.png", "--json", *FAKES)
    first = {
        s["index"]: s["seed"] for s in steps(capsys.readouterr().out) if s["step"] == "painted"
    }
    assert run("a.png", "--json", "--only", "1", "--seed", "7", "--overwrite", *FAKES) == 0
    again = steps(capsys.readouterr().out)
    assert [s["index"] for s in again if s["step"] == "painted"] == [1]
    assert [s["reason"] for s in again if s["step"] == "skipped"] == ["left out"]
    assert next(s["seed"] for s in again if s["step"] == "painted") != first[1]


def test_a_region_that_is_not_there_is_told_with_those_that_are(capsys):
    assert run("a.png", "--only", "0,7", *FAKES) == 1
    assert "--only 7: no such region; there are 0 to 1" in capsys.readouterr().err
    assert run("a.png", "--only", "0", "--detector", "none", "--painter", "inverting") == 1
    assert "nothing was found" in capsys.readouterr().err


def test_a_plan_that_was_written_is_carried_out(capsys):
    assert main(["plan", "a.png", "-o", "plan.json", *FAKES]) == 0
    assert run("a.png", "-q", *FAKES) == 0
    assert run("a.png", "-q", "--plan", "plan.json", "-o", "planned.png") == 0
    assert (pixels("planned.png") == pixels("a-detailed.png")).all()


def test_a_plan_that_was_edited_is_carried_out_as_edited():
    main(["plan", "a.png", "-o", "plan.json", *FAKES])
    plan = json.loads(Path("plan.json").read_text())
    del plan["patches"][1]
    Path("plan.json").write_text(json.dumps(plan))
    assert run("a.png", "-q", "--plan", "plan.json") == 0
    changed = (pixels("a.png") != pixels("a-detailed.png")).any(axis=2)
    assert changed[10:30, 10:26].any()
    assert not changed[22:42, 62:82].any()


def test_paint_flags_change_a_plan_and_seeds_follow(capsys):
    main(["plan", "a.png", "-o", "plan.json", *FAKES])
    run("a.png", "--json", "--plan", "plan.json", "--seed", "5", "--painter", "first-only")
    seeds = [s["seed"] for s in steps(capsys.readouterr().out) if s["step"] == "painted"]
    run("a.png", "--json", "--seed", "5", "--overwrite", *FAKES)
    expected = [s["seed"] for s in steps(capsys.readouterr().out) if s["step"] == "painted"]
    assert seeds == expected[:1]


def test_how_colours_are_matched_is_no_matter_of_the_plan(capsys):
    run("a.png", "-q", *FAKES)
    assert main(["plan", "a.png", "-o", "plan.json", *FAKES]) == 0
    words = ["--plan", "plan.json", "--color-match", "off", "--overwrite"]
    assert run("a.png", "-q", *words) == 0


def test_a_setting_that_a_plan_has_decided_is_refused_beside_it(capsys):
    main(["plan", "a.png", "-o", "plan.json", *FAKES])
    assert run("a.png", "--plan", "plan.json", "--crop-factor", "2") == 2
    assert "--crop-factor is decided in the plan" in capsys.readouterr().err


def test_a_plan_for_another_picture_is_refused(capsys):
    main(["plan", "a.png", "-o", "plan.json", *FAKES])
    assert run("b.png", "--plan", "plan.json") == 1
    assert "b.png" in capsys.readouterr().err
    assert not Path("b-detailed.png").exists()


def test_a_prompt_for_all_regions_replaces_those_of_a_plan_with_its_loras():
    main(["plan", "a.png", "-o", "plan.json", *FAKES, "--prompt", "[ASC]a <lora:x:1>[SEP]b"])
    words = ["a.png", "-q", "--plan", "plan.json"]
    assert run(*words, "--prompt", "[CONCAT]c <lora:y:0.5>", "--main-prompt", "d") == 0
    record = json.loads(read_record(read("a-detailed.png")))
    for region in record["passes"][0]["regions"]:
        assert region["paint"]["prompt"] == "d BREAK c "
        assert [lora["name"] for lora in region["paint"]["loras"]] == ["y"]


def test_a_plan_keeps_its_prompts_whatever_seed_is_given():
    main(["plan", "a.png", "-o", "plan.json", *FAKES, "--prompt", "{a|b|c|d|e|f}", "--seed", "3"])
    plan = json.loads(Path("plan.json").read_text())
    told = [patch["paint"]["prompt"] for patch in plan["patches"]]
    assert run("a.png", "-q", "--plan", "plan.json", "--seed", "4") == 0
    record = json.loads(read_record(read("a-detailed.png")))
    assert [one["paint"]["prompt"] for one in record["passes"][0]["regions"]] == told


@pytest.mark.parametrize("prompt", ["[ASC]a[SEP]b", "{a|b}", "[WHO][left]a"])
def test_a_prompt_that_differs_by_region_is_not_for_a_plan_that_is_made(prompt, capsys):
    main(["plan", "a.png", "-o", "plan.json", *FAKES])
    assert run("a.png", "--plan", "plan.json", "--prompt", prompt) == 2
    assert "what each is told is in the plan already" in capsys.readouterr().err


def planned_with(*painters):
    """A plan whose two patches have these painters."""
    main(["plan", "a.png", "-o", "plan.json", "--overwrite", *FAKES])
    plan = json.loads(Path("plan.json").read_text())
    for patch, painter in zip(plan["patches"], painters, strict=True):
        patch["paint"]["painter"] = painter
    Path("plan.json").write_text(json.dumps(plan))


@pytest.mark.parametrize("painter", ["restore", "auto"])
def test_fast_takes_the_small_network_where_a_plan_says_restore(capsys, painter):
    need_realesrgan()
    planned_with(painter, "classic")
    capsys.readouterr()
    assert run("a.png", "--plan", "plan.json", "--fast", "--dry-run", "--json") == 0
    (told,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [patch["painter"] for patch in told["patches"]] == ["restore-fast", "classic"]


def test_fast_is_refused_beside_a_plan_with_another_painter(capsys):
    planned_with("inverting", "inverting")
    assert run("a.png", "--plan", "plan.json", "--fast") == 2
    assert "--fast is for the painter restore, not for inverting" in capsys.readouterr().err
