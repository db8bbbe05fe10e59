"""Sam: masks of boxes and points, by SAM, SAM-HQ, SAM 2, SAM 3 or EdgeTAM."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detailer.core.geometry import Size
from detailer.core.pixels import Picture, size_of
from detailer.engines.detectors.look import check_picture
from detailer.engines.files.pretrained import Pretrained, loaded, pretrained
from detailer.errors import MissingEngineError

if TYPE_CHECKING:
    from detailer.engines.segmenters.scene import SamScene


@dataclass(frozen=True, slots=True)
class _Build:
    """The classes of transformers for a kind of model, and what else it imports."""

    network: str
    processor: str
    library: str = ""


_SAM_2 = _Build("Sam2Model", "Sam2ImageProcessor")
_SAM_3 = _Build("Sam3TrackerModel", "Sam3ImageProcessor")
_EDGE = _Build("EdgeTamModel", "Sam2ImageProcessor", "timm")

_BUILDS: Final[dict[str, _Build]] = {
    "sam": _Build("SamModel", "SamImageProcessor"),
    "sam_hq": _Build("SamHQModel", "SamImageProcessor"),
    # Most are published for videos; pictures use the same weights without the memory.
    "sam2": _SAM_2,
    "sam2_video": _SAM_2,
    "sam3_tracker": _SAM_3,
    "sam3_tracker_video": _SAM_3,
    "sam3_video": _SAM_3,
    "edgetam": _EDGE,
    "edgetam_video": _EDGE,
}
_PROCESSORS = ("preprocessor_config.json", "processor_config.json")


class Sam:
    """A segmenter that runs its image encoder once per picture, however many prompts follow.

    Args:
        path: A folder, or a name on the Hub: `facebook/sam2.1-hiera-tiny`.
        device: auto, cpu, cuda, cuda:1 or mps.

    Raises:
        InputError: If it is a model of another kind, such as a detector or a diffusion model.
        MissingEngineError: If the model, or a library that it needs, is not there.
        EngineError: If the model cannot be loaded.
    """

    def __init__(self, path: str, device: str = "auto") -> None:
        model = pretrained(path)
        model.check_kind(tuple(_BUILDS), "the segmenter sam")
        build = _BUILDS[model.kind]
        if build.library and find_spec(build.library) is None:
            raise MissingEngineError(
                f"segmenter sam: {path} needs {build.library}, which is not installed; run:"
                f" pip install {build.library}"
            )
        import transformers

        self._model = model
        self._network: Any = loaded(model, getattr(transformers, build.network), device)
        self._processor = _processor(model, getattr(transformers, build.processor), self._network)

    def look(self, picture: Picture, /) -> SamScene:
        """What the image encoder makes of (h, w, 3) uint8 RGB pixels; prompts only decode it.

        Raises:
            InputError: If these are no such pixels.
            EngineError: If memory does not suffice, or the network cannot do it.
        """
        from detailer.engines.running import running
        from detailer.engines.segmenters.scene import ENGINE, REMEDY, Frame, SamScene

        check_picture(picture)
        size = size_of(picture)
        with running(ENGINE, self._model.text, size, REMEDY):
            # torch takes no views that run backwards, and warns of those that are read only.
            given = np.require(picture, requirements=("C", "W"))
            # Told, because a picture three pixels high could as well have its channels first.
            inputs = self._processor(
                images=given, input_data_format="channels_last", return_tensors="pt"
            )
            pixels = inputs["pixel_values"].to(self._network.device)
            embeddings = self._network.get_image_embeddings(pixels)
        if isinstance(embeddings, tuple):
            image, between = embeddings
            kept = {"image_embeddings": image, "intermediate_embeddings": between}
        else:
            kept = {"image_embeddings": embeddings}
        seen = _size(pixels.shape[-2:])
        frame = Frame(size, seen)
        if "reshaped_input_sizes" in inputs:
            frame = Frame(size, _size(inputs["reshaped_input_sizes"][0].tolist()), seen)
        return SamScene(self._network, kept, frame, self._model.text)


def _processor(model: Pretrained, processor_class: Any, network: Any) -> Any:
    """What brings pictures to the network's size: the model's own, or one for its size."""
    from detailer.engines.faults import as_engine_error
    from detailer.engines.quiet import quiet

    if model.has(*_PROCESSORS):
        with quiet(), as_engine_error(model.text, "fetch it again"):
            return processor_class.from_pretrained(model.folder, local_files_only=True)
    side = network.prompt_encoder.input_image_size
    height, width = (side, side) if isinstance(side, int) else side
    sides = {"height": height, "width": width}
    if processor_class.pad_size is None:
        return processor_class(size=sides)
    return processor_class(size={"longest_edge": max(height, width)}, pad_size=sides)


def _size(shape: Any) -> Size:
    height, width = shape
    return Size(int(width), int(height))
