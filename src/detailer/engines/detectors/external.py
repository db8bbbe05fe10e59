"""External: weights of an ONNX file that lie in files beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from detailer.errors import EngineError

_LOCATION = b"\x0a\x08location"
"""The key of a weight's place, as it is written in the file."""


def may_be_external(content: bytes) -> bool:
    """Whether some of an ONNX file's weights may lie in other files."""
    return _LOCATION in content


def external_files(model: Any, path: Path) -> list[Path]:
    """The files beside a model in which its weights lie.

    Args:
        model: As `onnx` has read it.
        path: Where it was read from; nothing outside its folder is looked at.

    Raises:
        EngineError: If a place is not in the model's folder, or nothing is there.
    """
    places = dict.fromkeys(_place(weight) for weight in _weights(model) if weight.data_location)
    return [_file(place, path) for place in places]


def _file(place: str, path: Path) -> Path:
    told = f"{path} keeps weights in {place!r}"
    kinds = PurePosixPath(place), PureWindowsPath(place)
    leaves = any(kind.is_absolute() or kind.anchor or ".." in kind.parts for kind in kinds)
    if not place or leaves:
        raise EngineError(f"{told}, which is not in its folder; only weights beside it are read")
    file = path.parent / place
    if not file.resolve().is_relative_to(path.parent.resolve()):
        raise EngineError(f"{told}, a link that leads out of its folder; put the file itself there")
    if not file.is_file():
        raise EngineError(f"{told}, which is not there; put {file} beside it, under that name")
    return file


def _place(weight: Any) -> str:
    return next((str(entry.value) for entry in weight.external_data if entry.key == "location"), "")


def _weights(model: Any) -> Iterator[Any]:
    yield from _weights_of(model.graph)
    for function in model.functions:
        yield from _weights_in(function.node)


def _weights_of(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _weights_in(graph.node)


def _weights_in(nodes: Iterable[Any]) -> Iterator[Any]:
    for node in nodes:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for graph in (attribute.g, *attribute.graphs):
                yield from _weights_of(graph)
