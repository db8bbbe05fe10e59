"""Model files of MediaPipe: told by their content, and no archive is believed."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest

from detailer.engines.detectors.mediapipe import file as mediapipe_file
from detailer.engines.detectors.mediapipe.file import PARTS, read_asset
from detailer.errors import EngineError

MODEL = b"\x1c\0\0\0TFL3" + bytes(range(250))
FACES, POINTS = PARTS["mesh"]


def bundled(path: Path, parts: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return path


def held(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_network_is_taken_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "named.task"
    file.write_bytes(MODEL)
    asset = read_asset(file)
    assert (asset.network, asset.content, asset.path) == ("faces", MODEL, file)


@pytest.mark.parametrize("network", PARTS)
@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_bundle_is_packed_anew_with_what_is_needed_and_nothing_else(
    tmp_path: Path, network: mediapipe_file.Network, how: int
) -> None:
    parts = {name: MODEL + bytes([i]) * i for i, name in enumerate(PARTS[network])}
    more = {"face_blendshapes.tflite": MODEL, "../../escape.txt": b"no", "/etc/x": b"no"}
    asset = read_asset(bundled(tmp_path / "any.bin", more | parts, how))
    assert asset.network == network
    assert held(asset.content) == parts


def test_a_bundle_may_begin_with_the_zeros_that_align_it(tmp_path: Path) -> None:
    file = bundled(tmp_path / "face.task", dict.fromkeys(PARTS["mesh"], MODEL))
    file.write_bytes(b"\0\0" + file.read_bytes())
    assert read_asset(file).network == "mesh"


@pytest.mark.parametrize("names", [PARTS["mesh"], PARTS["hands"]])
def test_networks_lie_on_multiples_of_four_bytes_and_are_not_compressed(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    for more in range(4):
        parts = dict.fromkeys(names, MODEL + bytes(more))
        content = read_asset(bundled(tmp_path / "a.task", parts, zipfile.ZIP_DEFLATED)).content
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.infolist():
                assert entry.compress_type == zipfile.ZIP_STORED
                start = entry.header_offset
                lengths = struct.unpack("<HH", content[start + 26 : start + 30])
                place = start + 30 + sum(lengths)
                assert place % 4 == 0
                assert content[place : place + len(MODEL)] == MODEL


def test_what_an_archive_says_of_its_sizes_is_not_believed(tmp_path: Path) -> None:
    file = bundled(tmp_path / "face.task", dict.fromkeys(PARTS["mesh"], MODEL))
    content = bytearray(file.read_bytes())
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 20 : directory + 28] = struct.pack("<II", 1 << 30, 1 << 30)
    file.write_bytes(content)
    with pytest.raises(EngineError, match=r"face\.task is a damaged bundle"):
        read_asset(file)


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mediapipe_file, "LARGEST", 1 << 20)
    parts = {FACES: MODEL, POINTS: MODEL + bytes(2 << 20)}
    file = bundled(tmp_path / "bomb.task", parts, zipfile.ZIP_DEFLATED)
    assert file.stat().st_size < 1 << 16
    with pytest.raises(EngineError, match=rf"{POINTS} in .*bomb\.task has more than 1 MiB"):
        read_asset(file)


def test_no_more_of_a_large_file_is_read_than_a_model_may_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mediapipe_file, "LARGEST", 1 << 20)
    file = tmp_path / "sd15.safetensors"
    file.write_bytes(MODEL + bytes(1 << 20))
    with pytest.raises(EngineError, match=r"sd15\.safetensors has more than 1 MiB"):
        read_asset(file)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"pose_detector.tflite": MODEL}, r"holds pose_detector\.tflite; expected the bundle of"),
        ({FACES: MODEL}, r"holds face_detector\.tflite; expected"),
        ({}, "holds nothing; expected"),
        ({FACES: MODEL, POINTS: b"\x80\x04pickle"}, rf"{POINTS} in .* is no \.tflite file"),
    ],
)
def test_another_bundle_is_refused_with_what_it_holds(
    tmp_path: Path, parts: dict[str, bytes], words: str
) -> None:
    with pytest.raises(EngineError, match=rf"other\.task .*{words}|{words}"):
        read_asset(bundled(tmp_path / "other.task", parts))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_bundle_with_a_network_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "twice.task"
    with zipfile.ZipFile(file, "w") as archive:
        for name in (FACES, POINTS, POINTS):
            archive.writestr(name, MODEL)
    with pytest.raises(EngineError, match=r"twice\.task holds"):
        read_asset(file)


def test_a_bundle_with_a_flipped_byte_is_refused(tmp_path: Path) -> None:
    file = bundled(tmp_path / "flipped.task", dict.fromkeys(PARTS["mesh"], MODEL))
    content = bytearray(file.read_bytes())
    content[100] ^= 1
    file.write_bytes(content)
    with pytest.raises(EngineError, match=r"flipped\.task is a damaged bundle: Bad CRC"):
        read_asset(file)


def test_a_bundle_with_a_password_is_refused(tmp_path: Path) -> None:
    file = bundled(tmp_path / "secret.task", dict.fromkeys(PARTS["mesh"], MODEL))
    content = bytearray(file.read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + flags] |= 1
    file.write_bytes(content)
    with pytest.raises(EngineError, match=r"secret\.task is a bundle that cannot be read.*encrypt"):
        read_asset(file)


@pytest.mark.parametrize("content", [b"", b"\x80\x04\x95pickle", b"\x08\x07onnx", MODEL[:6]])
def test_what_is_neither_a_network_nor_a_bundle_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "face.tflite"
    file.write_bytes(content)
    with pytest.raises(EngineError, match=r"face\.tflite is no model of MediaPipe"):
        read_asset(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"nowhere\.task cannot be read: No such file"):
        read_asset(tmp_path / "nowhere.task")
    with pytest.raises(EngineError, match=r"cannot be read: Is a directory"):
        read_asset(tmp_path)
