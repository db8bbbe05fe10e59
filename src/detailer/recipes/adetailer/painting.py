"""Painting: the arguments that say with what, after which words and in how many steps."""

from __future__ import annotations

import re
from typing import Any

from detailer.core.nearest import nearest
from detailer.recipes.adetailer.names import file_of, is_own
from detailer.recipes.adetailer.note import Note
from detailer.recipes.adetailer.part import Part
from detailer.recipes.adetailer.picture import Picture
from detailer.recipes.adetailer.samplers import AUTOMATIC, SAMPLERS, Sampling, sampling
from detailer.recipes.adetailer.steps import Strength, counterpart
from detailer.recipes.adetailer.tab import Choices, Tab

_IN_BRACKETS = re.compile(r"(?<!\\)\[([^\[\]]*)\]")
_DIGITS = "0123456789."
_CHOSEN = re.compile(r"[{}]|__\w")
_TIMES = 1000


def model(tab: Tab, picture: Picture) -> Part:
    """The model that paints, and what goes with it."""
    own = _checkpoint(tab)
    name = own if is_own(own) else picture.model
    argument = "ad_checkpoint" if is_own(own) else "ad_use_checkpoint"
    vae = tab.ad_vae if tab.ad_use_vae else picture.vae
    notes: tuple[Note, ...] = ()
    if is_own(vae) and vae != "Automatic":
        said = f"give it to every run as --vae {vae}: a recipe has one model's own"
        notes = (Note("ad_vae" if tab.ad_use_vae else "VAE", said),)
    if not is_own(name):
        said = "is off, and the picture's model is not known: give --painter diffusion:FILE"
        return Part("paint", {}, (*notes, Note(argument, said)))
    file = file_of(name)
    said = f"diffusion:{file} must be found: give the path, --painter diffusion:PATH/{file}"
    return Part("paint", {"painter": f"diffusion:{file}"}, (*notes, Note(argument, said)))


def _checkpoint(tab: Tab) -> str | None:
    return tab.ad_checkpoint if tab.ad_use_checkpoint else None


def _is_xl(tab: Tab, picture: Picture) -> bool:
    """Whether the model's name says that it is an SDXL."""
    own = _checkpoint(tab)
    return "xl" in ((own if is_own(own) else picture.model) or "").lower()


def words(tab: Tab, picture: Picture) -> Part:
    """The prompts: the tab's, and the picture's that they may stand for or hold."""
    values: dict[str, Any] = {"prompt_syntax": "adetailer"}
    notes: list[Note] = []
    for ours, argument, own, main in (
        ("prompt", "ad_prompt", tab.ad_prompt, picture.prompt),
        ("negative", "ad_negative_prompt", tab.ad_negative_prompt, picture.negative),
    ):
        items = [item.strip() for item in own.split("[SEP]")]
        wanted = any(not item or "[PROMPT]" in item for item in items)
        if own:
            values[ours] = own
        if main and wanted:
            values[f"main_{ours}"] = main
        if main is None and wanted:
            notes.append(Note(argument, "stands for the picture's, which is not known"))
        notes += _unread(argument, own + (main or "" if wanted else ""))
    return Part("paint", values, tuple(notes))


def _unread(argument: str, text: str) -> list[Note]:
    """What of A1111's ways to write a prompt is read otherwise here."""
    notes = []
    if any(_is_edited(inside) for inside in _IN_BRACKETS.findall(text)):
        said = "[from:to:when] and [this|that] have no counterpart: they are read as words"
        notes.append(Note(argument, said))
    if re.search(r"\bAND\b", text):
        notes.append(Note(argument, "AND has no counterpart: it is read as a word"))
    if _CHOSEN.search(text):
        said = "{a|b} and __name__ are chosen from here, as the WebUI does by an extension only"
        notes.append(Note(argument, said))
    return notes


def _is_edited(inside: str) -> bool:
    """Whether what stands in brackets changes on the way: [from:to:0.5], or [this|that]."""
    return "|" in inside or (":" in inside and inside[-1] in _DIGITS)


def denoising(tab: Tab, picture: Picture) -> Part:
    """Steps, strength, sampler and schedule."""
    sampler, notes = _sampling(tab, picture)
    steps = tab.ad_steps if tab.ad_use_steps else picture.steps
    values: dict[str, Any] = {}
    if sampler is not None:
        values["sampler_name"] = sampler.way.sampler_name
        values["scheduler"] = sampler.levels.scheduler
    if steps is None:
        values["denoise"] = max(tab.ad_denoising_strength, 0.0001)
        said = "is off, and the picture's steps are not known: the model's own are run, all of them"
        return Part("paint", values, (*notes, Note("ad_use_steps", said)))
    by_time = sampler is not None and sampler.way.by_time
    asked = Strength(steps, tab.ad_denoising_strength, picture.exact_steps, by_time)
    found = counterpart(asked, sampler.levels.more if sampler else 0)
    values |= {"steps": found.steps, "denoise": found.denoise}
    if values.get("scheduler") == "ddim_uniform" and _TIMES % asked.whole:
        said = f"{asked.whole} steps do not divide {_TIMES}: noise levels lie up to a step apart"
        notes = (*notes, Note("ad_sampler", said))
    return Part("paint", values, notes)


def _sampling(tab: Tab, picture: Picture) -> tuple[Sampling | None, tuple[Note, ...]]:
    sampler, scheduler = picture.sampler, picture.scheduler or AUTOMATIC
    if tab.ad_use_sampler:
        sampler = tab.ad_sampler if is_own(tab.ad_sampler) else sampler
        scheduler = tab.ad_scheduler if is_own(tab.ad_scheduler) else scheduler
    if sampler is None:
        said = "is off, and the picture's sampler is not known: the model's own is taken"
        return None, (Note("ad_use_sampler", said),)
    found = sampling(sampler, scheduler, _is_xl(tab, picture))
    if found is None:
        said = f"{sampler!r} has no counterpart: the model's own is taken"
        return None, (Note("ad_sampler", f"{said}; {nearest(sampler, SAMPLERS)}"),)
    return found, tuple(
        Note("ad_sampler", f"{sampler}, {scheduler}: {remark}") for remark in found.remarks
    )


def guidance(tab: Tab, picture: Picture) -> Part:
    """CFG scale, CLIP skip, and what multiplies the noise."""
    values: dict[str, Any] = {}
    notes: list[Note] = []
    cfg = tab.ad_cfg_scale if tab.ad_use_cfg_scale else picture.cfg
    sampler, _ = _sampling(tab, picture)
    if cfg is None:
        said = "is off, and the picture's CFG scale is not known: the model's own is taken"
        notes.append(Note("ad_use_cfg_scale", said))
    else:
        values["cfg"] = cfg * (sampler.way.cfg if sampler else 1)
    if picture.guidance is not None:
        values["guidance"] = picture.guidance
    skip = tab.ad_clip_skip if tab.ad_use_clip_skip else picture.clip_skip
    if skip is not None and skip > 1:
        values["clip_skip"] = skip
    if skip is not None and skip > 2:
        notes.append(Note("ad_clip_skip", "A1111 does not mind it with SDXL; clip_skip counts"))
    if tab.ad_use_noise_multiplier and tab.ad_noise_multiplier != 1:
        said = f"{tab.ad_noise_multiplier:g} has no counterpart: noise is taken as it is"
        notes.append(Note("ad_noise_multiplier", said))
    return Part("paint", values, tuple(notes))


def seeds(picture: Picture, choices: Choices) -> Part:
    """The seed: that of the picture and the mask's number, from the start in every tab."""
    same_for_all = choices.ad_same_seed_for_each_tab
    values: dict[str, Any] = {"seed_mode": "same" if same_for_all else "increment"}
    if choices.ad_dynamic_denoise_power:
        values["denoise_power"] = choices.ad_dynamic_denoise_power
    notes: tuple[Note, ...] = ()
    if picture.seed is None or picture.seed < 0:
        notes = (Note("seed", "is not known: paint.seed stays 0, --seed N sets it"),)
    else:
        values["seed"] = picture.seed
    if choices.ad_dynamic_denoise_power:
        said = "fewer steps are run in A1111 where it makes the strength less; here as many"
        notes = (*notes, Note("ad_dynamic_denoise_power", said))
    return Part("paint", values, notes)
