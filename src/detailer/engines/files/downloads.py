"""Downloads: model files that are fetched from their makers, each pinned to its bytes."""

from detailer.engines.files.models import Download

YUNET = Download(
    "face_detection_yunet_2023mar.onnx",
    "https://media.githubusercontent.com/media/opencv/opencv_zoo/"
    "966be4cb6eefc2a4f586ed0581bf4bbaa2533070/models/face_detection_yunet/"
    "face_detection_yunet_2023mar.onnx",
    "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    232589,
)
"""OpenCV's copy of the small YuNet, MIT licence."""

_MEDIAPIPE = "https://storage.googleapis.com/mediapipe-models"

BLAZE_FACE_FULL = Download(
    "blaze_face_full_range.tflite",
    f"{_MEDIAPIPE}/face_detector/blaze_face_full_range/float16/1/blaze_face_full_range.tflite",
    "3698b18f063835bc609069ef052228fbe86d9c9a6dc8dcb7c7c2d69aed2b181b",
    1083786,
)
"""MediaPipe's detector of faces within 5 m, Apache-2.0; Google's own build pins the same bytes."""

BLAZE_FACE_SHORT = Download(
    "blaze_face_short_range.tflite",
    f"{_MEDIAPIPE}/face_detector/blaze_face_short_range/float16/1/blaze_face_short_range.tflite",
    "b4578f35940bf5a1a655214a1cce5cab13eba73c1297cd78e1a04c2380b0152f",
    229746,
)
"""MediaPipe's detector of faces within 2 m, Apache-2.0."""

FACE_LANDMARKER = Download(
    "face_landmarker.task",
    f"{_MEDIAPIPE}/face_landmarker/face_landmarker/float16/1/face_landmarker.task",
    "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
    3758596,
)
"""MediaPipe's 478 points of a face, Apache-2.0."""

HAND_LANDMARKER = Download(
    "hand_landmarker.task",
    f"{_MEDIAPIPE}/hand_landmarker/hand_landmarker/float16/1/hand_landmarker.task",
    "fbc2a30080c3c557093b5ddfc334698132eb341044ccee322ccf8bcf3607cde1",
    7819105,
)
"""MediaPipe's 21 points of a hand, Apache-2.0."""
