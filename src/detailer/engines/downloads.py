"""Downloads: model files that are fetched from their makers, each pinned to its bytes."""

from detailer.engines.models import Download

YUNET = Download(
    "face_detection_yunet_2023mar.onnx",
    "https://media.githubusercontent.com/media/opencv/opencv_zoo/"
    "966be4cb6eefc2a4f586ed0581bf4bbaa2533070/models/face_detection_yunet/"
    "face_detection_yunet_2023mar.onnx",
    "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    232589,
)
"""OpenCV's copy of the small YuNet, MIT licence."""
