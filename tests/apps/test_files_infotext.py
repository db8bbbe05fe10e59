"""Infotexts in files: where A1111 and its kin keep them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from detailer.apps.files import read
from detailer.apps.files.infotext import decoded, infotext_of
from tests.engines.places import data_file

TEXT = "a café, 猫\nNegative prompt: dog\nSteps: 20, Seed: 7"


def saved(path: Path, comment: bytes = b"", parameters: str = "") -> str:
    """The infotext of a file with an EXIF comment, or PNG's text."""
    image = Image.new("RGB", (16, 16))
    exif = Image.Exif()
    if comment:
        exif[0x0131] = "a program"  # Pillow takes a block with nothing but inner ones for empty
        exif.get_ifd(0x8769)[0x9286] = comment
    info = PngInfo()
    if parameters:
        info.add_itxt("parameters", parameters)
    more = {"pnginfo": info} if path.suffix == ".png" else {}
    image.save(path, exif=exif, **more)
    return infotext_of(read(path))


def test_a_png_has_it_as_text(tmp_path: Path) -> None:
    assert saved(tmp_path / "a.png", parameters=TEXT) == TEXT


@pytest.mark.parametrize("ending", [".jpg", ".webp", ".png", ".avif"])
def test_other_files_have_it_in_exif(tmp_path: Path, ending: str) -> None:
    comment = b"UNICODE\0" + TEXT.encode("utf-16-be")
    assert saved(tmp_path / f"a{ending}", comment) == TEXT


@pytest.mark.parametrize(
    ("comment", "text"),
    [
        (b"UNICODE\0" + TEXT.encode("utf-16-le"), TEXT),
        (b"UNICODE\0" + TEXT.encode("utf-16"), TEXT),
        (b"UNICODE\0" + b"\xfe\xff" + TEXT.encode("utf-16-be"), TEXT),
        (b"ASCII\0\0\0Steps: 20", "Steps: 20"),
        (bytes(8) + TEXT.encode(), TEXT),
        (bytes(8) + b" " * 100, ""),
        (b"JIS\0\0\0\0\0abc", ""),
        (b"UNICODE\0", ""),
        (b"", ""),
        (b"UNI", ""),
    ],
)
def test_a_comment_is_read_by_the_letters_that_it_names(comment: bytes, text: str) -> None:
    assert decoded(comment) == text


@given(st.binary(max_size=64), st.sampled_from([b"UNICODE\0", b"ASCII\0\0\0", bytes(8), b""]))
def test_whatever_bytes_there_are_there_is_a_text(body: bytes, kind: bytes) -> None:
    assert isinstance(decoded(kind + body), str)


def test_a_picture_without_one_has_an_empty_text(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg"):
        assert saved(tmp_path / name) == ""


@pytest.mark.parametrize(
    "name", ["ai/a1111_duck_tiny.png", "ai/a1111_ring.png", "ai/sd15_street6_a1111.png"]
)
def test_the_pictures_of_a1111_have_one(name: str) -> None:
    assert "Steps: " in infotext_of(read(data_file(name)))


def test_a_photograph_with_an_empty_comment_has_none() -> None:
    assert infotext_of(read(data_file("images/child_1600.jpg"))) == ""
