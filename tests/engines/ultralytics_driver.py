"""Ultralytics itself, in a process of its own: makes a tiny checkpoint, and says what it finds.

python ultralytics_driver.py make NAME FOLDER PICTURE      FOLDER/NAME.pt, weights by chance
python ultralytics_driver.py find ONNX PICTURE THRESHOLD RESULT.npz
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import torch
import ultralytics
import yaml
from ultralytics import YOLO
from ultralytics.utils import SETTINGS

SIDE = 320


def make(name: str, folder: str, picture: str) -> None:
    """A network of a tenth of the width, alive: its norms are those of the picture."""
    torch.manual_seed(3)
    family = name[: -len("-seg")] if name.endswith("-seg") else name
    configurations = Path(ultralytics.__file__).parent / "cfg" / "models"
    found = next(configurations.rglob(f"{family}{name[len(family) :]}.yaml"))
    made = yaml.safe_load(found.read_text())
    made |= {"scales": {"n": [0.33, 0.1, 256]}, "nc": 2}
    path = Path(folder) / found.name
    path.write_text(yaml.safe_dump(made))
    model = YOLO(path)
    network = model.model
    for weights in network.parameters():
        weights.requires_grad = False
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = 1.0
    seen = cv2.resize(cv2.imread(picture), (SIDE, SIDE))[..., ::-1].transpose(2, 0, 1)
    network.train()
    network(torch.from_numpy(np.ascontiguousarray(seen))[None].float() / 255)
    head = network.model[-1]
    # Scores spread from 0 to 1, boxes and masks of many sizes.
    for part, spread, bias in (("cv3", 0.03, -1), ("cv2", 0.3, 3), ("cv4", 0.3, None)):
        for layers in getattr(head, part, None) or []:
            torch.nn.init.normal_(layers[-1].weight, 0, spread)
            if bias is not None:
                torch.nn.init.constant_(layers[-1].bias, bias)
    network.eval()
    network.names = {0: "hand", 1: "foot"}
    model.save(Path(folder) / f"{name}.pt")


def find(onnx: str, picture: str, threshold: str, result: str) -> None:
    """Its boxes, scores, classes, and masks at the picture's own size."""
    task = "segment" if "-seg" in onnx else "detect"
    found = YOLO(onnx, task=task).predict(
        cv2.imread(picture),
        conf=float(threshold),
        iou=0.7,
        imgsz=SIDE,
        max_det=30000,
        retina_masks=True,
        verbose=False,
        device="cpu",
    )[0]
    boxes = found.boxes
    masks = np.zeros((0, 0, 0)) if found.masks is None else found.masks.data.numpy()
    np.savez_compressed(
        result,
        boxes=boxes.xyxy.numpy(),
        scores=boxes.conf.numpy(),
        kinds=boxes.cls.numpy().astype(int),
        masks=masks > 0,
    )


if __name__ == "__main__":
    SETTINGS.update({name: False for name, value in SETTINGS.items() if value is True})
    {"make": make, "find": find}[sys.argv[1]](*sys.argv[2:])
