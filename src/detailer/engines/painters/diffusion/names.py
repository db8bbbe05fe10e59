"""Names: the samplers, schedulers and guiders that there are, known without torch."""

from __future__ import annotations

import re
from typing import Final

from detailer.core.nearest import nearest
from detailer.core.paint import Paint
from detailer.errors import InputError

SAMPLERS: Final = (
    "euler", "euler_cfg_pp", "euler_ancestral", "euler_ancestral_cfg_pp", "heun", "heunpp2",
    "dpm_2", "dpm_2_ancestral", "lms", "dpm_fast", "dpmpp_2s_ancestral",
    "dpmpp_2s_ancestral_cfg_pp", "dpmpp_2m", "dpmpp_2m_cfg_pp", "ddpm", "lcm", "ipndm",
    "ipndm_v", "deis", "res_multistep", "res_multistep_cfg_pp", "res_multistep_ancestral",
    "res_multistep_ancestral_cfg_pp", "gradient_estimation", "gradient_estimation_cfg_pp",
    "er_sde", "seeds_2", "seeds_3", "sa_solver", "sa_solver_pece", "ddim", "uni_pc",
    "uni_pc_bh2", "dpmpp_sde", "dpmpp_2m_sde", "dpmpp_2m_sde_heun", "dpmpp_3m_sde",
    "dpmpp_sde_gpu", "dpmpp_2m_sde_gpu", "dpmpp_2m_sde_heun_gpu", "dpmpp_3m_sde_gpu",
)  # fmt: skip
SCHEDULERS: Final = (
    "normal", "karras", "exponential", "sgm_uniform", "simple", "ddim_uniform", "beta",
    "linear_quadratic", "kl_optimal", "AYS SD1", "AYS SDXL", "AYS SVD",
)  # fmt: skip
"""And GITS[coeff=0.80] to GITS[coeff=1.50]."""
GUIDERS: Final = (
    "cfg", "cfg_rescale", "cfg_norm", "cfg_zero", "tcfg", "apg",
)  # fmt: skip

_GITS = re.compile(r"GITS\[coeff=[\d.]+\]")


def check(paint: Paint) -> None:
    """Refuse names that no region could be painted with, before a model is loaded.

    Raises:
        InputError: If a sampler, scheduler or guider is not known; it names the nearest.
    """
    asked = (
        ("sampler_name", paint.sampler_name, SAMPLERS),
        ("scheduler", paint.scheduler, SCHEDULERS),
        ("guider", paint.guider, GUIDERS),
    )
    for setting, name, known in asked:
        if name not in known and not _GITS.fullmatch(name):
            raise InputError(f"{setting}={name!r} is not known; {nearest(name, known)}")
