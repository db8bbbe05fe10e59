import json
import re

import pytest
from PIL import Image

from detailer.apps.files import read, read_record, write, xmp
from detailer.apps.files.chunks import split
from tests.apps.files_made import (
    RECORD,
    chunk,
    exif,
    full_png,
    pillow,
    saved,
    smooth,
    with_chunks,
)


def segments_of(content: bytes) -> list[bytes]:
    from detailer.apps.files.segments import split as split_segments

    return [segment.body for segment in split_segments(content)[0]]


@pytest.fixture
def png(tmp_path):
    return read(saved(tmp_path, "a.png", full_png()))


def test_every_chunk_of_a_png_is_kept_as_it_was(png, tmp_path):
    write(png, 255 - png.pixels, tmp_path / "b.png", RECORD)
    old, new = (
        {(c.name, c.body) for c in split((tmp_path / name).read_bytes()) if c.name != b"IDAT"}
        for name in ("a.png", "b.png")
    )
    gone = {name for name, _ in old - new}
    renewed_ones, unknown, untrue = {b"eXIf", b"iTXt"}, {b"prVT"}, {b"tIME"}
    assert gone == renewed_ones | unknown | untrue
    assert sum(name == b"iTXt" for name, _ in old - new) == 1, (
        "XMP, whose orientation was put right"
    )
    added = {name for name, _ in new - old}
    assert added == renewed_ones | {b"tEXt"}, "the last is our record"


def test_texts_are_found_without_decoding_a_png(png, tmp_path):
    write(png, png.pixels, tmp_path / "b.png", RECORD)
    with Image.open(tmp_path / "b.png") as image:
        assert image.info["detailer"] == RECORD
        assert image.info["workflow"] == '{"title": "Größe"}'
        assert image.info["parameters"].startswith("a photo of Ada")


def test_a_record_in_latin_letters_is_plain_text_in_a_png(png, tmp_path):
    write(png, png.pixels, tmp_path / "b.png", '{"a": 1}')
    assert b'tEXtdetailer\0{"a": 1}' in (tmp_path / "b.png").read_bytes()


def test_a_record_in_other_letters_is_unicode_in_a_png(png, tmp_path):
    write(png, png.pixels, tmp_path / "b.png", '{"a": "脸"}')
    assert b"iTXtdetailer\0" in (tmp_path / "b.png").read_bytes()
    assert read_record(read(tmp_path / "b.png")) == '{"a": "脸"}'


def test_a_new_record_takes_the_old_ones_place(png, tmp_path):
    write(png, png.pixels, tmp_path / "b.png", RECORD)
    write(read(tmp_path / "b.png"), png.pixels, tmp_path / "c.png", '{"a": 2}')
    again = read(tmp_path / "c.png")
    assert read_record(again) == '{"a": 2}'
    assert [text.keyword for text in again.metadata.texts].count("detailer") == 1
    write(again, png.pixels, tmp_path / "d.png")
    assert read_record(read(tmp_path / "d.png")) is None


def test_every_segment_of_a_jpeg_is_kept_as_it_was(jpeg, tmp_path):
    write(jpeg, jpeg.pixels, tmp_path / "b.jpg", RECORD)
    old, new = (set(segments_of((tmp_path / name).read_bytes())) for name in ("a.jpg", "b.jpg"))
    gone = old - new
    assert sorted(body[:4] for body in gone) == [b"Exif", b"MPF\0", b"http"]
    assert {body[:4] for body in new - old} == {b"Exif", b"http"}


@pytest.mark.parametrize("form", ["jpg", "webp", "tif", "avif", "png"])
def test_exif_profile_and_xmp_go_along_into_every_format(form, jpeg, tmp_path):
    target = tmp_path / f"b.{form}"
    write(jpeg, jpeg.pixels, target, RECORD)
    again = read(target)
    assert again.metadata.icc == jpeg.metadata.icc
    assert again.colour == jpeg.colour
    assert b"<rdf:li>Ada</rdf:li>" in again.metadata.xmp
    assert read_record(again) == RECORD
    with Image.open(target) as image:
        tags = image.getexif()
        assert tags[0x010F] == "Maker"
        assert tags[0x8298] == "me"
        # A JPEG stays turned as it was; all others lie upright.
        turn, sides = (6, (48, 32)) if form == "jpg" else (1, (32, 48))
        assert tags.get(0x0112, 1) == turn
        assert image.size == sides
        assert tags.get_ifd(0x8769)[0xA002] == sides[0]
        assert tags.get_ifd(0x8769)[0xA003] == sides[1]
        assert image.info["icc_profile"] == jpeg.metadata.icc


@pytest.mark.parametrize("form", ["jpg", "tif", "png"])
def test_the_resolution_goes_along(form, jpeg, tmp_path):
    write(jpeg, jpeg.pixels, tmp_path / f"b.{form}")
    with Image.open(tmp_path / f"b.{form}") as image:
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.01)


@pytest.mark.parametrize("form", ["jpg", "webp", "tif", "avif"])
def test_what_a1111_wrote_goes_where_it_looks_in_other_formats(form, png, tmp_path):
    stripped = with_no_exif(png, tmp_path)
    write(stripped, stripped.pixels, tmp_path / f"b.{form}", RECORD)
    with Image.open(tmp_path / f"b.{form}") as image:
        tags = image.getexif()
        comment = tags.get_ifd(0x8769)[0x9286]
        assert comment[:8] == b"UNICODE\0"
        assert comment[8:].decode("utf-16-be") == png.metadata.text("parameters")
        workflow = tags[0x010F].removeprefix("workflow:")
        assert json.loads(workflow) == json.loads(png.metadata.text("workflow"))
        assert tags[0x0110].startswith("prompt:{")


def test_a_workflow_that_is_no_json_goes_along_as_far_as_it_can(tmp_path):
    text = chunk(b"tEXt", "workflow\0größer".encode("latin-1"))
    photo = read(saved(tmp_path, "a.png", with_chunks(pillow(smooth(), "PNG"), text)))
    write(photo, photo.pixels, tmp_path / "b.webp")
    with Image.open(tmp_path / "b.webp") as image:
        assert image.getexif()[0x010F] == "workflow:gr??er"


def test_exif_that_was_there_is_not_given_up_for_texts(png, tmp_path, caplog):
    write(png, png.pixels, tmp_path / "b.jpg")
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.getexif()[0x010F] == "Maker"
    assert "JPEG has no place for the texts parameters, prompt, workflow" in caplog.text


def with_no_exif(png, folder):
    content = re.sub(rb"....eXIf", lambda m: m[0][:4] + b"prVt", full_png(), flags=re.DOTALL)
    at = content.index(exif(1)) - 8
    length = 12 + len(exif(1))
    return read(saved(folder, "bare.png", content[:at] + content[at + length :]))


def test_texts_without_a_place_are_named(jpeg, tmp_path, caplog):
    write(jpeg, jpeg.pixels, tmp_path / "b.webp")
    assert "WebP has no place for the texts Comment" in caplog.text


def test_a_comment_of_a_jpeg_is_a_text_of_a_png_and_back(jpeg, tmp_path):
    write(jpeg, jpeg.pixels, tmp_path / "b.png")
    assert read(tmp_path / "b.png").metadata.text("Comment") == "shot by Ada"
    photo = read(tmp_path / "b.png")
    write(photo, photo.pixels, tmp_path / "c.jpg")
    assert read(tmp_path / "c.jpg").metadata.text("Comment") == "shot by Ada"


def test_a_record_moves_from_xmp_to_a_text_and_is_there_but_once(jpeg, tmp_path):
    write(jpeg, jpeg.pixels, tmp_path / "b.jpg", "[1]")
    photo = read(tmp_path / "b.jpg")
    write(photo, photo.pixels, tmp_path / "c.png", "[2]")
    photo = read(tmp_path / "c.png")
    assert read_record(photo) == "[2]"
    assert xmp.record_in(photo.metadata.xmp) is None
    write(photo, photo.pixels, tmp_path / "d.jpg", "[3]")
    assert read_record(read(tmp_path / "d.jpg")) == "[3]"
