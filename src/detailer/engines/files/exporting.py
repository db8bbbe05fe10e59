"""Exporting: a checkpoint of Ultralytics to ONNX, in a process of its own.

Run by `importing` as `python -m detailer.engines.files.exporting ORDER`, in a folder of its own:
there lies the checkpoint, and there goes the ONNX. It reads a pickle, which can run any code: only
after a person has allowed that very file. What it says goes to its output as one line of text for
each step; why it failed is the last line of its error output.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

CHECKPOINT: Final = "model.pt"
ONNX: Final = "model.onnx"
_TASKS = ("detect", "segment")
# Networks that find what words say, by the class of the network and the one that opens it.
_OF_WORDS = {"WorldModel": "YOLOWorld", "YOLOEModel": "YOLOE", "YOLOESegModel": "YOLOE"}
_ENCODER = "pip install git+https://github.com/ultralytics/CLIP.git"


def main(order: str) -> None:
    """Export the checkpoint in the working directory.

    Args:
        order: JSON with `classes`, a list of words or none, and `size`, px, or 0 for its own.
    """
    wish = json.loads(order)
    tell = _own_output()
    tell("loading Ultralytics (AGPL-3.0)")
    ultralytics = import_module("ultralytics")
    _keep_to_itself(import_module("ultralytics.utils").SETTINGS)
    tell("reading the checkpoint")
    model = ultralytics.YOLO(CHECKPOINT)
    if model.task not in _TASKS:
        sys.exit(f"it is of the task {model.task}; yolo takes those of {' and '.join(_TASKS)}")
    if wish["classes"]:
        tell("reading the words")
        model = _with_words(ultralytics, model, wish["classes"])
    tell("writing ONNX")
    size = {"imgsz": wish["size"]} if wish["size"] else {}
    made = model.export(format="onnx", dynamic=True, simplify=False, device="cpu", **size)
    Path(made).replace(ONNX)


def _own_output() -> Any:
    """What says a step on our output; what libraries print there goes to the error output."""
    ours = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(step: str) -> None:
        ours.write(f"{step}\n")
        ours.flush()

    return tell


def _keep_to_itself(settings: Any) -> None:
    """No telemetry, no services: the settings lie in a folder that is thrown away."""
    settings.update({name: False for name, value in settings.items() if value is True})


def _with_words(ultralytics: Any, model: Any, words: list[str]) -> Any:
    kind = _OF_WORDS.get(type(model.model).__name__)
    if kind is None:
        names = model.names
        fixed = ", ".join(names.values() if isinstance(names, dict) else names)
        sys.exit(f"its classes are fixed ({fixed}); --classes is for YOLO-World and YOLOE")
    if find_spec("clip") is None:
        sys.exit(f"words need CLIP's text encoder; run: {_ENCODER}")
    model = getattr(ultralytics, kind)(CHECKPOINT)
    model.set_classes(words)
    return model


if __name__ == "__main__":
    main(sys.argv[1])
