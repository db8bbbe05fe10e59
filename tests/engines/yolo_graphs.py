"""Hand-made ONNX files in the layouts of Ultralytics' YOLO.

Those that see take the mean of red in a cell of 8 px for its score, and half of it less a half for
the logit of its mask: a red block is a planted object. The others answer what they were made with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import helper

from tests.engines.graphs import Graph

STRIDE = 8
FREE = (1, 3, "height", "width")
FACE = {"names": "{0: 'face'}", "task": "detect", "stride": "32"}
TWO = {"names": "{0: 'hand', 1: 'foot'}", "task": "detect", "stride": "32"}


@dataclass(frozen=True)
class Sight:
    """How a file that sees answers: the layout, the sides of every box in pixels of the frame,
    and whether it makes masks."""

    form: str = "columns"
    width: float = 16.0
    height: float = 24.0
    masks: bool = False
    classes: int = 1


def seeing(
    path: Path,
    size: Sequence[int | str],
    notes: Mapping[str, str],
    sight: Sight | None = None,
) -> Path:
    """Finds every cell with more than half of red, its box centred on it; of class 0."""
    sight = sight or Sight()
    graph = Graph()
    whole = graph.node("Mul", "picture", graph.constant(255))
    cells = graph.red(whole, 0, STRIDE)
    x, y = (_middles(graph, cells, axis) for axis in (3, 2))
    sides = [graph.node("Add", graph.node("Mul", cells, graph.constant(0)), graph.constant(side))
             for side in (sight.width, sight.height)]  # fmt: skip
    none = graph.node("Mul", cells, graph.constant(0))
    parts = [x, y, *sides, cells, *[none] * (sight.classes - 1)]
    if sight.form == "final":
        half = graph.constant(0.5)
        corners = [
            graph.node(verb, middle, graph.node("Mul", side, half))
            for verb in ("Sub", "Add")
            for middle, side in zip((x, y), sides, strict=True)
        ]
        parts = [*corners, cells, none]
    outputs = {"output0": "", "output1": ""}
    if sight.masks:
        parts.append(graph.node("Add", none, graph.constant(1)))
        fine = graph.red(whole, 0, 4)
        outputs["output1"] = graph.node("Sub", fine, graph.constant(0.5))
    else:
        del outputs["output1"]
    axis, shape = (2, [1, -1, 1]) if sight.form != "columns" else (1, [1, 1, -1])
    flat = [graph.node("Reshape", part, graph.constant(shape, np.int64)) for part in parts]
    outputs["output0"] = graph.node("Concat", *flat, axis=axis)
    return noted(graph.save(path, size, outputs), notes)


def answering(
    path: Path, side: int, outputs: Sequence[np.ndarray], notes: Mapping[str, str] | None = None
) -> Path:
    """Gives the same outputs for every picture of a square size."""
    graph = Graph()
    nothing = graph.node("ReduceSum", "picture", keepdims=0)
    nothing = graph.node("Mul", nothing, graph.constant(0))
    named = {
        f"output{number}": graph.node("Add", graph.constant(values), nothing)
        for number, values in enumerate(outputs)
    }
    return noted(graph.save(path, (1, 3, side, side), named), notes or {})


def columns(rows: Sequence[Sequence[float]], cells: int = 84) -> np.ndarray:
    """(1, numbers, cells): rows of centre, sides, scores, and nothing in the other cells."""
    table = np.zeros((cells, len(rows[0])), np.float32)
    table[: len(rows)] = rows
    return table.T[None]


def noted(path: Path, notes: Mapping[str, str]) -> Path:
    """The same file with what its author says about it."""
    model = onnx.load_model(path)
    helper.set_model_props(model, dict(notes))
    path.write_bytes(model.SerializeToString())
    return path


def red_block(picture: np.ndarray, left: int, top: int, width: int, height: int) -> np.ndarray:
    """The picture with a red block in it."""
    picture[top : top + height, left : left + width] = (255, 0, 0)
    return picture


def _middles(graph: Graph, cells: str, axis: int) -> str:
    """For every cell where its middle lies along an axis, px."""
    ones = graph.node("Add", graph.node("Mul", cells, graph.constant(0)), graph.constant(1))
    counted = graph.node("CumSum", ones, graph.constant(axis, np.int64))
    return graph.node(
        "Mul", graph.node("Sub", counted, graph.constant(0.5)), graph.constant(STRIDE)
    )
