"""Whether Real-ESRGAN runs on this machine; the test is skipped where it does not."""

from __future__ import annotations

import pytest

from detailer.engines.catalog import installed


def need_realesrgan() -> None:
    """Skip with the reason where ncnn or its networks are not installed."""
    (card,) = [card for card in installed() if (card.kind, card.name) == ("painter", "restore")]
    if not card.available:
        pytest.skip(f"Real-ESRGAN does not run here: {card.reason}")
