"""Network: an ONNX file, read once and kept, run by onnxruntime."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detailer.core.geometry import Size
from detailer.core.paths import local_path
from detailer.engines.detectors.external import external_files, may_be_external
from detailer.errors import EngineError, InputError, MissingEngineError

Planes = NDArray[np.float32]

_DEVICES = ("auto", "cpu", "cuda")
_CUDA = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"
# A message of protobuf is less than 2 GiB.
_MOST_IN_ONE = 2**31 - 2**24
# Files of half precision take a picture of half precision.
_KINDS = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


@dataclass(frozen=True)
class Hardware:
    """Where a network runs: device auto, cpu or cuda; threads on the CPU, 0 for all cores."""

    device: str = "auto"
    threads: int = 0

    def __post_init__(self) -> None:
        if self.device not in _DEVICES:
            raise InputError(f"device={self.device!r} is unknown; give one of {_DEVICES}")
        if self.threads < 0:
            raise InputError(f"threads={self.threads} is below 0; 0 means all cores")


def hardware_of(device: str | Hardware) -> Hardware:
    """The hardware that a device is: itself, or that of its name with all cores."""
    return Hardware(device) if isinstance(device, str) else device


class Network:
    """Runs an ONNX file on one picture at a time; may be called from several threads.

    Weights may lie in files beside it, as `model.onnx.data`.

    Args:
        path: The ONNX file.
        hardware: Where it runs.
        any_size: Forget the input's declared size, so that it takes every size.

    Raises:
        MissingEngineError: If onnxruntime (or, for any_size, onnx) is not installed, or cuda is
            asked for and this onnxruntime has none.
        EngineError: If the file is not there or is not an ONNX model with one picture as input,
            or keeps weights elsewhere than in its folder.
    """

    def __init__(self, path: str | Path, hardware: Hardware, any_size: bool = False) -> None:
        self.path = local_path(path)
        source = _source(self.path, any_size)
        runtime = _runtime()
        self._errors = _errors_of(runtime)
        self._session = self._opened(source, hardware, runtime)
        self._run_options = runtime.RunOptions()
        if self._session.get_providers()[0] == _CPU:
            # One large picture would keep hundreds of MiB for as long as the session lives.
            key = "memory.enable_memory_arena_shrinkage"
            self._run_options.add_run_config_entry(key, "cpu:0")
        self._input = self._only_input()

    @property
    def size(self) -> Size | None:
        """The picture size that the file demands; None where it takes any."""
        height, width = self._input.shape[2:]
        if isinstance(height, int) and isinstance(width, int):
            return Size(width, height)
        return None

    @property
    def notes(self) -> dict[str, str]:
        """What the file's author wrote into it."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    @property
    def output_names(self) -> list[str]:
        """The outputs, in the file's order."""
        return [output.name for output in self._session.get_outputs()]

    def __call__(self, planes: Planes) -> list[NDArray[Any]]:
        """All outputs, in the file's order, for (1, 3, h, w) float32."""
        try:
            seen = planes.astype(_KINDS[self._input.type], copy=False)
            outputs = self._session.run(None, {self._input.name: seen}, self._run_options)
        except self._errors as error:
            height, width = planes.shape[2:]
            raise EngineError(
                f"{self.path} cannot look at a picture of {width}×{height}: {error}"
            ) from error
        if not all(_finite(output) for output in outputs):
            raise EngineError(f"{self.path} gave values that are not finite numbers")
        return list(outputs)

    def _opened(self, source: bytes | str, hardware: Hardware, runtime: Any) -> Any:
        options = runtime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = hardware.threads
        providers = _providers(hardware, runtime)
        try:
            session = runtime.InferenceSession(source, options, providers=providers)
        except self._errors as error:
            raise EngineError(f"{self.path} is not an ONNX model that runs: {error}") from error
        if hardware.device == "cuda" and _CUDA not in session.get_providers():
            raise EngineError("device=cuda, but CUDA does not start here; use device=cpu")
        return session

    def _only_input(self) -> Any:
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type not in _KINDS:
            given = ", ".join(f"{one.name} {one.shape} {one.type}" for one in inputs)
            raise EngineError(f"{self.path} takes {given}; expected one float picture [1, 3, h, w]")
        return inputs[0]


def without_size(content: bytes, path: Path) -> bytes:
    """The same ONNX model with its batch, height and width left open.

    Whatever says a size goes: declared inputs, outputs, and shapes noted in between. The
    operators themselves must bear it; those of CenterFace and YuNet do.
    """
    model = _read(content, path)
    graph = model.graph
    # Old files list their weights as inputs too, which keeps onnxruntime from folding them.
    weights = {weight.name for weight in graph.initializer}
    inputs = [one for one in graph.input if one.name not in weights]
    del graph.input[:], graph.value_info[:]
    graph.input.extend(inputs)
    for one in graph.input:
        sides = one.type.tensor_type.shape.dim
        for side, name in zip(sides, ("batch", None, "height", "width"), strict=False):
            if name:
                side.dim_param = name
    for output in graph.output:
        output.type.tensor_type.ClearField("shape")
    return bytes(model.SerializeToString())


def _read(content: bytes, path: Path) -> Any:
    try:
        import onnx
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    except ImportError as error:
        raise _missing("onnx") from error
    try:
        return onnx.load_model_from_string(content)
    except DecodeError as error:
        raise EngineError(f"{path} is not an ONNX model: {error}") from error


def _source(path: Path, any_size: bool) -> bytes | str:
    """What onnxruntime opens: the model with all its weights; its path where those are too large.

    From a path it does not see the shapes that lie beside the file, so that is the second choice.
    """
    content = _content(path)
    files = external_files(_read(content, path), path) if may_be_external(content) else []
    if files and not any_size and sum(file.stat().st_size for file in files) > _MOST_IN_ONE:
        return str(path)
    if files:
        content = _all_in_one(content, path)
    return without_size(content, path) if any_size else content


def _all_in_one(content: bytes, path: Path) -> bytes:
    model = _read(content, path)
    from onnx.external_data_helper import load_external_data_for_model

    try:
        load_external_data_for_model(model, str(path.parent))
        return bytes(model.SerializeToString())
    except (OSError, ValueError, RuntimeError) as error:
        raise EngineError(f"{path} and the weights beside it do not fit: {error}") from error


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EngineError(f"model file {path} cannot be read: {error.strerror}") from error
    if not content:
        raise EngineError(f"model file {path} is empty; fetch it again")
    if content.startswith(b"version https://git-lfs"):
        raise EngineError(f"{path} is a Git LFS pointer, not the model; run: git lfs pull")
    return content


def _runtime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise _missing("onnxruntime") from error
    return onnxruntime


def _missing(library: str) -> MissingEngineError:
    return MissingEngineError(f"{library} is not installed; run: pip install 'detailer[onnx]'")


def _errors_of(runtime: Any) -> tuple[type[Exception], ...]:
    """The errors of onnxruntime, which share no base but Exception."""
    state = runtime.capi.onnxruntime_pybind11_state
    own = [kind for kind in vars(state).values() if isinstance(kind, type)]
    return (RuntimeError, ValueError, *(kind for kind in own if issubclass(kind, Exception)))


def _providers(hardware: Hardware, runtime: Any) -> list[str]:
    has_cuda = _CUDA in runtime.get_available_providers()
    if hardware.device == "cuda" and not has_cuda:
        raise MissingEngineError(
            "device=cuda, but this onnxruntime has no CUDA; run: pip install onnxruntime-gpu"
        )
    return [_CUDA, _CPU] if has_cuda and hardware.device != "cpu" else [_CPU]


def _finite(output: Any) -> bool:
    return not isinstance(output, np.ndarray) or bool(np.isfinite(output).all())
