"""Hints: what guides a batch besides words: control images, cut as its regions are, and faces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from detailer.core.paint import Control
from detailer.core.pixels import Pixels
from detailer.engines.painters.diffusion.forward import Hint, Reference
from detailer.engines.painters.diffusion.guides.controlnets import ControlNets
from detailer.engines.painters.diffusion.guides.pictures import Pictures
from detailer.engines.painters.diffusion.guides.preprocessors import (
    PREPROCESSORS,
    Preprocessor,
    prepared,
)
from detailer.engines.painters.diffusion.guides.references import References
from detailer.engines.painters.diffusion.guides.slots import Slot, slots
from detailer.engines.painters.diffusion.vae import Vae

if TYPE_CHECKING:
    from detailer.engines.painters.diffusion.job import Job
    from detailer.engines.painters.diffusion.loading.pipeline import Loaded


class Controls:
    """Everything that guides a model besides words; each is loaded once, when first asked for.

    Args:
        loaded: The model.
        preprocessors: More of them by name, each (h, w, 3) float32 0..1 to a control image.
    """

    def __init__(
        self, loaded: Loaded, preprocessors: Mapping[str, Preprocessor] | None = None
    ) -> None:
        pipe = loaded.pipe
        unet = getattr(pipe, "unet", None)
        denoiser = unet if unet is not None else getattr(pipe, "transformer", None)
        self.device = loaded.device
        self.nets = ControlNets(denoiser, loaded.device, loaded.dtype)
        self.references = References(pipe, loaded.device, loaded.dtype)
        self.preprocessors = {**PREPROCESSORS, **(preprocessors or {})}
        self.pictures = Pictures()
        self.vae = Vae(pipe.vae, loaded.device)


def hints(jobs: Sequence[Job], controls: Controls) -> tuple[Hint, ...]:
    """What ControlNets do in a batch's passes; regions may differ in all but the models.

    A control file is laid over the whole picture, at whatever size it has, and cut by the
    region's own window; without a file it is made of the crop. A preprocessor is applied to
    either, once it is cut.

    Raises:
        InputError: If a control image cannot be read, or a preprocessor is not known.
        MissingEngineError: If a ControlNet is not there.
        EngineError: If one is broken, or for another model.
    """
    return tuple(_hint(slot, controls) for slot in slots(jobs, "control"))


def references(jobs: Sequence[Job], controls: Controls) -> tuple[Reference, ...]:
    """What IP-Adapters do in a batch's passes; regions may differ in all but the models.

    Raises:
        InputError, MissingEngineError, EngineError: As `References` does.
    """
    return controls.references(jobs) if slots(jobs, "reference") else ()


def _hint(slot: Slot, controls: Controls) -> Hint:
    net = controls.nets(slot.model)
    images: list[Pixels | None] = [
        None if control is None else control_image(job, control, controls)
        for job, control in zip(slot.jobs, slot.controls, strict=True)
    ]
    some = next(image for image in images if image is not None)
    planes = torch.stack(
        [torch.from_numpy(some * 0 if image is None else image.copy()) for image in images]
    )
    pixels = planes.permute(0, 3, 1, 2).contiguous().to(controls.device)
    levels = (each.to(controls.device) for each in (slot.strength, slot.first, slot.last))
    return Hint(net, _as_seen(net, pixels, controls.vae), *levels)


def control_image(job: Job, control: Control, controls: Controls) -> Pixels:
    """A control's image of one region, (h, w, 3) float32 0..1 at the size that the model sees."""
    cutout = job.cutout
    if control.image:
        whole = controls.pictures.laid(control.image, cutout.picture_size)
        part = whole.read(cutout.patch.window.footprint)
        cutout = replace(cutout, part=part, bounded=True)
    return prepared(job.fit.pixels(cutout), control.preprocessor, controls.preprocessors)


@torch.no_grad()
def _as_seen(net: Any, pixels: Tensor, vae: Vae) -> Tensor:
    """Pixels for those ControlNets that have eyes, latents for those of transformers."""
    kind = type(net).__name__
    if kind == "ControlNetModel" or getattr(net, "input_hint_block", None) is not None:
        return pixels
    latents = vae.encode(pixels)
    if kind == "SD3ControlNetModel" and net.config.force_zeros_for_pooled_projection:
        # InstantX trained theirs on latents that were scaled but not shifted.
        config = vae.model.config
        return latents + float((config.shift_factor or 0.0) * config.scaling_factor)
    return latents
