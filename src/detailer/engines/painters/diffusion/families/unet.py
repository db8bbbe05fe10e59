"""UNet: how the networks of Stable Diffusion 1, 2 and XL are called, and what they predict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from detailer.engines.painters.diffusion.forward import Forward
from detailer.engines.painters.diffusion.guides.control import residuals
from detailer.engines.painters.diffusion.guides.references import shown
from detailer.engines.painters.diffusion.loading import Loaded
from detailer.engines.painters.diffusion.prediction import clean
from detailer.engines.painters.diffusion.space import across
from detailer.engines.painters.diffusion.table import Table, betas
from detailer.engines.painters.diffusion.text.length import stacked
from detailer.errors import EngineError

_HOLE_CHANNELS = 9


class UNet:
    """A UNet that predicts noise, velocity or the clean latents at the levels of its table."""

    def __init__(self, loaded: Loaded) -> None:
        """Raises EngineError for a model that was trained in another way."""
        self._pipe: Any = loaded.pipe
        self._device = loaded.device
        config = self._pipe.scheduler.config
        self.table = trained_table(config)
        self._prediction = str(config.get("prediction_type", "epsilon"))

    @property
    def takes_hole(self) -> bool:
        """Whether it sees the mask and the picture with a hole."""
        return bool(self._pipe.unet.config.in_channels == _HOLE_CHANNELS)

    def predict(self, forward: Forward, added: Mapping[str, Tensor] | None = None) -> Tensor:
        """The clean latents (B, C, h, w) float32; `added` is what it is told besides the text.

        Texts of different lengths are repeated to a common one, which cross attention cannot
        tell from the text itself.
        """
        x, sigma = forward.x, forward.sigma
        level = across(sigma, x)
        timestep = forward.timestep
        if timestep is None:
            timestep = self.table.timestep(sigma)
        output = self._output(forward, x / (level**2 + 1).sqrt(), timestep, added)
        return clean(x, level, output, self._prediction)

    def _output(
        self,
        forward: Forward,
        seen: Tensor,
        timestep: Tensor,
        added: Mapping[str, Tensor] | None,
    ) -> Tensor:
        # Asked each time: offloading may put another network in its place.
        network = self._pipe.unet
        given = seen.to(self._device, network.dtype)
        timestep = timestep.to(self._device)
        hidden = stacked([said["hidden"] for said in forward.conditions]).to(given)
        told = {name: part.to(given) for name, part in (added or {}).items()}
        controls = residuals(forward, given, timestep, hidden, told or None)
        if self.takes_hole:
            given = torch.cat([given, _hole(forward).to(given)], 1)
        output = network(
            given,
            timestep,
            encoder_hidden_states=hidden,
            added_cond_kwargs={**told, **shown(network, forward)} or None,
            return_dict=False,
            **controls,
        )[0]
        return output.to(forward.x)  # type: ignore[no-any-return]


def trained_table(config: Mapping[str, Any]) -> Table:
    """The noise levels that a diffusers scheduler's configuration describes.

    Raises:
        EngineError: If it is a scheduler of flows or of EDM.
    """
    if "beta_schedule" not in config and config.get("trained_betas") is None:
        name = config.get("_class_name", "its scheduler")
        raise EngineError(f"a UNet with {name} has no table of betas; only diffusers can run it")
    given = config.get("trained_betas")
    if given is not None:
        levels = torch.tensor(given, dtype=torch.float64)
    else:
        levels = betas(
            config["beta_schedule"],
            float(config["beta_start"]),
            float(config["beta_end"]),
            int(config["num_train_timesteps"]),
        )
    return Table.trained(levels, bool(config.get("rescale_betas_zero_snr")))


def _hole(forward: Forward) -> Tensor:
    inpaint = forward.guides.inpaint
    if inpaint is None:
        raise EngineError("an inpaint model needs the mask and the latents of the picture's rest")
    return inpaint
