import json
import struct
import zlib
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from detailer.apps.files import read, read_record, write, xmp
from detailer.apps.files.chunks import split
from detailer.apps.files.exif import orientation, renewed, resolution, upright
from detailer.apps.files.infotext import infotext_of
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
    with_chunks,
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


NAME = b"Exif\0\0"


def raw_profile(kind: bytes, keyword: str, block: bytes, name: str = "exif") -> bytes:
    """A chunk with a raw profile as ImageMagick writes it."""
    lines = [block.hex()[at : at + 72] for at in range(0, 2 * len(block), 72)]
    value = "\n".join([f"\n{name}", f"{len(block):8d}", *lines, ""]).encode()
    head = keyword.encode() + b"\0"
    if kind == b"zTXt":
        return chunk(kind, head + b"\0" + zlib.compress(value))
    if kind == b"iTXt":
        return chunk(kind, head + b"\1\0en\0word\0" + zlib.compress(value))
    return chunk(kind, head + value)


def png_chunks(path) -> list[tuple[bytes, bytes]]:
    return [(each.name, each.body) for each in split(path.read_bytes())]


@pytest.mark.parametrize("turn", [3, 6, 8])
def test_exif_with_a_name_before_it_turns_a_png_and_keeps_the_name(turn, tmp_path):
    content = with_chunks(pillow(smooth(), "PNG"), chunk(b"eXIf", NAME + exif(turn)))
    photo = read(saved(tmp_path, "a.png", content))
    np.testing.assert_array_equal(photo.pixels, upright(smooth(), turn))
    write(photo, photo.pixels, tmp_path / "b.png")
    (body,) = (body for name, body in png_chunks(tmp_path / "b.png") if name == b"eXIf")
    assert body == NAME + renewed(exif(turn), photo.size)
    again = read(tmp_path / "b.png")
    np.testing.assert_array_equal(again.pixels, photo.pixels)


def test_exif_with_its_name_twice_turns_a_jpeg_and_keeps_both(tmp_path):
    content = pillow(smooth(), "JPEG", exif=NAME + NAME + exif(6))
    assert NAME + NAME + exif(6) in content
    photo = read(saved(tmp_path, "a.jpg", content))
    assert photo.size == Size(32, 48)
    write(photo, photo.pixels, tmp_path / "b.jpg")
    assert NAME + NAME + renewed(exif(6), Size(48, 32), None) in (tmp_path / "b.jpg").read_bytes()
    assert read(tmp_path / "b.jpg").size == Size(32, 48)


def test_exif_with_a_name_before_it_turns_a_webp(tmp_path):
    content = pillow(smooth(), "WEBP", lossless=True, exif=exif(6))
    named = content.replace(
        b"EXIF" + struct.pack("<L", len(exif(6))),
        b"EXIF" + struct.pack("<L", len(exif(6)) + 6) + NAME,
    )
    whole = b"RIFF" + struct.pack("<L", len(named) - 8) + named[8:]
    photo = read(saved(tmp_path, "a.webp", whole))
    np.testing.assert_array_equal(photo.pixels, upright(smooth(), 6))


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt"])
@pytest.mark.parametrize(
    ("keyword", "name"), [("Raw profile type exif", NAME), ("Raw profile type APP1", NAME),
                          ("Raw profile type exif", b"")]
)  # fmt: skip
def test_a_raw_profile_turns_a_png_and_stays_one(kind, keyword, name, tmp_path):
    profile = raw_profile(kind, keyword, name + exif(6))
    photo = read(saved(tmp_path, "a.png", with_chunks(pillow(smooth(), "PNG"), profile)))
    np.testing.assert_array_equal(photo.pixels, upright(smooth(), 6))
    assert photo.metadata.texts == ()
    write(photo, photo.pixels, tmp_path / "b.png")
    wanted = raw_profile(kind, keyword, name + renewed(exif(6), photo.size))
    assert wanted in (tmp_path / "b.png").read_bytes()
    assert b"eXIf" not in dict(png_chunks(tmp_path / "b.png"))
    np.testing.assert_array_equal(read(tmp_path / "b.png").pixels, photo.pixels)


def test_a_raw_profile_beside_exif_is_put_right_too(tmp_path):
    profile = raw_profile(b"zTXt", "Raw profile type exif", NAME + exif(3))
    content = with_chunks(pillow(smooth(), "PNG"), chunk(b"eXIf", exif(6)), profile)
    photo = read(saved(tmp_path, "a.png", content))
    np.testing.assert_array_equal(photo.pixels, upright(smooth(), 6))
    write(photo, photo.pixels, tmp_path / "b.png")
    content = (tmp_path / "b.png").read_bytes()
    assert chunk(b"eXIf", renewed(exif(6), photo.size)) in content
    again = NAME + renewed(exif(3), photo.size)
    assert raw_profile(b"zTXt", "Raw profile type exif", again) in content


@pytest.mark.parametrize("suffix", ["jpg", "webp", "tif"])
def test_a_raw_profile_goes_along_as_exif(suffix, tmp_path, caplog):
    profile = raw_profile(b"zTXt", "Raw profile type exif", NAME + exif(6))
    photo = read(saved(tmp_path, "a.png", with_chunks(pillow(smooth(), "PNG"), profile)))
    write(photo, photo.pixels, tmp_path / f"b.{suffix}")
    assert caplog.text == ""
    with Image.open(tmp_path / f"b.{suffix}") as image:
        assert image.size == (32, 48)
        assert image.getexif()[0x010F] == "Maker"
        assert image.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("spoilt", ["digits", "length", "XMP", "no EXIF", "nothing"])
def test_a_raw_profile_that_is_none_is_kept_as_a_text(spoilt, tmp_path):
    block = {"XMP": b"http://ns.adobe.com/xap/1.0/\0<x/>", "no EXIF": NAME + b"none"}
    profile = raw_profile(b"tEXt", "Raw profile type APP1", block.get(spoilt, NAME + exif(6)))
    if spoilt == "digits":
        profile = chunk(b"tEXt", b"Raw profile type APP1\0\nexif\n       2\nxyz\n")
    elif spoilt == "length":
        profile = chunk(b"tEXt", b"Raw profile type APP1\0\nexif\n      99\n4578\n")
    elif spoilt == "nothing":
        profile = chunk(b"tEXt", b"Raw profile type APP1\0")
    photo = read(saved(tmp_path, "a.png", with_chunks(pillow(smooth(), "PNG"), profile)))
    np.testing.assert_array_equal(photo.pixels, smooth())
    write(photo, photo.pixels, tmp_path / "b.png")
    assert profile in (tmp_path / "b.png").read_bytes()


def test_a1111s_words_are_found_behind_a_name_too(tmp_path):
    block = Image.Exif()
    block.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + "Steps: 20".encode("utf-16-be")
    body = NAME + block.tobytes().removeprefix(NAME)
    content = with_chunks(pillow(smooth(), "PNG"), chunk(b"eXIf", body))
    assert infotext_of(read(saved(tmp_path, "a.png", content))) == "Steps: 20"
