"""A stand-in for Ultralytics: a checkpoint is JSON that says how it behaves."""

import json
import os
import shutil
import sys
import time
from pathlib import Path

from ultralytics.utils import SETTINGS


class YOLO:
    def __init__(self, path):
        self.says = json.loads(Path(path).read_text())
        print("this is chatter of a library")  # noqa: T201  # as the real one does
        if "raises" in self.says:
            raise RuntimeError(self.says["raises"])
        if "ends" in self.says:
            os._exit(self.says["ends"])
        time.sleep(self.says.get("sleeps", 0))
        self.task = self.says.get("task", "detect")
        self.names = {0: "face"}
        self.words = None
        self.model = type(self.says.get("network", "DetectionModel"), (), {})()

    def set_classes(self, words):
        self.words = words

    def export(self, **options):
        witness = {
            "options": options,
            "words": self.words,
            "opened by": type(self).__name__,
            "settings": dict(SETTINGS),
            "folder": str(Path.cwd()),
            "files": sorted(path.name for path in Path().iterdir()),
            "environment": dict(os.environ),
            "modules": sorted(sys.modules),
        }
        Path(self.says["witness"]).write_text(json.dumps(witness))
        if self.says.get("onnx"):
            shutil.copy(self.says["onnx"], "made.onnx")
        return "made.onnx"


class YOLOWorld(YOLO):
    pass


class YOLOE(YOLO):
    pass
