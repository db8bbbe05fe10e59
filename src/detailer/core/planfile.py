"""A plan as JSON and back: what will be done, for people to read, edit and run."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from detailer.core.focus import Focus
from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.paint import Paint
from detailer.core.plan import Patch, Plan, Skipped
from detailer.core.region import Region
from detailer.core.window import Window
from detailer.errors import InputError

VERSION = 1


def dumps(plan: Plan) -> str:
    """The plan as JSON: version and the picture's hash first, masks as lossless base64.

    Pixels and attachments of regions are not written.
    """
    return json.dumps(
        {
            "detailer_plan": VERSION,
            "picture": plan.picture,
            "size": [plan.size.width, plan.size.height],
            "patches": [_patch(patch) for patch in plan.patches],
            "skipped": [
                {"index": skip.index, "reason": skip.reason, "region": _region(skip.region)}
                for skip in plan.skipped
            ],
        },
        indent=1,
    )


def loads(text: str) -> Plan:
    """The plan in a JSON text that `dumps` wrote, edited or not.

    Raises:
        InputError: If it is no plan, of another version, or a value in it cannot be used.
    """
    try:
        return _to_plan(json.loads(text))
    except KeyError as error:
        raise InputError(f"plan: {error} is missing") from error
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(f"plan: {error}") from error


def _to_plan(values: Any) -> Plan:
    version = values.get("detailer_plan") if isinstance(values, dict) else None
    if version != VERSION:
        raise InputError(f"detailer_plan is {version!r}; this version reads {VERSION}")
    return Plan(
        _to_size(values["size"]),
        tuple(_to_patch(patch) for patch in values["patches"]),
        tuple(
            Skipped(int(skip["index"]), _to_region(skip["region"]), str(skip["reason"]))
            for skip in values["skipped"]
        ),
        str(values["picture"]),
    )


def _patch(patch: Patch) -> dict[str, Any]:
    window = patch.window
    return {
        "index": patch.index,
        "region": _region(patch.region),
        "window": {
            "left": window.left,
            "top": window.top,
            "size": [window.size.width, window.size.height],
            "scale": window.scale,
            "angle": window.angle,
            "scale_y": window.scale_y,
        },
        "paste_mask": _matte(patch.paste_mask),
        "paint": patch.paint.model_dump(mode="json"),
        "picture": patch.picture,
        "group": patch.group,
        "focus": patch.focus and asdict(patch.focus),
    }


def _to_patch(values: Mapping[str, Any]) -> Patch:
    told = dict(values["window"])
    window = Window(**{**told, "size": _to_size(told["size"])})
    mask = _to_matte(values["paste_mask"])
    if not window.footprint.holds(mask.box):
        raise InputError(
            f"paste_mask covers {tuple(mask.box)}, its window shows {tuple(window.footprint)};"
            " what is pasted must lie in the window"
        )
    return Patch(
        index=int(values["index"]),
        region=_to_region(values["region"]),
        window=window,
        paste_mask=mask,
        paint=Paint(**values["paint"]),
        picture=int(values["picture"]),
        group=str(values["group"]),
        focus=Focus(**values["focus"]) if values.get("focus") else None,
    )


def _region(region: Region) -> dict[str, Any]:
    return {
        "box": list(region.box),
        "label": region.label,
        "score": float(region.score),
        "landmarks": [[float(x), float(y)] for x, y in region.landmarks],
        "id": region.id,
        "crop": list(region.crop) if region.crop else None,
        "mask": _matte(region.mask),
    }


def _to_region(values: Mapping[str, Any]) -> Region:
    return Region(
        box=_to_box(values["box"]),
        mask=_to_matte(values["mask"]),
        label=str(values["label"]),
        score=float(values["score"]),
        landmarks=tuple((float(x), float(y)) for x, y in values["landmarks"]),
        id=str(values["id"]),
        crop=_to_box(values["crop"]) if values["crop"] else None,
    )


def _to_size(sides: Sequence[int]) -> Size:
    if len(sides) != 2 or not all(isinstance(side, int) for side in sides):
        raise InputError(f"a size is width and height in whole pixels; got {sides!r}")
    return Size(*sides)


def _to_box(sides: Sequence[float]) -> Box:
    if len(sides) != 4:
        raise InputError(f"a box is left, top, right, bottom; got {sides!r}")
    return Box(*sides)


def _matte(matte: Matte) -> dict[str, Any]:
    levels = np.rint(matte.alpha * 255).astype(np.uint8)
    exact = np.array_equal(levels.astype(np.float32) / np.float32(255), matte.alpha)
    kind, values = ("u1", levels) if exact else ("<f4", matte.alpha.astype("<f4"))
    packed = zlib.compress(np.ascontiguousarray(values).tobytes(), 6)
    return {
        "box": list(matte.box),
        "type": kind,
        "zlib": base64.b64encode(packed).decode("ascii"),
    }


def _to_matte(values: Mapping[str, Any]) -> Matte:
    box, kind = _to_box(values["box"]), values["type"]
    if kind not in ("u1", "<f4"):
        raise InputError(f"a mask of type {kind!r}; known: u1, <f4")
    expected = box.size.area * np.dtype(kind).itemsize
    try:
        unpacker = zlib.decompressobj()
        raw = unpacker.decompress(base64.b64decode(values["zlib"], validate=True), expected + 1)
    except (binascii.Error, zlib.error) as error:
        raise InputError(f"a mask cannot be unpacked: {error}") from error
    if len(raw) != expected:
        raise InputError(f"a mask does not fill its box {box.size}")
    alpha = np.frombuffer(raw, kind).reshape(box.size.shape)
    if kind == "u1":
        return Matte(alpha.astype(np.float32) / np.float32(255), box)
    if not np.isfinite(alpha).all():
        raise InputError("a mask holds values that are not finite numbers")
    return Matte(alpha.astype(np.float32), box)
