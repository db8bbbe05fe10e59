"""Checked: what would keep a model from painting, found before its weights are loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import torch

from detailer.core.paint import Control, Paint
from detailer.engines.painters.diffusion.adapters.lora import Loras
from detailer.engines.painters.diffusion.fallback import check as check_stock
from detailer.engines.painters.diffusion.families import FAMILIES
from detailer.engines.painters.diffusion.families.texts import CLIP_G, CLIP_L
from detailer.engines.painters.diffusion.guides.controlnets import ControlNets
from detailer.engines.painters.diffusion.guides.ip_adapters import check_ip_adapter
from detailer.engines.painters.diffusion.guides.pictures import read_picture
from detailer.engines.painters.diffusion.guides.preprocessors import PREPROCESSORS, check_name
from detailer.engines.painters.diffusion.loading.families import recognised
from detailer.engines.painters.diffusion.loading.source import Source
from detailer.engines.painters.diffusion.loading.weightless import weightless
from detailer.engines.painters.diffusion.names import check
from detailer.engines.painters.diffusion.options import Options
from detailer.engines.painters.diffusion.text.inversion import Inversion
from detailer.engines.painters.diffusion.text.tokens import mentioned
from detailer.engines.painters.diffusion.told import told

_ENCODERS = (("text_encoder", CLIP_L), ("text_encoder_2", CLIP_G))


def check_paints(path: str, paints: Sequence[Paint], options: Options | None = None) -> None:
    """Refuses what a model could not paint; its own weights are not loaded, LoRAs are read.

    Args:
        path: The model: a folder, a single file, or a Hub name that is in the local cache.
        paints: How it is to paint, each as one region is told.
        options: As the painter would have them.

    Raises:
        InputError, MissingEngineError, EngineError: As loading the model, its refiners, LoRAs,
            embeddings and ControlNets would raise them, as far as headers tell; LoRAs
            and embeddings are read whole.
    """
    options = options or Options()
    source = Source.parse(path)
    parts = weightless(source, options)
    if parts and recognised(source, options.variant).family not in FAMILIES:
        for paint in paints:
            check_stock(paint)
        return
    for paint in paints:
        check(paint)
    _check_words(paints, parts, options)
    denoiser = parts.get("unet", parts.get("transformer"))
    for control in dict.fromkeys(each for paint in paints for each in paint.controls):
        _check_control(control, denoiser)
    for refiner in dict.fromkeys(paint.refiner for paint in paints if paint.refiner):
        own = {"config": "", "revision": "", "vae": "", "taesd": ""}
        weightless(Source.parse(refiner), options.but(**own))


def _check_words(paints: Iterable[Paint], parts: Mapping[str, Any], options: Options) -> None:
    """The LoRAs and embeddings that are asked for."""
    inversion = Inversion(options.embeddings, options.allow_pickle)
    loras = Loras(SimpleNamespace(**parts), options.loras, options.allow_pickle, inversion)
    clips = [
        (int(parts[name].config.hidden_size), key)
        for name, key in _ENCODERS
        if type(parts.get(name)).__name__.startswith("CLIP")
    ]
    for said in dict.fromkeys(told(paint) for paint in paints):
        if parts:
            loras.use(said.loras)
        texts = (said.prompt, said.negative, said.refiner_prompt, said.refiner_negative)
        for name in dict.fromkeys(name for text in texts for name in mentioned(text)):
            for width, key in clips:
                inversion.vectors(name, width, key)


def _check_control(control: Control, denoiser: Any) -> None:
    if control.image:
        read_picture(control.image)
    if control.kind == "reference":
        check_ip_adapter(control.model)
        return
    check_name(control.preprocessor, PREPROCESSORS)
    if denoiser is not None:
        ControlNets(denoiser, torch.device("meta"), torch.float32).check(control.model)
