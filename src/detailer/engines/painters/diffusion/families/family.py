"""Family: what the loop needs to know of a kind of model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from detailer.core.geometry import Size
from detailer.engines.painters.diffusion.condition import Condition
from detailer.engines.painters.diffusion.forward import Forward
from detailer.engines.painters.diffusion.table import Table
from detailer.engines.painters.diffusion.vae import Vae


class Family(Protocol):
    """A loaded model in the loop's terms; one small adapter for each kind."""

    @property
    def name(self) -> str:
        """What it is called in messages and in the catalog."""

    @property
    def multiple(self) -> int:
        """Painted sides are multiples of this, px."""

    @property
    def vae(self) -> Vae:
        """Pixels to latents and back."""

    @property
    def takes_hole(self) -> bool:
        """Whether it is a model made for inpainting, that sees the mask and the rest."""

    def table(self, size: Size, shift: float = 0.0) -> Table:
        """The noise levels for a painted size; shift 0 is the model's own."""

    def encode_text(self, texts: Sequence[str], clip_skip: int = 0) -> list[Condition]:
        """What each text says; distinct texts in one pass."""

    def predict(self, forward: Forward) -> Tensor:
        """(B, C, h, w) float32: the clean latents that the network sees in x."""
