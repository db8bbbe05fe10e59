"""Samplers: ways from noise to picture, by ComfyUI's names."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from detailer.engines.painters.diffusion.samplers import (
    adams,
    er_sde,
    euler,
    fast,
    multistep,
    sa,
    sde,
    second,
    seeds,
    unipc,
)
from detailer.engines.painters.diffusion.samplers.run import Denoise, Run, Sampler
from detailer.errors import InputError

__all__ = [
    "DISCARD_PENULTIMATE", "RENOISED", "SAMPLERS", "TREES", "Denoise", "Run", "Sampler", "sampler",
]  # fmt: skip

_PLAIN: dict[str, Sampler] = {
    "euler": euler.euler,
    "euler_cfg_pp": euler.euler_cfg_pp,
    "euler_ancestral": euler.euler_ancestral,
    "euler_ancestral_cfg_pp": euler.euler_ancestral_cfg_pp,
    "heun": second.heun,
    "heunpp2": second.heunpp2,
    "dpm_2": second.dpm_2,
    "dpm_2_ancestral": second.dpm_2_ancestral,
    "lms": adams.lms,
    "dpm_fast": fast.dpm_fast,
    "dpmpp_2s_ancestral": second.dpmpp_2s_ancestral,
    "dpmpp_2s_ancestral_cfg_pp": second.dpmpp_2s_ancestral_cfg_pp,
    "dpmpp_2m": multistep.dpmpp_2m,
    "dpmpp_2m_cfg_pp": multistep.dpmpp_2m_cfg_pp,
    "ddpm": euler.ddpm,
    "lcm": euler.lcm,
    "ipndm": adams.ipndm,
    "ipndm_v": adams.ipndm_v,
    "deis": adams.deis,
    "res_multistep": multistep.res_multistep,
    "res_multistep_cfg_pp": multistep.res_multistep_cfg_pp,
    "res_multistep_ancestral": multistep.res_multistep_ancestral,
    "res_multistep_ancestral_cfg_pp": multistep.res_multistep_ancestral_cfg_pp,
    "gradient_estimation": multistep.gradient_estimation,
    "gradient_estimation_cfg_pp": multistep.gradient_estimation_cfg_pp,
    "er_sde": er_sde.er_sde,
    "seeds_2": seeds.seeds_2,
    "seeds_3": seeds.seeds_3,
    "sa_solver": sa.sa_solver,
    "sa_solver_pece": sa.sa_solver_pece,
    "ddim": euler.euler,
    "uni_pc": unipc.uni_pc,
    "uni_pc_bh2": unipc.uni_pc_bh2,
}
_BROWNIAN: dict[str, Sampler] = {
    "dpmpp_sde": sde.dpmpp_sde,
    "dpmpp_2m_sde": sde.dpmpp_2m_sde,
    "dpmpp_2m_sde_heun": sde.dpmpp_2m_sde_heun,
    "dpmpp_3m_sde": sde.dpmpp_3m_sde,
}
# ComfyUI's name for the same with noise that is drawn on the graphics card.
_BROWNIAN |= {f"{name}_gpu": sampler for name, sampler in _BROWNIAN.items()}

SAMPLERS: Mapping[str, Sampler] = MappingProxyType(_PLAIN | _BROWNIAN)
TREES = frozenset(_BROWNIAN)
"""Their step noise comes from a Brownian tree in ComfyUI."""
DISCARD_PENULTIMATE = frozenset({"dpm_2", "dpm_2_ancestral", "uni_pc", "uni_pc_bh2"})
"""Their schedules are a step longer and lose the last but one noise level."""
RENOISED = frozenset({"ddim"})
"""They noise the kept part of a picture with `noise.kept_noise`, not with the start noise."""


def sampler(name: str) -> Sampler:
    """The sampler of a name.

    Raises:
        InputError: There is none; the message lists all.
    """
    if name not in SAMPLERS:
        raise InputError(f"sampler {name!r} is unknown; known: {', '.join(SAMPLERS)}")
    return SAMPLERS[name]
