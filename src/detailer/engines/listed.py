"""Listed: an engine that comes with detailer, and what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Final, Literal, TypeAlias

from detailer.engines.files.models import Download, installed_file, is_fetched, is_offline
from detailer.errors import MissingEngineError

Kind: TypeAlias = Literal["detector", "segmenter", "painter", "upscaler"]

GROUPS: Final[dict[Kind, str]] = {
    "detector": "detailer.detectors",
    "segmenter": "detailer.segmenters",
    "painter": "detailer.painters",
    "upscaler": "detailer.upscalers",
}
"""The entry point groups under which packages publish engines."""


@dataclass(frozen=True)
class Listed:
    """An engine of our own: where it is made, and what must be installed for it.

    `factory` is module:name as in an entry point. `libraries` are imported names, `files` are
    (package, file) pairs; `extra` brings them all, `wheels` says for which machines. `download` is
    fetched once when first used. `source` says where else a model comes from. `unused` are the
    settings of Paint that mean nothing to a painter. `inner` are options that are detectors
    themselves, by name; `optional` ones are not missed by anybody; `given` says that what is found
    is given for the whole picture. `suits` are settings by stage and name that suit a painter
    whatever its model; they yield to what is set. The others are functions, as module:name, that
    load no weights: `defaults` gives the settings that a model has of its own, `estimate` what a
    plan will cost, `check` refuses settings of Paint, `check_files` what its files could not
    paint.
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
    optional: bool = False
    suits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, hash=False)
    defaults: str = ""
    estimate: str = ""
    check: str = ""
    check_files: str = ""

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
        if self.download and all(map(find_spec, self.libraries)):
            commands.append(f"fetch {self.download.address} and give {self.name}:FILE")
        return "; ".join(commands)

    @property
    def needs(self) -> str:
        """What it needs, in words."""
        packages = dict.fromkeys([*self.libraries, *(package for package, _ in self.files)])
        parts = [", ".join(packages), self.source]
        return "; ".join(part for part in parts if part) or "nothing"
