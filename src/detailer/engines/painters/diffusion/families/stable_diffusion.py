"""Stable Diffusion: versions 1 and 2, with one CLIP."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from detailer.core.geometry import Size
from detailer.engines.painters.diffusion.condition import Condition
from detailer.engines.painters.diffusion.families.texts import CLIP_L, Vectors, clip
from detailer.engines.painters.diffusion.families.unet import UNet
from detailer.engines.painters.diffusion.forward import Forward
from detailer.engines.painters.diffusion.loading import Loaded
from detailer.engines.painters.diffusion.table import Table
from detailer.engines.painters.diffusion.text.clip import ClipSpec
from detailer.engines.painters.diffusion.vae import Vae

_OPEN_CLIP = ClipSpec(pad=0)


class StableDiffusion:
    """Stable Diffusion 1 and 2, also those that predict velocity or are made for inpainting.

    Version 2 has OpenCLIP's text encoder, without its last layer in diffusers' files.
    """

    multiple = 8

    def __init__(self, loaded: Loaded, vectors: Vectors) -> None:
        pipe = loaded.pipe
        self.name = loaded.card.family
        self.vae = Vae(pipe.vae, loaded.device)
        self._unet = UNet(loaded)
        spec = _OPEN_CLIP if self.name == "sd2" else ClipSpec()
        self._clip = clip(pipe, "", spec, (vectors, CLIP_L))

    @property
    def takes_hole(self) -> bool:
        """Whether the network sees the mask and the picture with a hole."""
        return self._unet.takes_hole

    def table(self, size: Size, shift: float = 0.0) -> Table:
        """The noise levels it was trained at, whatever the size."""
        return self._unet.table

    def encode_text(self, texts: Sequence[str], clip_skip: int = 0) -> list[Condition]:
        """The hidden states of CLIP: "hidden" (77 * chunks, width)."""
        return [Condition({"hidden": said.hidden}) for said in self._clip(texts, clip_skip)]

    def predict(self, forward: Forward) -> Tensor:
        """The clean latents that the network sees in x."""
        return self._unet.predict(forward)
