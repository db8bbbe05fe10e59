"""Hand-made TFLite files: they see white, and answer in the layout of MediaPipe's networks.

The score of a cell grows with its mean brightness, so a white square is a planted face or palm;
boxes and points are constants. The real MediaPipe reads and runs them.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from mediapipe.tasks.metadata import schema_py_generated as schema

MESH = 478
FIRST_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173)
SECOND_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398)


@dataclass
class Graph:
    """Tensors and operators, added one by one; every method gives the number of its result."""

    tensors: list[Any] = field(default_factory=list)
    buffers: list[Any] = field(default_factory=lambda: [schema.BufferT()])
    operators: list[Any] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)

    def tensor(self, shape: Sequence[int], kind: int = schema.TensorType.FLOAT32) -> int:
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.buffer = list(shape), kind, 0
        tensor.name = f"tensor{len(self.tensors)}".encode()
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def constant(self, values: object) -> int:
        array = np.ascontiguousarray(values, np.float32)
        number = self.tensor(array.shape)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(array.tobytes(), np.uint8)
        self.buffers.append(buffer)
        self.tensors[number].buffer = len(self.buffers) - 1
        return number

    def operator(self, name: str, inputs: list[int], shape: Sequence[int], **settings: Any) -> int:
        """An operator by the name of its options in the schema, such as Conv2D."""
        code = getattr(schema.BuiltinOperator, OPERATORS[name])
        if code not in self.codes:
            self.codes.append(code)
        options = getattr(schema, f"{name}OptionsT")()
        for key, value in settings.items():
            setattr(options, key, value)
        operator = schema.OperatorT()
        operator.opcodeIndex = self.codes.index(code)
        operator.builtinOptions = options
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, f"{name}Options")
        output = self.tensor(shape)
        operator.inputs, operator.outputs = inputs, [output]
        self.operators.append(operator)
        return output

    def picture(self, side: int) -> tuple[int, int]:
        """The input, uint8 so that it needs no notes, and the same as numbers 0..255."""
        picture = self.tensor([1, side, side, 3], schema.TensorType.UINT8)
        kinds = schema.TensorType.UINT8, schema.TensorType.FLOAT32
        shape = [1, side, side, 3]
        numbers = self.operator("Cast", [picture], shape, inDataType=kinds[0], outDataType=kinds[1])
        return picture, numbers

    def content(self, picture: int, outputs: list[int]) -> bytes:
        """The file."""
        model, subgraph = schema.ModelT(), schema.SubGraphT()
        model.version, model.description, model.operatorCodes = 3, b"planted", []
        for number in self.codes:
            code = schema.OperatorCodeT()
            code.builtinCode = code.deprecatedBuiltinCode = number
            code.version = 1
            model.operatorCodes.append(code)
        subgraph.tensors, subgraph.operators = self.tensors, self.operators
        subgraph.inputs, subgraph.outputs, subgraph.name = [picture], outputs, b"main"
        model.subgraphs, model.buffers = [subgraph], self.buffers
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())


OPERATORS = {
    "Cast": "CAST",
    "Conv2D": "CONV_2D",
    "Reshape": "RESHAPE",
    "Concatenation": "CONCATENATION",
}


@dataclass(frozen=True)
class Anchors:
    """How a detector covers its input: cells of `stride`, and `blind` anchors that never see.

    Every anchor answers a square of `box` around its middle, and points (x, y) from its middle;
    all in pixels of the input.
    """

    side: int
    stride: int
    each: int
    blind: int
    box: float = 40
    points: tuple[tuple[float, float], ...] = ()


EYES, NOSE = ((-8.0, -6.0), (8.0, -6.0)), (0.0, 2.0)
_FACE = (*EYES, NOSE, (0.0, 8.0), (-14.0, 0.0), (14.0, 0.0))
SHORT = Anchors(128, 8, 2, 384, points=_FACE)
FULL = Anchors(192, 4, 1, 0, points=_FACE)
PALM = Anchors(192, 8, 2, 864, points=((0, 20), *[(0, -10)] * 6))


def detector(anchors: Anchors) -> bytes:
    """A detector whose score is sigmoid(10 × mean brightness − 7): white 0.95, grey below half."""
    graph = Graph()
    picture, numbers = graph.picture(anchors.side)
    stride, each = anchors.stride, anchors.each
    cells = anchors.side // stride
    kernel = graph.constant(np.full((each, stride, stride, 3), 10 / 255 / 3 / stride**2))
    bias = graph.constant(np.full(each, -7.0))
    steps = {"strideH": stride, "strideW": stride, "padding": schema.Padding.VALID}
    shape = [1, cells, cells, each]
    seen = graph.operator(
        "Conv2D",
        [numbers, kernel, bias],
        shape,
        **steps,
        dilationHFactor=1,
        dilationWFactor=1,
    )
    count = cells * cells * each
    flat = [1, count, 1]
    scores = graph.operator("Reshape", [seen], flat, newShape=flat)
    if anchors.blind:
        never = graph.constant(np.full((1, anchors.blind, 1), -100.0))
        whole = [1, count + anchors.blind, 1]
        scores = graph.operator("Concatenation", [scores, never], whole, axis=1)
    row = [0.0, 0.0, anchors.box, anchors.box, *np.ravel(anchors.points)]
    boxes = graph.constant(np.tile(row, (1, count + anchors.blind, 1)))
    return graph.content(picture, [boxes, scores])


def constants(side: int, *outputs: object) -> bytes:
    """A network that looks at nothing and gives the same numbers for every picture."""
    graph = Graph()
    picture, _ = graph.picture(side)
    return graph.content(picture, [graph.constant(values) for values in outputs])


def face_points() -> np.ndarray:
    """478 points (x, y, z) in an input of 256 px: an ellipse, with eyes, nose and mouth in it."""
    turn = np.linspace(0, 2 * np.pi, MESH, endpoint=False)
    points = np.stack([128 + 80 * np.cos(turn), 128 + 100 * np.sin(turn), 0 * turn], axis=1)
    around = np.linspace(0, 2 * np.pi, len(FIRST_EYE), endpoint=False)
    for eye, x in ((FIRST_EYE, 96), (SECOND_EYE, 160)):
        ring = [x + 12 * np.cos(around), 100 + 6 * np.sin(around), 0 * around]
        points[list(eye)] = np.stack(ring, axis=1)
    points[[1, 61, 291]] = (128, 130, 0), (108, 170, 0), (148, 170, 0)
    return points


def hand_points(radius: float) -> np.ndarray:
    """21 points on a circle around the middle of an input of 224 px."""
    turn = np.linspace(0, 2 * np.pi, 21, endpoint=False)
    return np.stack([112 + radius * np.cos(turn), 112 + radius * np.sin(turn), 0 * turn], axis=1)


def face_landmarker(path: Path, presence: float = 10.0) -> Path:
    """A bundle that sees faces with 478 points; `presence` is how sure it is, a logit."""
    points = face_points().reshape(1, 1, 1, -1)
    landmarks = constants(256, points, np.full((1, 1, 1, 1), presence))
    parts = {
        "face_detector.tflite": detector(SHORT),
        "face_landmarks_detector.tflite": landmarks,
    }
    return bundle(path, parts)


def hand_landmarker(path: Path, radius: float = 50) -> Path:
    """A bundle that sees hands whose joints lie on a circle."""
    points = hand_points(radius).reshape(1, -1)
    one = np.full((1, 1), 0.9)
    landmarks = constants(224, points, one, one, points / 1000)
    parts = {"hand_detector.tflite": detector(PALM), "hand_landmarks_detector.tflite": landmarks}
    return bundle(path, parts)


def bundle(path: Path, parts: Mapping[str, bytes]) -> Path:
    """A bundle of any files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return path


def face_detector(path: Path, anchors: Anchors = FULL, box: float = 40) -> Path:
    """A file that sees faces."""
    path.write_bytes(detector(replace(anchors, box=box)))
    return path
