"""Engines: list what is installed and what each engine needs, or import a model."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby

from detailer.apps.cli import DONE
from detailer.apps.cli.parser import Parser
from detailer.engines.catalog import EngineCard, installed
from detailer.engines.listed import GROUPS

_TEXT = """\
List the detectors, segmenters, painters and upscalers that are known here, and what each needs.

An engine is given by its name, or as NAME:FILE where it has a model file:

  detailer run photo.jpg --detector yolo:hand.onnx --painter classic

A YOLO .pt must be imported once: detailer engines import FILE.pt (--help tells more). The painter
diffusion takes a diffusion model: --painter diffusion:model.safetensors. Other packages add engines
by the entry points detailer.detectors, .segmenters, .painters and .upscalers."""


def main(words: Sequence[str]) -> int:
    """List the engines, or import a model."""
    if words and words[0] == "import":
        from detailer.apps.cli import engines_import

        return engines_import.main(words[1:])
    parser = Parser("engines", "[import FILE.pt ...] [--json]", _TEXT)
    parser.add_argument("--json", action="store_true", help="As JSON.")
    parser.add_argument("-h", "--help", action="help", help="Show this.")
    as_json = parser.parsed(words).json
    cards = sorted(installed(), key=lambda card: list(GROUPS).index(card.kind))
    if as_json:
        sys.stdout.write(json.dumps([asdict(card) for card in cards], indent=1) + "\n")
        return DONE
    for kind, group in groupby(cards, key=lambda card: card.kind):
        sys.stdout.write(f"{kind.capitalize()}s\n")
        sys.stdout.writelines(_lines(card) for card in group)
    sys.stdout.write("\nThe painter auto is restore where it runs, else classic.\n")
    return DONE


def _lines(card: EngineCard) -> str:
    names = f" (or {', '.join(card.aliases)})" if card.aliases else ""
    text = f"  {card.name}{names}\n      {card.about}\n      Needs {card.needs}.\n"
    lack = f"      NOT HERE: {card.reason}; {card.remedy}\n"
    return text if card.available else text + lack
