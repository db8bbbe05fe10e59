"""Hand-made ONNX files: they see red, and answer in the layout of a known network.

The score of a cell is the mean of red in it, so a red square is a planted object; box and
landmarks are constants. So geometry and the order of colours are proved without a real model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CENTERFACE_SIZE = (10, 3, 32, 32)


@dataclass
class Graph:
    """Nodes and constants, added one by one; every method gives the name of its result."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, values: object, dtype: type = np.float32) -> str:
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def node(self, operator: str, *inputs: str, **attributes: object) -> str:
        name = f"value{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def red(self, picture: str, channel: int, stride: int) -> str:
        """The mean of a channel in each cell, 0..1: (1, 1, rows, columns)."""
        plane = self.node("Gather", picture, self.constant([channel], np.int64), axis=1)
        cells = self.node(
            "AveragePool", plane, kernel_shape=[stride, stride], strides=[stride, stride]
        )
        return self.node("Mul", cells, self.constant(1 / 255))

    def flat(self, cells: str) -> str:
        """(1, cells, 1), row by row."""
        return self.node("Reshape", cells, self.constant([1, -1, 1], np.int64))

    def spread(self, like: str, values: Sequence[float], axis: int) -> str:
        """Constants, each over all cells, side by side along an axis."""
        zero = self.node("Mul", like, self.constant(0))
        planes = [self.node("Add", zero, self.constant(value)) for value in values]
        return self.node("Concat", *planes, axis=axis)

    def save(self, path: Path, size: Sequence[int | str], outputs: dict[str, str]) -> Path:
        """Written with a declared input size; `outputs` names results as they are called."""
        for name, value in outputs.items():
            self.nodes.append(helper.make_node("Identity", [value], [name]))
        graph = helper.make_graph(
            self.nodes,
            "planted",
            [helper.make_tensor_value_info("picture", TensorProto.FLOAT, list(size))],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
            self.constants,
        )
        # A version that every supported onnxruntime reads.
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        path.write_bytes(model.SerializeToString())
        return path


def centerface(
    path: Path, width: float, height: float, points: Sequence[float] = (0.5,) * 10
) -> Path:
    """CenterFace that sees faces of one size in pixels; points are (y, x) shares of the box."""
    graph = Graph()
    heat = graph.red("picture", 0, 4)
    outputs = {
        "heat": heat,
        "scale": graph.spread(heat, [np.log(height / 4), np.log(width / 4)], axis=1),
        "offset": graph.spread(heat, [0.0, 0.0], axis=1),
        "points": graph.spread(heat, points, axis=1),
    }
    return graph.save(path, CENTERFACE_SIZE, outputs)


@dataclass(frozen=True)
class Cell:
    """What one cell answers, in cells: offset of the centre, and the sides."""

    stride: int
    width: float
    height: float
    x: float = 0.0
    y: float = 0.0


def yunet(path: Path, cell: Cell, size: Sequence[int | str]) -> Path:
    """YuNet of which only one stride sees anything; landmarks lie half a cell on."""
    graph = Graph()
    outputs: dict[str, str] = {}
    for stride in (8, 16, 32):
        seen = graph.flat(graph.red("picture", 2, stride))
        score = seen if stride == cell.stride else graph.node("Mul", seen, graph.constant(0))
        sides = [cell.x, cell.y, np.log(cell.width), np.log(cell.height)]
        outputs |= {f"cls_{stride}": score, f"obj_{stride}": score}
        outputs[f"bbox_{stride}"] = graph.spread(seen, sides, axis=2)
        outputs[f"kps_{stride}"] = graph.spread(seen, [0.5] * 10, axis=2)
    return graph.save(path, size, outputs)


def yolox(
    path: Path, cell: Cell, side: int, classes: Sequence[float] = (1.0,), names: str = ""
) -> Path:
    """YOLOX of which only one stride sees anything, with a share of the score for each class."""
    graph = Graph()
    parts = []
    for stride in (8, 16, 32):
        seen = graph.flat(graph.red("picture", 2, stride))
        share = float(stride == cell.stride)
        score = graph.node("Mul", seen, graph.constant(share))
        sides = [cell.x, cell.y, np.log(cell.width), np.log(cell.height)]
        constants = graph.spread(seen, [*sides, 1.0], axis=2)
        scores = [graph.node("Mul", score, graph.constant(value)) for value in classes]
        parts.append(graph.node("Concat", constants, *scores, axis=2))
    whole = graph.node("Concat", *parts, axis=1)
    graph.save(path, (1, 3, side, side), {"output": whole})
    return _noted(path, names) if names else path


def decoded_yolox(path: Path, side: int) -> Path:
    """YOLOX whose file decodes its boxes itself: the centre of the cell, 40 by 60 px."""
    graph = Graph()
    seen = graph.node(
        "Concat", *[graph.flat(graph.red("picture", 2, s)) for s in (8, 16, 32)], axis=1
    )
    rows = [
        (x * s, y * s, 40, 60, s == 8)
        for s in (8, 16, 32)
        for y in range(side // s)
        for x in range(side // s)
    ]
    boxes = graph.constant([[row[:4] for row in rows]])
    score = graph.node("Mul", seen, graph.constant([[[float(row[4])] for row in rows]]))
    ones = graph.spread(seen, [1.0], axis=2)
    return graph.save(
        path, (1, 3, side, side), {"o": graph.node("Concat", boxes, ones, score, axis=2)}
    )


def _noted(path: Path, names: str) -> Path:
    model = onnx.load_model(path)
    helper.set_model_props(model, {"names": names})
    path.write_bytes(model.SerializeToString())
    return path


def black(width: int, height: int) -> np.ndarray:
    """A black picture."""
    return np.zeros((height, width, 3), np.uint8)


def red_square(picture: np.ndarray, left: int, top: int, side: int) -> np.ndarray:
    """The picture with a red square in it."""
    picture[top : top + side, left : left + side] = (255, 0, 0)
    return picture
