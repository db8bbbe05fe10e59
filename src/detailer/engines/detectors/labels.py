"""Labels: the names of what is looked for, as a person writes them."""

from __future__ import annotations

from collections.abc import Sequence


def listed(labels: str | Sequence[str]) -> tuple[str, ...]:
    """Each label once and in order; a text has commas between them, empty ones do not count."""
    parts = labels.split(",") if isinstance(labels, str) else labels
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))
