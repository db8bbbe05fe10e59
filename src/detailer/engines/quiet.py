"""Quiet: the chatter of Hugging Face's libraries, held back while a model is loaded."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import huggingface_hub.utils


@contextmanager
def quiet(*logs: Any) -> Iterator[None]:
    """No bars, warnings or notes of some libraries; afterwards all is as it was.

    What they would have said is either an error, which is raised, or checked by us. The Hub's
    own bar stays: gigabytes that come in silence look like a program that hangs.

    Args:
        logs: Each a library's module `utils.logging`; none: that of transformers.
    """
    logs = logs or (_transformers(),)
    before = [(log, log.get_verbosity(), log.is_progress_bar_enabled()) for log in logs]
    hub: Any = huggingface_hub.utils
    downloads = not hub.are_progress_bars_disabled()
    try:
        for log in logs:
            log.set_verbosity(log.CRITICAL)
            log.disable_progress_bar()
        # transformers switches the Hub's bars off and on with its own.
        _show(hub, downloads)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, verbosity, bars in before:
            log.set_verbosity(verbosity)
            if bars:
                log.enable_progress_bar()
        _show(hub, downloads)


def _transformers() -> Any:
    import transformers.utils.logging

    return transformers.utils.logging


def _show(hub: Any, wanted: bool) -> None:
    if wanted == hub.are_progress_bars_disabled():
        (hub.enable_progress_bars if wanted else hub.disable_progress_bars)()
