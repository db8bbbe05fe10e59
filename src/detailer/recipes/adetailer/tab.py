"""Tab: the arguments of one of ADetailer's tabs, as its version 25.3 has them, and older names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field

from detailer.core.paint import Text
from detailer.core.settings import Settings

Merge = Literal["None", "Merge", "Merge and Invert"]


class Tab(Settings):
    """One tab: names, defaults and ranges are ADetailer's."""

    ad_model: str = "None"
    ad_model_classes: str = ""
    ad_tab_enable: bool = True
    ad_prompt: Text = ""
    ad_negative_prompt: Text = ""
    ad_confidence: float = Field(0.3, ge=0, le=1)
    ad_mask_filter_method: Literal["Area", "Confidence"] = "Area"
    ad_mask_k: int = Field(0, ge=0)
    ad_mask_min_ratio: float = Field(0.0, ge=0, le=1)
    ad_mask_max_ratio: float = Field(1.0, ge=0, le=1)
    ad_x_offset: int = 0
    ad_y_offset: int = 0
    ad_dilate_erode: int = 4
    ad_mask_merge_invert: Merge = "None"
    ad_mask_blur: int = Field(4, ge=0)
    ad_denoising_strength: float = Field(0.4, ge=0, le=1)
    ad_inpaint_only_masked: bool = True
    ad_inpaint_only_masked_padding: int = Field(32, ge=0)
    ad_use_inpaint_width_height: bool = False
    ad_inpaint_width: int = Field(512, ge=1)
    ad_inpaint_height: int = Field(512, ge=1)
    ad_use_steps: bool = False
    ad_steps: int = Field(28, ge=1)
    ad_use_cfg_scale: bool = False
    ad_cfg_scale: float = Field(7.0, ge=0)
    ad_use_checkpoint: bool = False
    ad_checkpoint: str | None = None
    ad_use_vae: bool = False
    ad_vae: str | None = None
    ad_use_sampler: bool = False
    ad_sampler: str = "DPM++ 2M Karras"
    ad_scheduler: str = "Use same scheduler"
    ad_use_noise_multiplier: bool = False
    ad_noise_multiplier: float = Field(1.0, ge=0.5, le=1.5)
    ad_use_clip_skip: bool = False
    ad_clip_skip: int = Field(1, ge=1, le=12)
    ad_restore_face: bool = False
    ad_controlnet_model: str = "None"
    ad_controlnet_module: str = "None"
    ad_controlnet_weight: float = Field(1.0, ge=0, le=1)
    ad_controlnet_guidance_start: float = Field(0.0, ge=0, le=1)
    ad_controlnet_guidance_end: float = Field(1.0, ge=0, le=1)
    is_api: Any = True

    @property
    def on(self) -> bool:
        """Whether anything is done by it."""
        return self.ad_tab_enable and self.ad_model != "None"


class Choices(Settings):
    """ADetailer's own settings that decide what comes out; they count for all tabs."""

    ad_bbox_sortby: Literal[
        "None",
        "Position (left to right)",
        "Position (center to edge)",
        "Area (large to small)",
    ] = "None"
    ad_same_seed_for_each_tab: bool = False
    ad_dynamic_denoise_power: float = Field(0.0, ge=-10, le=10)
    ad_match_inpaint_bbox_size: Literal["Off", "Strict (SDXL only)", "Free"] = "Off"


OTHER_CHOICES = (
    "ad_max_models",
    "ad_extra_models_dir",
    "ad_save_images_dir",
    "ad_save_previews",
    "ad_save_images_before",
    "ad_only_selected_scripts",
    "ad_script_names",
)
"""Its settings that are about the WebUI's own folders, pages and scripts."""

OLDER: Mapping[str, str] = MappingProxyType(
    {
        "ad_tap_enable": "ad_tab_enable",
        "ad_mask_k_largest": "ad_mask_k",
        "ad_conf": "ad_confidence",
        "ad_inpaint_full_res": "ad_inpaint_only_masked",
        "ad_inpaint_full_res_padding": "ad_inpaint_only_masked_padding",
        "ad_use_initial_noise_multiplier": "ad_use_noise_multiplier",
        "ad_initial_noise_multiplier": "ad_noise_multiplier",
    }
)
"""Arguments that went by another name in older versions, which APIs and pictures still hold."""

_WRITTEN: Mapping[str, str] = MappingProxyType(
    {
        "tap enable": "ad_tab_enable",
        "conf": "ad_conf",
        "method to decide top k masks": "ad_mask_filter_method",
        "mask only top k": "ad_mask_k",
        "mask only top k largest": "ad_mask_k",
        "inpaint full": "ad_inpaint_only_masked",
        "inpaint padding": "ad_inpaint_only_masked_padding",
        "use separate steps": "ad_use_steps",
        "use separate cfg scale": "ad_use_cfg_scale",
        "use separate checkpoint": "ad_use_checkpoint",
        "use separate vae": "ad_use_vae",
        "use separate sampler": "ad_use_sampler",
        "use separate noise multiplier": "ad_use_noise_multiplier",
        "use separate noise multiplier for img2img": "ad_use_noise_multiplier",
        "noise multiplier for img2img": "ad_noise_multiplier",
        "use separate clip skip": "ad_use_clip_skip",
    }
)
_INFOTEXT = re.compile(r"ADetailer (.+?)(?: (\d{1,4})(?:st|nd|rd|th))?")
_MERGES: tuple[Merge, ...] = ("None", "Merge", "Merge and Invert")


def written(name: str) -> tuple[int, str] | None:
    """What an infotext's name stands for: the tab's number, from 1, and the argument.

    The argument is "" where there is none of that name; None for what is not ADetailer's.
    """
    found = _INFOTEXT.fullmatch(name)
    if found is None:
        return None
    words = found[1].lower().replace("/", " ")
    argument = _WRITTEN.get(words) or "ad_" + words.replace(" ", "_")
    known = argument in Tab.model_fields or argument in OLDER
    return int(found[2] or 1), argument if known else ""


def modern(values: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments by their names of today, older ways of writing a value brought up to date."""
    found = {
        OLDER.get(name, name): _share(value) if name == "ad_conf" else value
        for name, value in values.items()
    }
    merge = str(found.get("ad_mask_merge_invert"))
    if merge in ("0", "1", "2"):
        found["ad_mask_merge_invert"] = _MERGES[int(merge)]
    return found


def _share(value: Any) -> Any:
    """What was a percentage in the first versions."""
    try:
        return float(value) / 100 if float(value) > 1 else value
    except (TypeError, ValueError):
        return value
