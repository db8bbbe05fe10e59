"""What we choose not to reproduce of the peers' recorded behaviour, and why: the one table."""

from __future__ import annotations

LEFT_OUT: dict[str, dict[str, str]] = {}
"""By set and stratum, with the reason. At most 5 % of the cases of a set."""

LATER: dict[str, dict[str, str]] = {}
"""By set and stratum: what belongs to a part that is not built yet."""


def reason_for(name: str, stratum: str) -> str:
    """Why a stratum is skipped; empty if it is not."""
    return (LEFT_OUT.get(name, {}) | LATER.get(name, {})).get(stratum, "")
