"""Prediction: from what a network puts out to the clean latents it means."""

from __future__ import annotations

from torch import Tensor

from detailer.errors import EngineError

KINDS = ("epsilon", "v_prediction", "sample", "flow")


def clean(x: Tensor, sigma: Tensor, output: Tensor, kind: str) -> Tensor:
    """The clean latents x0.

    Args:
        x: (B, C, h, w) in the sampler's space: x0 + sigma * noise, or for flow models
            (1 - sigma) * x0 + sigma * noise.
        sigma: (B, 1, 1, 1).
        output: (B, C, h, w): noise, velocity, or x0 itself.
        kind: One of KINDS; v-prediction as in Salimans and Ho, arXiv:2202.00512.

    Raises:
        EngineError: If the kind is not known.
    """
    if kind in ("epsilon", "flow"):
        return x - sigma * output
    if kind == "v_prediction":
        return x / (sigma**2 + 1) - output * sigma / (sigma**2 + 1).sqrt()
    if kind == "sample":
        return output
    raise EngineError(f"models that predict {kind!r} are not known; known: {', '.join(KINDS)}")
