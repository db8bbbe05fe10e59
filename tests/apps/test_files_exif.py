import json
import struct
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from detailer.apps.files import read, read_record, write, xmp
from detailer.apps.files.exif import orientation, renewed, resolution
from detailer.core.geometry import Size
from tests.apps.files_made import (
    PACKET,
    RECORD,
    THUMBNAIL,
    chunk,
    exif,
    full_jpeg,
    full_png,
    pillow,
    saved,
    smooth,
    tiff,
)
from tests.core import profiles


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


def test_a_block_renewed_for_a_file_that_stays_turned_keeps_its_orientation():
    new = renewed(exif(6), Size(70, 50), None)
    assert orientation(new) == 6
    assert THUMBNAIL not in new


@given(st.binary(max_size=120), st.integers(0, 110))
def test_no_block_however_broken_upsets_the_reader(noise, at):
    block = bytearray(exif(3))
    block[at : at + len(noise)] = noise
    for content in (bytes(block), noise, bytes(block[:at])):
        assert 1 <= orientation(content) <= 8
        resolution(content)
        assert len(renewed(content, Size(3, 4))) == len(content)


def test_a_directory_that_points_back_at_itself_many_times_is_read_to_its_end():
    pointer = struct.pack("<HHLL", 0x8769, 4, 1, 8)
    block = b"II*\0" + struct.pack("<LH", 8, 2000) + 2000 * pointer + bytes(4)
    assert orientation(block) == 1


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
