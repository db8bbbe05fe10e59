"""Samplers: A1111's names of samplers and schedules, as ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

AUTOMATIC = "Automatic"


@dataclass(frozen=True)
class Way:
    """A sampler: our name, the schedule that "Automatic" means, and what is not the same.

    `by_time`: it counts time steps, and has but one schedule. `cfg` is what A1111 multiplies its
    CFG scale by.
    """

    sampler_name: str
    automatic: str = "normal"
    remark: str = ""
    by_time: bool = False
    cfg: float = 1.0


@dataclass(frozen=True)
class Levels:
    """A schedule: our name, what is not the same, and how many steps it counts more."""

    scheduler: str
    remark: str = ""
    more: int = 0


@dataclass(frozen=True)
class Sampling:
    """A sampler with its schedule."""

    way: Way
    levels: Levels

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is not the same."""
        return tuple(filter(None, (self.way.remark, self.levels.remark)))


_TIMED = "A1111 noises it by a level more than it takes off, and leaves out the last step"
_LAST = "A1111 leaves out the last but one noise level"

SAMPLERS: Mapping[str, Way] = MappingProxyType(
    {
        "DPM++ 2M": Way("dpmpp_2m", "karras"),
        "DPM++ SDE": Way("dpmpp_sde", "karras"),
        "DPM++ 2M SDE": Way("dpmpp_2m_sde", "exponential"),
        "DPM++ 2M SDE Heun": Way("dpmpp_2m_sde_heun", "exponential"),
        "DPM++ 2S a": Way("dpmpp_2s_ancestral", "karras"),
        "DPM++ 3M SDE": Way("dpmpp_3m_sde", "exponential", _LAST),
        "Euler a": Way("euler_ancestral"),
        "Euler": Way("euler"),
        "LMS": Way("lms"),
        "Heun": Way("heun"),
        "DPM2": Way("dpm_2", "karras"),
        "DPM2 a": Way("dpm_2_ancestral", "karras"),
        "DPM fast": Way("dpm_fast"),
        "DPM adaptive": Way("dpm_fast", remark="is not here; dpm_fast is the nearest"),
        "Restart": Way("heun", "karras", "is not here; heun is it without the restarts"),
        "DDIM": Way("ddim", "ddim_uniform", _TIMED, by_time=True),
        "DDIM CFG++": Way("euler_cfg_pp", "ddim_uniform", _TIMED, by_time=True, cfg=1 / 12.5),
        "PLMS": Way(
            "ipndm", "ddim_uniform", f"ipndm is it but for its first step; {_TIMED}", by_time=True
        ),
        "UniPC": Way("uni_pc", "normal", "its noise levels lie a little otherwise", by_time=True),
        "LCM": Way("lcm", "sgm_uniform", "its noise levels lie a little otherwise"),
        # Of Forge and its kin.
        "Euler CFG++": Way("euler_cfg_pp"),
        "Euler a CFG++": Way("euler_ancestral_cfg_pp"),
        "DPM++ 2M CFG++": Way("dpmpp_2m_cfg_pp", "karras"),
        "DPM++ 2S a CFG++": Way("dpmpp_2s_ancestral_cfg_pp", "karras"),
        "HeunPP2": Way("heunpp2"),
        "IPNDM": Way("ipndm"),
        "IPNDM_V": Way("ipndm_v"),
        "DEIS": Way("deis"),
        "DDPM": Way("ddpm"),
        "ER SDE": Way("er_sde"),
        "Res Multistep": Way("res_multistep"),
        "SA Solver": Way("sa_solver"),
        "Gradient Estimation": Way("gradient_estimation"),
    }
)
"""By A1111's names, version 1.10."""

_ALIGNED = "A1111 keeps the lowest noise level before 0"

SCHEDULES: Mapping[str, Levels] = MappingProxyType(
    {
        "Uniform": Levels("normal"),
        "Karras": Levels("karras"),
        "Exponential": Levels("exponential"),
        "Polyexponential": Levels("exponential"),
        "SGM Uniform": Levels("sgm_uniform"),
        "KL Optimal": Levels(
            "kl_optimal", "A1111 ends a step earlier, at the lowest level", more=1
        ),
        "Align Your Steps": Levels("AYS SD1", _ALIGNED),
        "Align Your Steps 11": Levels("AYS SD1", _ALIGNED),
        "Align Your Steps 32": Levels("AYS SD1", "A1111 has figures of 32 steps"),
        "Align Your Steps GITS": Levels("GITS[coeff=1.2]", "A1111 has figures of its own"),
        "Simple": Levels("simple"),
        "Normal": Levels("normal"),
        "DDIM": Levels("ddim_uniform"),
        "Beta": Levels("beta", "A1111 spreads noise levels where we spread time steps"),
        "Karras Exponential": Levels("karras", "is not here; karras is the nearest"),
        "Turbo": Levels("simple", "is not here; simple is the nearest"),
    }
)
"""By A1111's labels; its short names are the same in small letters, with underscores."""

_OTHER_NAMES = {"sgmuniform": "SGM Uniform", "ddim_uniform": "DDIM"}
_SAMPLERS = {name.lower(): way for name, way in SAMPLERS.items()}
_SCHEDULES = {
    spelt: levels
    for name, levels in SCHEDULES.items()
    for spelt in (name.lower(), name.lower().replace(" ", "_"))
} | {other: SCHEDULES[name] for other, name in _OTHER_NAMES.items()}


def sampling(sampler: str, scheduler: str, xl: bool = False) -> Sampling | None:
    """What A1111's names mean here; None for a sampler that is not known.

    A schedule at the end of the sampler's name, as in "DPM++ 2M Karras", goes before the other.
    Instead of one that is not known the sampler's own is taken, with a remark.

    Args:
        sampler: A1111's name; small letters do too.
        scheduler: A1111's label or short name; "Automatic" is what the sampler has.
        xl: Whether the model is an SDXL, which has other figures to align steps by.
    """
    name, schedule = _divided(sampler.strip().lower(), scheduler.strip().lower())
    way = _SAMPLERS.get(name)
    if way is None:
        return None
    if way.by_time or schedule in ("", AUTOMATIC.lower()):
        return Sampling(way, Levels(way.automatic))
    unknown = Levels(way.automatic, f"its schedule is not known: {way.automatic} is taken")
    levels = _SCHEDULES.get(schedule, unknown)
    if xl and levels.scheduler == "AYS SD1":
        levels = Levels("AYS SDXL", levels.remark)
    return Sampling(way, levels)


def _divided(name: str, schedule: str) -> tuple[str, str]:
    if name in _SAMPLERS:
        return name, schedule
    for known in sorted(_SCHEDULES, key=len, reverse=True):
        if name.endswith(f" {known}"):
            return name.removesuffix(known).strip(), known
    return name, schedule
