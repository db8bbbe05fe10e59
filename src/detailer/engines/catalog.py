"""Catalog: engines by name, ours and those that other packages publish."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Any

from detailer.core.nearest import nearest
from detailer.core.segmenter import Segmenter
from detailer.engines.factory import Factory, parameters
from detailer.engines.listed import GROUPS, Kind, Listed
from detailer.engines.listing import BUILT_IN, built_in
from detailer.engines.painters.listed import RESTORE
from detailer.engines.published import loaded, package_of, published
from detailer.errors import InputError, MissingEngineError
from detailer.stages.crop import Upscaler
from detailer.stages.detect import Detector
from detailer.stages.paint import Painter

log = logging.getLogger(__name__)

AUTO = "auto"


@dataclass(frozen=True)
class EngineCard:
    """What `detailer engines` says about one engine; made without importing its libraries.

    `reason` says what is missing where it is not available, `remedy` what to do about it.
    """

    name: str
    kind: Kind
    about: str
    needs: str
    available: bool
    reason: str = ""
    remedy: str = ""
    aliases: tuple[str, ...] = ()
    optional: bool = False


@dataclass(frozen=True)
class Spec:
    """An engine as it is written: a name, or name:path."""

    name: str
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> Spec:
        """The two parts, at the first colon; upper and lower case of the name are alike."""
        name, _, path = text.strip().partition(":")
        return cls(name.strip().lower(), path.strip())


def open_detector(spec: str, **options: Any) -> Detector:
    """The detector of a name, or name:path, ready to look.

    Args:
        spec: "face", "yunet:FILE.onnx", …; `installed()` lists them.
        options: The engine's own, such as threshold, labels or device.

    Raises:
        InputError: If the name or an option is not known, or a path is missing or too many.
        MissingEngineError: If a library or model is not there; the message says how to get it.
        EngineError: If the model does not work.
    """
    return _opened("detector", spec, options)  # type: ignore[no-any-return]


def open_painter(spec: str = AUTO, **options: Any) -> Painter:
    """The painter of a name, or name:path; "auto" is what `resolved_painter` says.

    Raises:
        InputError, MissingEngineError, EngineError: As `open_detector` does.
    """
    return _opened("painter", spec, options)  # type: ignore[no-any-return]


def open_segmenter(spec: str, **options: Any) -> Segmenter:
    """The segmenter of a name, or name:path.

    Raises:
        InputError, MissingEngineError, EngineError: As `open_detector` does.
    """
    return _opened("segmenter", spec, options)  # type: ignore[no-any-return]


def open_upscaler(spec: str, **options: Any) -> Upscaler:
    """The upscaler of a name, or name:path.

    Raises:
        InputError, MissingEngineError, EngineError: As `open_detector` does.
    """
    return _opened("upscaler", spec, options)  # type: ignore[no-any-return]


def resolved_painter(spec: str) -> str:
    """The painter that is meant: for "auto" restore where it runs, else classic, and it says so."""
    if Spec.parse(spec).name != AUTO:
        return spec
    lack = built_in("painter")[RESTORE].lack()
    if not lack:
        return RESTORE
    log.warning("painter is classic, because %s cannot run here: %s", RESTORE, lack)
    return "classic"


def unused_settings(spec: str) -> tuple[str, ...]:
    """The settings of Paint that a painter makes no use of, as far as that is known."""
    listed = listed_engine("painter", spec)
    return listed.unused if listed else ()


def option_names(kind: Kind, spec: str) -> tuple[str, ...]:
    """The options that an engine takes when it is opened; its module is imported.

    Raises:
        InputError: If the name is not known.
        MissingEngineError: If a library or model is not there; the message says how to get it.
    """
    _, point = check_engine(kind, spec)
    return tuple(name for name in parameters(loaded(kind, point)) if name != "path")


def is_known(kind: Kind, spec: str) -> bool:
    """Whether there is an engine of that kind and name, be it ours or published."""
    name = Spec.parse(spec).name
    return name in built_in(kind) or name in published(kind)


def check_engine(kind: Kind, spec: str) -> tuple[Spec, EntryPoint]:
    """Refuse an engine that could not be opened here; nothing of it is imported.

    Returns:
        The one that is meant, and where it is made.

    Raises:
        InputError: If the name is not known.
        MissingEngineError: If a library or model is not there; the message says how to get it.
    """
    parsed = Spec.parse(resolved_painter(spec) if kind == "painter" else spec)
    point = _point(kind, spec, parsed)
    listed = built_in(kind).get(parsed.name)
    lack = listed.lack(own_file=bool(parsed.path)) if listed else ""
    if listed and lack:
        raise MissingEngineError(f"{kind} {parsed.name}: {lack}; {listed.remedy}")
    return parsed, point


def listed_engine(kind: Kind, spec: str) -> Listed | None:
    """What is listed of an engine of our own; None for those of other packages."""
    return built_in(kind).get(Spec.parse(spec).name)


def installed() -> list[EngineCard]:
    """A card for every engine that is known here: ours, then those of other packages."""
    ours = [_card_of(listed) for listed in BUILT_IN]
    theirs = [
        _card_of_published(kind, point) for kind in GROUPS for point in published(kind).values()
    ]
    return [*ours, *theirs]


def _opened(kind: Kind, spec: str, options: dict[str, Any]) -> Any:
    parsed, point = check_engine(kind, spec)
    listed = built_in(kind).get(parsed.name)
    source = listed.source if listed else ""
    return Factory(f"{kind} {parsed.name}", loaded(kind, point), source)(parsed.path, options)


def _point(kind: Kind, spec: str, parsed: Spec) -> EntryPoint:
    listed = built_in(kind).get(parsed.name)
    if listed is not None:
        return EntryPoint(listed.name, listed.factory, GROUPS[kind])
    theirs = published(kind)
    if parsed.name in theirs:
        return theirs[parsed.name]
    names = [*built_in(kind), *theirs]
    for other in GROUPS:
        if is_known(other, spec):
            known = f"{kind}s are: {', '.join(names)}"
            raise InputError(f"{parsed.name} is of the kind {other}, not {kind}; {known}")
    raise InputError(f"{kind} {spec!r} is not known; {_hint(parsed, spec, names)}")


def _hint(parsed: Spec, spec: str, names: list[str]) -> str:
    # C:\model.onnx has a drive before its colon, no name.
    if len(parsed.name) == 1 or "/" in parsed.name or "\\" in parsed.name or "." in parsed.name:
        return f"a file needs the name of an engine before it, such as yolox:{spec}"
    return nearest(parsed.name, names)


def _card_of(listed: Listed) -> EngineCard:
    lack = listed.lack()
    return EngineCard(
        listed.name,
        listed.kind,
        listed.about,
        listed.needs,
        available=not lack,
        reason=lack,
        remedy=listed.remedy if lack else "",
        aliases=listed.aliases,
        optional=listed.optional,
    )


def _card_of_published(kind: Kind, point: EntryPoint) -> EngineCard:
    version = f" {point.dist.version}" if point.dist else ""
    return EngineCard(
        point.name, kind, f"From {package_of(point)}{version}.", package_of(point), available=True
    )
