"""Doctor: say what on this machine keeps engines from running, and the remedy."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from detailer.apps.cli import DONE, FAILED
from detailer.apps.cli.parser import Parser
from detailer.engines.health.doctor import checkup
from detailer.engines.health.finding import Finding

_TEXT = """\
Look at what engines need on this machine: packages that were not built for each other, two
packages in one another's place, a GPU that torch does not see, room on the disk, missing extras.

  detailer doctor
  detailer doctor --model sdxl.safetensors      and whether that model fits the memory

The exit code is 1 if anything is not fine."""


def main(words: Sequence[str]) -> int:
    """Look at this machine."""
    parser = Parser("doctor", "[--model FILE] [--json]", _TEXT)
    parser.add_argument("--model", default="", help="A diffusion model that should fit.")
    parser.add_argument("--json", action="store_true", help="As JSON.")
    parser.add_argument("-h", "--help", action="help", help="Show this.")
    arguments = parser.parsed(words)
    findings = checkup(arguments.model)
    if arguments.json:
        sys.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=1) + "\n")
    else:
        sys.stdout.writelines(_lines(finding) for finding in findings)
    return DONE if all(finding.fine for finding in findings) else FAILED


def _lines(finding: Finding) -> str:
    mark = "ok     " if finding.fine else "NOT OK "
    remedy = f"         {finding.remedy}\n" if finding.remedy else ""
    return f"{mark}  {finding.name}: {finding.found}\n{remedy}"
