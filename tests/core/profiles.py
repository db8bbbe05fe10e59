"""ICC profiles made for the tests: plain ones of RGB and grey, and a small one of CMYK."""

from __future__ import annotations

import io
import struct
from itertools import product

import numpy as np
from PIL import Image, ImageCms

_D50 = (0.9642, 1.0, 0.8249)
_HEADER = 128
# The primaries of Adobe RGB (1998) as profiles give them, adapted to D50.
_ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))


def wide_gamut() -> bytes:
    """Adobe RGB's primaries with a gamma of 2.2."""
    tags = {b"wtpt": _xyz(_D50)}
    for letter, primary in zip("rgb", _ADOBE, strict=True):
        tags[f"{letter}XYZ".encode()] = _xyz(primary)
        tags[f"{letter}TRC".encode()] = _gamma(2.2)
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags)


def grey(gamma: float) -> bytes:
    """Grey of a gamma."""
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"wtpt": _xyz(_D50), b"kTRC": _gamma(gamma)})


def srgb() -> bytes:
    """What lcms takes for sRGB."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def inks() -> bytes:
    """CMYK whose colours are (1 - ink)(1 - black) in sRGB, and whose black replaces all it can."""
    steps = np.linspace(0, 1, 5)
    cmyk = np.array(list(product(steps, repeat=4)))
    shown = (1 - cmyk[:, :3]) * (1 - cmyk[:, 3:])
    to_lab = ImageCms.buildTransform(_made("sRGB"), _made("LAB"), "RGB", "LAB")
    there = _through(to_lab, "RGB", shown, "LAB")
    lab = np.array(list(product(range(0, 256, 17), repeat=3)), np.uint8)
    to_rgb = ImageCms.buildTransform(_made("LAB"), _made("sRGB"), "LAB", "RGB")
    rgb = _through(to_rgb, "LAB", lab / 255, "RGB") / 255
    black = 1 - rgb.max(axis=1, keepdims=True)
    back = np.hstack([1 - rgb / np.maximum(1 - black, 1e-6), black])
    tables = {
        b"A2B0": _table(4, 3, 5, there),
        b"B2A0": _table(3, 4, 16, np.rint(np.clip(back, 0, 1) * 255).astype(np.uint8)),
    }
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"wtpt": _xyz(_D50), **tables})


def _made(space: str) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(space))


def _through(transform: ImageCms.ImageCmsTransform, mode: str, values, target: str) -> np.ndarray:
    levels = np.rint(values * 255).astype(np.uint8)
    if mode == "LAB":
        levels[:, 1:] ^= 128  # a profile counts a and b from -128, Pillow keeps two's complement
    picture = Image.frombytes(mode, (len(levels), 1), levels.tobytes())
    out = np.array(transform.apply(picture))[0]
    if target == "LAB":
        out[:, 1:] ^= 128
    return out


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3l", *(round(value * 65536) for value in values))


def _gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">LH", 1, round(value * 256))


def _table(inputs: int, outputs: int, steps: int, values: np.ndarray) -> bytes:
    straight = bytes(range(256))
    unit = struct.pack(">9l", *(65536 if i % 4 == 0 else 0 for i in range(9)))
    head = struct.pack(">4s4xBBBx", b"mft1", inputs, outputs, steps)
    return head + unit + straight * inputs + values.tobytes() + straight * outputs


def _profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    at = _HEADER + 4 + 12 * len(tags)
    index, bodies = io.BytesIO(), io.BytesIO()
    index.write(struct.pack(">L", len(tags)))
    for name, body in tags.items():
        padded = body + bytes(-len(body) % 4)
        index.write(struct.pack(">4sLL", name, at + bodies.tell(), len(body)))
        bodies.write(padded)
    content = index.getvalue() + bodies.getvalue()
    header = struct.pack(
        ">LLL4s4s4s", _HEADER + len(content), 0, 0x02400000, kind, space, connection
    )
    header += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp").ljust(44, b"\0")
    header += struct.pack(">3l", *(round(value * 65536) for value in _D50))
    return header.ljust(_HEADER, b"\0") + content
