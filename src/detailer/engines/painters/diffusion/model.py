"""Model: a loaded diffusion model with everything that is loaded beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from detailer.engines.painters.diffusion.adapters.lora import Loras
from detailer.engines.painters.diffusion.cache import Cache
from detailer.engines.painters.diffusion.families import family_of
from detailer.engines.painters.diffusion.families.family import Family
from detailer.engines.painters.diffusion.guides.hints import Controls
from detailer.engines.painters.diffusion.guides.preprocessors import Preprocessor
from detailer.engines.painters.diffusion.loading import Loaded, Source, open_pipeline
from detailer.engines.painters.diffusion.options import Options
from detailer.engines.painters.diffusion.preview import Preview, open_preview
from detailer.engines.painters.diffusion.text.inversion import Inversion
from detailer.engines.painters.diffusion.words import Words


@dataclass(frozen=True, eq=False)
class Model:
    """A family with its words, LoRAs and controls, on one device.

    Longer painted sides than `tile_above` go through the VAE in tiles, px. `pipe` is the holder
    of all its networks.
    """

    family: Family
    words: Words
    loras: Loras
    controls: Controls
    device: torch.device
    cache: Cache
    preview: Preview | None = None
    tile_above: int = 1536
    pipe: Any = None

    def rest(self) -> None:
        """Moves off the device what is only there while it works; nothing where all stays."""
        if self.pipe is not None:
            self.pipe.maybe_free_model_hooks()


def open_model(path: str, options: Options) -> Model:
    """The model at a path, in a single file, or of a Hub name.

    Raises:
        InputError, MissingEngineError, EngineError: As `open_pipeline` does; EngineError also for
            a family without an adapter.
    """
    return model_of(open_pipeline(Source.parse(path), options), options)


def model_of(
    loaded: Loaded, options: Options, preprocessors: Mapping[str, Preprocessor] | None = None
) -> Model:
    """A loaded pipeline as the loop uses it."""
    inversion = Inversion(options.embeddings, options.allow_pickle)
    family = family_of(loaded, inversion.vectors)
    return Model(
        family,
        Words(family),
        Loras(loaded.pipe, options.loras, options.allow_pickle, inversion),
        Controls(loaded, preprocessors),
        loaded.device,
        Cache(denoiser_of(loaded.pipe), options.cache),
        _preview(family, loaded.device, options.taesd),
        options.tile_vae_above,
        loaded.pipe,
    )


def denoiser_of(pipe: Any) -> Any:
    """A pipeline's network: its UNet or its transformer."""
    unet = getattr(pipe, "unet", None)
    return pipe.transformer if unet is None else unet


def _preview(family: Family, device: torch.device, path: str) -> Preview | None:
    return open_preview(path, device, family.vae.channels) if path else None
