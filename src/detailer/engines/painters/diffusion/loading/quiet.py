"""Quiet: the libraries' own chatter, held back while a diffusion model is loaded."""

from __future__ import annotations

from contextlib import AbstractContextManager

import diffusers.utils.logging
import transformers.utils.logging

from detailer.engines import quiet as libraries


def quiet() -> AbstractContextManager[None]:
    """No bars, warnings or notes of diffusers and transformers; afterwards all is as it was."""
    return libraries.quiet(diffusers.utils.logging, transformers.utils.logging)
