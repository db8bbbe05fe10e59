"""Finding: the arguments that say what is found, which mask it has, and how it goes back."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, Final

from detailer.recipes.adetailer.note import Note
from detailer.recipes.adetailer.part import Part
from detailer.recipes.adetailer.picture import Picture
from detailer.recipes.adetailer.tab import Choices, Tab

_MEDIAPIPE: Final = {
    "mediapipe_face_full": "mediapipe:full",
    "mediapipe_face_short": "mediapipe:short",
    "mediapipe_face_mesh": "mediapipe:mesh",
    "mediapipe_face_mesh_eyes_only": "mediapipe:eyes",
}
_ORDERS: Final = {
    "None": "found",
    "Position (left to right)": "left-right",
    "Position (center to edge)": "centre-edge",
    "Area (large to small)": "large-small",
}
_RANKED: Final = {"Area": "large-small", "Confidence": "sure-unsure"}
_MERGES: Final = {"None": "none", "Merge": "merge", "Merge and Invert": "merge_and_invert"}
_MATCHES: Final = {"Off": "off", "Strict (SDXL only)": "strict", "Free": "free"}
# A1111 cuts its blur off at two and a half sigma.
_REACH = 2.5
_FURTHEST = 200


def detect(tab: Tab, choices: Choices) -> Part:
    """Which detector, what it must be sure of, and which of what it finds stays."""
    words = tuple(word.strip() for word in tab.ad_model_classes.split(",") if word.strip())
    open_to_words = "-world" in PurePosixPath(tab.ad_model).stem
    detector, notes = _detector(tab.ad_model, words if open_to_words else ())
    values: dict[str, Any] = {
        "detector": detector,
        "threshold": tab.ad_confidence,
        "drop_size": 0,
        "order": _ORDERS[choices.ad_bbox_sortby],
    }
    if words and open_to_words:
        values["labels"] = words
    elif words:
        said = f"counts for models with -world in their name only, not for {tab.ad_model}"
        notes = (*notes, Note("ad_model_classes", said))
    if tab.ad_mask_min_ratio > 0:
        values["min_ratio"] = tab.ad_mask_min_ratio
    if tab.ad_mask_max_ratio < 1:
        values["max_ratio"] = tab.ad_mask_max_ratio
    if tab.ad_mask_k:
        values |= {"top_k": tab.ad_mask_k, "top_k_ties": "last"}
        values["top_k_by"] = "area" if tab.ad_mask_filter_method == "Area" else "score"
        if choices.ad_bbox_sortby == "None":
            # It hands on what it keeps from the largest, or surest, down.
            values["order"] = _RANKED[tab.ad_mask_filter_method]
    return Part("detect", values, notes)


def _detector(model: str, words: tuple[str, ...]) -> tuple[str, tuple[Note, ...]]:
    if model.lower() in _MEDIAPIPE:
        return _MEDIAPIPE[model.lower()], ()
    if not model.lower().endswith(".pt"):
        return f"yolo:{model}", ()
    classes = f' --classes "{",".join(words)}"' if words else ""
    said = f"once made a file that can be read, by: detailer engines import {model}{classes}"
    return f"yolo:{model}", (Note("ad_model", f"{model} is {said}"),)


def mask(tab: Tab) -> Part:
    """What of a found mask is meant, in ADetailer's order: moved, grown, merged."""
    values: dict[str, Any] = {"dilation": tab.ad_dilate_erode, "compatible": True}
    if tab.ad_x_offset or tab.ad_y_offset:
        values |= {"offset_x": tab.ad_x_offset, "offset_y": tab.ad_y_offset, "wrap": True}
    if tab.ad_mask_merge_invert != "None":
        values["merge"] = _MERGES[tab.ad_mask_merge_invert]
    return Part("mask", values)


def reach(tab: Tab) -> int:
    """How far A1111's blur carries a mask outward, px."""
    return int(_REACH * tab.ad_mask_blur + 0.5)


def crop(tab: Tab, picture: Picture, choices: Choices) -> Part:
    """What is seen around the mask, and the size that it is painted at.

    A1111 pads the bounds of the blurred mask; ours is blurred after it is cut, so that the reach
    of the blur is padded too.
    """
    notes: tuple[Note, ...] = ()
    values: dict[str, Any] = {"context": "picture"}
    if tab.ad_inpaint_only_masked:
        padding = tab.ad_inpaint_only_masked_padding + reach(tab)
        values = {"context": "padding", "padding": padding}
    else:
        said = (
            "the whole picture is shown, but it keeps its size; A1111 brings it to the painted one"
        )
        notes = (Note("ad_inpaint_only_masked", said),)
    size: tuple[int | None, int | None] = (picture.width, picture.height)
    if tab.ad_use_inpaint_width_height:
        size = (tab.ad_inpaint_width, tab.ad_inpaint_height)
    elif choices.ad_match_inpaint_bbox_size != "Off" and None not in size:
        values["match_box"] = _MATCHES[choices.ad_match_inpaint_bbox_size]
        notes += _only_for_sdxl(values["match_box"])
    if None in size:
        values["guide_size_for"] = "crop_region"
        said = "is off, and the picture's size is not known: by guide_size the shorter side is"
        return Part(
            "crop", values, (*notes, Note("ad_use_inpaint_width_height", f"{said} painted"))
        )
    values["painted_width"], values["painted_height"] = size
    return Part("crop", values, notes)


def _only_for_sdxl(match: str) -> tuple[Note, ...]:
    if match != "strict":
        return ()
    said = "ADetailer leaves it out for other models than SDXL; match_box asks for no model"
    return (Note("ad_match_inpaint_bbox_size", said),)


def blend(tab: Tab) -> Part:
    """How softly it goes back: by A1111's blur of the mask."""
    width = reach(tab)
    notes: tuple[Note, ...] = ()
    if width > _FURTHEST:
        notes = (Note("ad_mask_blur", f"is cut off at {_FURTHEST} px instead of {width}"),)
    values: dict[str, Any] = {"feather_mode": "gaussian", "feather": min(width, _FURTHEST)}
    if width:
        values["feather_sigma"] = float(tab.ad_mask_blur)
    return Part("blend", values, notes)
