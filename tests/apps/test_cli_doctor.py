"""detailer doctor: what is broken here, in words and for programs."""

from __future__ import annotations

import json

import pytest

from detailer.apps.cli import main
from detailer.engines.health.finding import Finding

GOOD = Finding("Python", True, "3.11")
BAD = Finding("GPU", False, "none that torch sees", "install another")


@pytest.fixture
def looked(monkeypatch):
    """What the doctor is to find, and the models it was asked about."""
    findings, models = [GOOD], []

    def checkup(model):
        models.append(model)
        return findings

    monkeypatch.setattr("detailer.apps.cli.doctor.checkup", checkup)
    return findings, models


def test_where_all_is_fine_the_exit_code_says_so(looked, capsys):
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out == "ok       Python: 3.11\n"
    assert looked[1] == [""]


def test_what_is_not_fine_is_told_with_its_remedy(looked, capsys):
    looked[0].append(BAD)
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[1:] == ["NOT OK   GPU: none that torch sees", "         install another"]


def test_findings_are_told_for_programs(looked, capsys):
    looked[0].append(BAD)
    assert main(["doctor", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [Finding(**each) for each in told] == [GOOD, BAD]


def test_a_model_that_should_fit_is_passed_on(looked):
    assert main(["doctor", "--model", "sd.safetensors"]) == 0
    assert looked[1] == ["sd.safetensors"]


def test_a_model_that_is_not_there_is_a_mistake(capsys):
    assert main(["doctor", "--model", "no-such.safetensors"]) == 2
    assert "nothing is at" in capsys.readouterr().err
