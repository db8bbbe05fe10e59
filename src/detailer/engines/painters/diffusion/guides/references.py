"""References: pictures that a region is to look like, shown to the network by an IP-Adapter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from diffusers.models.attention_processor import IPAdapterAttnProcessor, IPAdapterAttnProcessor2_0
from torch import Tensor

from detailer.core.paint import Control
from detailer.core.paths import local_path
from detailer.core.pixels import Pixels
from detailer.engines.painters.diffusion.forward import Forward, Reference
from detailer.engines.painters.diffusion.guides.ip_adapters import IpAdapter, open_ip_adapter
from detailer.engines.painters.diffusion.guides.pictures import read_picture
from detailer.engines.painters.diffusion.guides.slots import Slot, slots
from detailer.engines.painters.diffusion.loading.faults import as_engine_error
from detailer.engines.painters.diffusion.loading.quiet import quiet
from detailer.errors import EngineError

if TYPE_CHECKING:
    from detailer.engines.painters.diffusion.job import Job

_PROCESSORS = (IPAdapterAttnProcessor, IPAdapterAttnProcessor2_0)


@dataclass(frozen=True, eq=False)
class Each:
    """A number for each sample, where an IP-Adapter's processor expects one for all.

    A processor asks whether it is 0 and else multiplies what the picture adds by it, so that each
    sample's strength is exact. Scaled embeddings would not be: attention is not linear in them.
    """

    strength: Tensor

    def __mul__(self, added: Tensor) -> Tensor:
        return self.strength.to(added.device, added.dtype).view(-1, 1, 1) * added


def shown(unet: Any, forward: Forward) -> dict[str, list[Tensor]]:
    """A UNet's added conditions for all references of a pass, and their strengths in its layers.

    Empty where the UNet holds no IP-Adapter. One that it holds and that no sample refers to now
    is passed by: the UNet computes what it would without.
    """
    layers = getattr(unet.encoder_hid_proj, "image_projection_layers", None)
    if layers is None:
        return {}
    embeddings = [_nothing(layer, forward.x) for layer in layers]
    scales: list[Any] = [0.0] * len(layers)
    for reference in forward.guides.references:
        strength = reference.strength_at(forward.sigma)
        if bool((strength > 0).any()):
            embeddings[reference.place] = reference.seen
            scales[reference.place] = Each(strength)
    for processor in unet.attn_processors.values():
        if isinstance(processor, _PROCESSORS):
            processor.scale = list(scales)
    return {"image_embeds": [each.to(unet.device, unet.dtype) for each in embeddings]}


def _nothing(layer: Any, x: Tensor) -> Tensor:
    """Embeddings of the shape that a projection takes, for an adapter that is passed by."""
    width = next(each for each in layer.modules() if isinstance(each, torch.nn.Linear)).in_features
    plain = type(layer).__name__ == "ImageProjection"
    return x.new_zeros((len(x), 1, width) if plain else (len(x), 1, 1, width))


@dataclass(eq=False)
class References:
    """The IP-Adapters of one pipeline: opened once, put into its UNet when first used."""

    pipe: Any
    device: torch.device
    dtype: torch.dtype
    _opened: dict[str, IpAdapter] = field(default_factory=dict)
    _placed: list[str] = field(default_factory=list)
    _files: dict[tuple[str, str, int], tuple[Tensor, Tensor]] = field(default_factory=dict)

    def __call__(self, jobs: Sequence[Job]) -> tuple[Reference, ...]:
        """What a batch's references are to its passes.

        A reference without a file is the crop itself. Its picture is taken whole: it says who,
        not where.

        Raises:
            InputError, MissingEngineError: If a picture or an adapter is not there.
            EngineError: If an adapter is broken, or not for this model.
        """
        needed = slots(jobs, "reference")
        self._place([slot.model for slot in needed])
        used: Counter[str] = Counter()
        made = []
        for slot in needed:
            places = [n for n, name in enumerate(self._placed) if name == slot.model]
            made.append(self._reference(slot, places[used[slot.model]]))
            used[slot.model] += 1
        return tuple(made)

    def _reference(self, slot: Slot, place: int) -> Reference:
        adapter = self._opened[slot.model]
        pairs = [
            None if control is None else self._embedded(adapter, job, control)
            for job, control in zip(slot.jobs, slot.controls, strict=True)
        ]
        some = next(pair for pair in pairs if pair is not None)
        blank = some[1], some[1]
        seen, unseen = zip(*(pair or blank for pair in pairs), strict=True)
        levels = (each.to(self.device) for each in (slot.strength, slot.first, slot.last))
        return Reference(place, torch.stack(seen), torch.stack(unseen), *levels)

    def _embedded(self, adapter: IpAdapter, job: Job, control: Control) -> tuple[Tensor, Tensor]:
        if not control.image:
            return self._of(adapter, job.cutout.pixels)
        file = local_path(control.image)
        changed = file.stat().st_mtime_ns if file.is_file() else 0
        key = adapter.name, str(file), changed
        if key not in self._files:
            self._files[key] = self._of(adapter, read_picture(file))
        return self._files[key]

    @torch.no_grad()
    def _of(self, adapter: IpAdapter, pixels: Pixels) -> tuple[Tensor, Tensor]:
        return adapter.embedded(pixels)

    def _place(self, names: Sequence[str]) -> None:
        """Puts adapters into the UNet, beside those that are there; one used twice is twice in."""
        lacking = Counter(names) - Counter(self._placed)
        if not lacking:
            return
        if not hasattr(self.pipe, "load_ip_adapter") or not hasattr(self.pipe, "unet"):
            kind = type(self.pipe).__name__
            raise EngineError(f"references are shown to UNets only; this model is a {kind}")
        for name in lacking:
            if name not in self._opened:
                adapter = open_ip_adapter(name, self.device, self.dtype)
                _check(adapter, self.pipe.unet)
                self._opened[name] = adapter
        placed = [*self._placed, *lacking.elements()]
        weights = [dict(self._opened[name].weights) for name in placed]
        with quiet(), as_engine_error(", ".join(placed)):
            self.pipe.load_ip_adapter(
                weights,
                subfolder=[""] * len(weights),
                weight_name=[""] * len(weights),
                image_encoder_folder=None,
                low_cpu_mem_usage=False,
            )
        self._placed = placed


def _check(adapter: IpAdapter, unet: Any) -> None:
    """Refuses an adapter that was made for another UNet."""
    theirs = [each.shape for key, each in adapter.weights["ip_adapter"].items() if "to_k_ip" in key]
    layers = [name for name in unet.attn_processors if name.endswith("attn2.processor")]
    ours = unet.config.cross_attention_dim
    if not theirs or theirs[0][1] != ours or len(theirs) != len(layers):
        width = theirs[0][1] if theirs else 0
        raise EngineError(
            f"IP-Adapter {adapter.name} is for {len(theirs)} layers that see texts of width"
            f" {width}; the model has {len(layers)} of width {ours}: take one that was made for it"
        )
