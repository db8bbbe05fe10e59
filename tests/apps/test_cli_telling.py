"""How a run is told: to people, to logs, to programs."""

from pathlib import Path

import pytest

from detailer.apps.cli import main
from tests.apps.cli_run import FAKES, run, steps

pytestmark = pytest.mark.usefixtures("pictures")


def test_a_log_has_one_line_for_each_thing_that_happens(capsys):
    run("a.png", "b.png", *FAKES)
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == "a.png: finding …"
    assert lines[1] == "a.png: 2 found, 2 to paint"
    assert lines[2].startswith("a.png: region 0 painted at ")
    assert lines[-1] == "2 of 2 pictures done"
    assert len(lines) == 11


STEPPING = ["--detector", "two", "--painter", "stepping", "--crop-factor", "1"]


def test_twenty_steps_are_one_line_of_a_log_and_twenty_of_json(capsys):
    assert run("a.png", *STEPPING) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "stepping" in line] == ["a.png: stepping: 2 [regions] …"]
    assert run("a.png", "--json", "--overwrite", *STEPPING) == 0
    told = [step for step in steps(capsys.readouterr().out) if step["step"] == "progress"]
    assert [step["done"] for step in told] == list(range(1, 21))
    assert {step["total"] for step in told} == {20}


def test_a_log_has_a_line_for_each_wave(capsys):
    assert run("a.png", *STEPPING, "--crop-factor", "3") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "stepping" in line] == ["a.png: stepping: 1 [regions] …"] * 2


def test_quiet_is_silent(capsys):
    assert run("a.png", "--quiet", *FAKES) == 0
    assert capsys.readouterr() == ("", "")


def test_json_tells_every_step_in_a_line(capsys):
    assert run("a.png", "--json", "--preview", "--painter", "first-only", "--detector", "two") == 1
    out, err = capsys.readouterr()
    told = steps(out)
    assert [step["step"] for step in told if step["step"] != "progress"] == [
        "finding",
        "planned",
        "painted",
        "failed",
        "finished",
        "done",
    ]
    painted = next(step for step in told if step["step"] == "painted")
    assert painted["index"] == 0
    assert painted["box"] == [8, 8, 32, 32]
    failed = next(step for step in told if step["step"] == "failed")
    assert failed["reason"] == "out of paint"
    finished = told[-2]
    assert finished["files"] == ["a-detailed.png", "a-detailed-preview.png"]
    assert finished["regions"] == {"painted": 1, "skipped": 0, "failed": 1}
    assert told[-1] == {"step": "done", "pictures": 1, "failures": 1}
    assert "region 1 stays as it was: out of paint" in err


def test_a_warning_is_told_in_a_line_and_quiet_is_silent_about_it(capsys):
    Path("b.jpg").write_bytes(Path("b.png").read_bytes())
    assert run("b.jpg", *FAKES) == 0
    assert capsys.readouterr().err == "detailer: b.jpg is a PNG in truth, whatever its name says\n"
    assert run("b.jpg", "--quiet", "--overwrite", *FAKES) == 0
    assert capsys.readouterr() == ("", "")


def test_a_terminal_sees_a_bar_and_a_line_for_each_picture(monkeypatch, capsys):
    pytest.importorskip("rich")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert run("a.png", "b.png", *FAKES) == 0
    out = capsys.readouterr().out
    assert "a.png -> a-detailed.png (2 painted)" in out
    assert "b.png -> b-detailed.png (2 painted)" in out


def test_a_terminal_sees_how_far_a_batch_is(monkeypatch, capsys):
    bars = pytest.importorskip("detailer.apps.cli.bars", reason="needs detailer[cli]")
    shown = []
    told = bars.Bars.step

    def step(self, job, what):
        told(self, job, what)
        shown.append(self._bars.tasks[self._one].fields["what"])

    monkeypatch.setattr(bars.Bars, "step", step)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert run("a.png", *STEPPING) == 0
    assert "0 of 2 painted; stepping: 2 \\[regions] 45 %" in shown
    assert "2 of 2 painted" in shown


def test_a_terminal_sees_that_regions_are_looked_for(monkeypatch, capsys):
    bars = pytest.importorskip("detailer.apps.cli.bars", reason="needs detailer[cli]")
    shown = []
    told = bars.Bars.find

    def find(self, job):
        told(self, job)
        task = self._bars.tasks[self._one]
        shown.append((task.description, task.fields["what"], task.total, task.visible))

    monkeypatch.setattr(bars.Bars, "find", find)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert run("a.png", "b.png", *FAKES) == 0
    assert shown == [("a.png", "finding", None, True), ("b.png", "finding", None, True)]


def test_where_a_plan_is_given_nothing_is_looked_for_and_that_is_not_said(capsys):
    assert main(["plan", "a.png", "-o", "plan.json", "--detector", "two"]) == 0
    capsys.readouterr()
    assert run("a.png", "--plan", "plan.json", "--json", "--painter", "inverting") == 0
    assert steps(capsys.readouterr().out)[0]["step"] == "planned"


def test_a_terminal_is_told_what_failed(monkeypatch, capsys):
    pytest.importorskip("rich")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    Path("empty.png").write_bytes(b"")
    assert run("empty.png", "a.png", "--detector", "two", "--painter", "first-only") == 1
    out = capsys.readouterr().out
    assert "empty.png is empty" in out
    assert "region 1 stays: out of paint" in out
    assert "0 of 2 pictures done" in out


def test_a_setting_that_the_painter_makes_no_use_of_is_told(capsys):
    words = ["--detector", "none", "--painter", "classic"]
    assert run("a.png", "--seed", "7", "--prompt", "a smile", *words) == 0
    said = "detailer: painter classic makes no use of prompt, seed\n"
    assert capsys.readouterr().err == said
    assert run("a.png", "--batch-size", "2", "--overwrite", *words) == 0
    assert capsys.readouterr().err == ""
