"""Everything that detailer raises on purpose.

DetailerError
├── InputError (ValueError)       what was given cannot be used: a file, a value, a mask
│   └── CanvasError               a write to the picture that would not fit it
├── EngineError (RuntimeError)    a detector, painter or upscaler could not do its work
│   └── MissingEngineError        an engine is not installed, or its model is not there
└── OutputError (OSError)         a result could not be written; the original is whole
"""


class DetailerError(Exception):
    """The root: catch this at the edge of a program."""


class InputError(DetailerError, ValueError):
    """Something given cannot be used; the message names it and the remedy."""


class CanvasError(InputError):
    """A write to the picture that would not fit it."""


class EngineError(DetailerError, RuntimeError):
    """A detector, painter or upscaler could not do its work."""


class MissingEngineError(EngineError):
    """An engine is not installed or its model is not there; the message says what to install."""


class OutputError(DetailerError, OSError):
    """A result could not be written; what was there before is untouched."""
