import json
import re
import struct
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from detailer.apps.files import read, read_record, write, xmp
from detailer.apps.files.chunks import split
from detailer.apps.files.exif import orientation, renewed, resolution
from detailer.core.geometry import Size
from tests.apps.files_made import (
    PACKET,
    THUMBNAIL,
    chunk,
    exif,
    full_png,
    pillow,
    saved,
    smooth,
    tiff,
)
from tests.core import profiles

RECORD = '{"version": 1, "skipped": ["zu groß"]}'


def full_jpeg() -> bytes:
    """A JPEG that carries all that a JPEG can."""
    content = pillow(
        smooth(),
        "JPEG",
        quality=90,
        dpi=(300, 300),
        exif=b"Exif\0\0" + exif(6, order=">"),
        xmp=PACKET,
        icc_profile=profiles.wide_gamut() + bytes(70_000),
        comment=b"shot by Ada",
    )
    more = b""
    for marker, body in (
        (0xED, b"Photoshop 3.0\x008BIM the IPTC"),
        (0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(40) + b"more"),
        (0xE2, b"MPF\0 where the other pictures lie"),
        (0xE9, b"a maker's own"),
    ):
        more += bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body
    at = content.index(b"\xff\xdb")
    return content[:at] + more + content[at:]


def segments_of(content: bytes) -> list[bytes]:
    from detailer.apps.files.segments import split as split_segments

    return [segment.body for segment in split_segments(content)[0]]


@pytest.fixture
def png(tmp_path):
    return read(saved(tmp_path, "a.png", full_png()))


@pytest.fixture
def jpeg(tmp_path):
    return read(saved(tmp_path, "a.jpg", full_jpeg()))


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
        assert tags.get(0x0112, 1) == 1
        assert tags.get_ifd(0x8769)[0xA002] == 32
        assert tags.get_ifd(0x8769)[0xA003] == 48
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


def test_a_tiff_keeps_its_tags_its_exif_and_its_gps(tmp_path):
    tags = Image.Exif()
    tags[0x010E], tags[0x013B], tags[0x9C9B] = "a title", "Ada", "XP".encode("utf-16-le")
    tags.get_ifd(0x8769)[0x9003] = "2026:01:01 00:00:00"
    tags.get_ifd(0x8825)[1] = "N"
    source = saved(tmp_path, "a.tif", pillow(smooth(), "TIFF", exif=tags.tobytes(), dpi=(200, 200)))
    photo = read(source)
    for target in ("b.tif", "b.jpg", "b.png"):
        write(photo, photo.pixels, tmp_path / target, RECORD)
        with Image.open(tmp_path / target) as image:
            again = image.getexif()
            assert again[0x010E] == "a title"
            assert again[0x013B] == "Ada"
            assert again.get_ifd(0x8769)[0x9003] == "2026:01:01 00:00:00"
            assert again.get_ifd(0x8825)[1] == "N"
            assert image.info["dpi"] == pytest.approx((200, 200), abs=0.01)
        assert read_record(read(tmp_path / target)) == RECORD


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiff_in_either_byte_order_keeps_private_tags_in_tiff_alone(order, tmp_path):
    private = (65_000, 4, 3, (1, 2, 70_000), True)
    layers = (37_724, 7, 4, b"8BIM", True)
    content = tiff(smooth(), byteorder=order, extratags=[private, layers], photometric="rgb")
    photo = read(saved(tmp_path, "a.tif", content))
    write(photo, photo.pixels, tmp_path / "b.tif")
    with Image.open(tmp_path / "b.tif") as image:
        assert image.tag_v2[65_000] == (1, 2, 70_000)
        assert 37_724 not in image.tag_v2, "layers would show the picture as it was"
        np.testing.assert_array_equal(np.asarray(image), smooth())
    write(photo, photo.pixels, tmp_path / "b.jpg")
    with Image.open(tmp_path / "b.jpg") as image:
        assert 65_000 not in image.getexif()


def test_a_large_tiff_of_the_newer_kind_is_read_with_its_profile(tmp_path):
    content = tiff(smooth(), bigtiff=True, photometric="rgb", iccprofile=profiles.srgb())
    photo = read(saved(tmp_path, "a.tif", content))
    np.testing.assert_array_equal(photo.pixels, smooth())
    assert photo.metadata.icc == profiles.srgb()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_a_renewed_block_is_upright_of_the_new_size_and_has_no_thumbnail(turn, order):
    block = exif(turn, order=order)
    assert orientation(block) == turn
    new = renewed(block, Size(70, 50))
    assert orientation(new) == 1
    assert len(new) == len(block)
    assert THUMBNAIL in block
    assert THUMBNAIL not in new
    tags = Image.Exif()
    tags.load(new)
    assert tags[0x010F] == "Maker"
    assert tags.get_ifd(0x8769) == {0xA002: 70, 0xA003: 50}
    assert tags.get_ifd(1) == {}, "the thumbnail's directory"


@given(st.binary(max_size=120), st.integers(0, 110))
def test_no_block_however_broken_upsets_the_reader(noise, at):
    block = bytearray(exif(3))
    block[at : at + len(noise)] = noise
    for content in (bytes(block), noise, bytes(block[:at])):
        assert 1 <= orientation(content) <= 8
        resolution(content)
        assert len(renewed(content, Size(3, 4))) == len(content)


def test_a_wide_side_fits_into_the_numbers_it_has():
    new = renewed(exif(1), Size(70_000, 80_000))
    tags = Image.Exif()
    tags.load(new)
    assert tags.get_ifd(0x8769) == {0xA002: 65_535, 0xA003: 80_000}


def test_a_packet_keeps_every_byte_around_the_record():
    packet = xmp.with_record(PACKET, RECORD)
    assert xmp.record_in(packet) == RECORD
    assert xmp.with_record(packet, None) == PACKET.removeprefix(b"\xef\xbb\xbf")
    assert b'rdf:about="uuid:7"' in packet.split(b"Ada")[1], "one subject for all of a packet"


def test_a_record_is_found_after_another_program_has_rewritten_the_packet():
    tree = ElementTree.fromstring(xmp.with_record(PACKET, RECORD))
    described = tree.find(".//{*}RDF")
    name = f"{{{xmp._SPACE}}}record"
    ours = described[-1]
    described[0].set(name, ours[0].text)
    described.remove(ours)
    assert xmp.record_in(ElementTree.tostring(tree)) == RECORD


@pytest.mark.parametrize(
    "packet", [b"no xml", b"<a/>", b"\xff\xfe<\0", PACKET[:-60], b"<!DOCTYPE a>" + PACKET]
)
def test_a_packet_that_cannot_be_read_stays_as_it_is(packet, caplog):
    assert xmp.with_record(packet, RECORD) == packet
    assert "the record is not written" in caplog.text
    assert xmp.record_in(packet) is None
    assert xmp.upright(packet) == packet


@pytest.mark.parametrize(
    "mark", [b'tiff:Orientation="6"', b"<tiff:Orientation>6</tiff:Orientation>"]
)
def test_the_orientation_in_xmp_is_put_right(mark):
    packet = (
        PACKET.replace(b'tiff:Orientation="6"', mark)
        if mark[:1] != b"<"
        else PACKET.replace(b"<dc:creator>", mark + b"<dc:creator>")
    )
    assert mark.replace(b"6", b"1") in xmp.upright(packet)


@given(st.text(alphabet=st.characters(), max_size=60), st.sampled_from([1, 500]))
def test_any_record_comes_back_from_xmp(text, times):
    record = (text or "x") * times
    for packet in (None, PACKET):
        assert xmp.record_in(xmp.with_record(packet, record)) == record


def test_a_record_of_two_hundred_kilobytes_fits_into_a_jpeg(jpeg, tmp_path):
    regions = [
        {"box": [i, 2 * i, 3 * i, 4 * i], "seed": 2**40 + i, "size": 512} for i in range(3500)
    ]
    record = json.dumps(regions)
    assert len(record) > 190_000
    write(jpeg, jpeg.pixels, tmp_path / "b.jpg", record)
    assert read_record(read(tmp_path / "b.jpg")) == record


def test_a_record_too_large_for_a_jpeg_costs_only_itself(jpeg, tmp_path, caplog):
    record = np.random.default_rng(0).bytes(100_000).hex()
    write(jpeg, jpeg.pixels, tmp_path / "b.jpg", record)
    again = read(tmp_path / "b.jpg")
    assert read_record(again) is None
    assert b"Ada" in again.metadata.xmp
    assert "more than a JPEG can hold" in caplog.text


def test_a_broken_profile_is_kept_and_changes_no_colour(tmp_path):
    for form, name in (("PNG", "a.png"), ("JPEG", "a.jpg"), ("TIFF", "a.tif")):
        photo = read(saved(tmp_path, name, pillow(smooth(), form, icc_profile=b"broken")))
        assert photo.colour.plain
        write(photo, photo.pixels, tmp_path / f"b{name}")
        assert read(tmp_path / f"b{name}").metadata.icc == b"broken"


def test_a_profile_of_which_a_part_is_missing_is_none(tmp_path):
    content = full_jpeg()
    second = content.index(b"ICC_PROFILE\0\x02")
    content = content[: second + 12] + b"\x03" + content[second + 13 :]
    assert read(saved(tmp_path, "a.jpg", content)).metadata.icc is None


def test_an_animation_leaves_no_trace_in_a_still_png(tmp_path):
    content = full_png()
    at = content.index(b"IDAT") - 4
    control = chunk(b"acTL", struct.pack(">LL", 1, 0))
    control += chunk(b"fcTL", struct.pack(">5LHHBB", 0, 48, 32, 0, 0, 1, 10, 0, 0))
    photo = read(saved(tmp_path, "a.png", content[:at] + control + content[at:]))
    write(photo, photo.pixels, tmp_path / "b.png")
    content = (tmp_path / "b.png").read_bytes()
    assert b"acTL" not in content
    assert b"fcTL" not in content
