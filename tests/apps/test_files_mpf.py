"""JPEGs with further pictures behind the first: gain maps, MPO, films."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.MpoImagePlugin import MpoImageFile
from PIL.PngImagePlugin import PngInfo

from detailer.apps.files import Write, read, read_record, write
from detailer.apps.files.segments import end_of
from detailer.core.geometry import Size
from detailer.errors import DetailerError
from tests.apps.files_made import exif as exif_block
from tests.apps.files_made import pillow, saved, smooth

HDR, GOOGLE = "http://ns.adobe.com/hdr-gain-map/1.0/", "http://ns.google.com/photos/1.0/"
ISO = b"urn:iso:std:iso:ts:21496:-1\0"
FORMS = ("Ultra HDR", "ISO 21496-1", "Apple")
FORMATS = {"png": "PNG", "webp": "WebP", "tif": "TIFF", "avif": "AVIF"}
FILM = b"\0\0\0\x18ftypmp42 a film"


def packet(inside: str) -> bytes:
    """XMP with a creator and more."""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF'
        ' xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
        f' xmlns:dc="http://purl.org/dc/elements/1.1/" dc:creator="Ada" xmlns:hdrgm="{HDR}"'
        f' xmlns:C="{GOOGLE}container/" xmlns:Item="{GOOGLE}container/item/"'
        f' xmlns:GCamera="{GOOGLE}camera/" xmlns:ap="http://ns.apple.com/HDRGainMap/1.0/"'
        f" {inside}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def directory(length: int) -> str:
    items = (
        '<C:Item Item:Semantic="Primary" Item:Mime="image/jpeg"/>',
        f'<C:Item Item:Semantic="GainMap" Item:Mime="image/jpeg" Item:Length="{length}"/>',
    )
    listed = "".join(f'<rdf:li rdf:parseType="Resource">{item}</rdf:li>' for item in items)
    return f"<C:Directory><rdf:Seq>{listed}</rdf:Seq></C:Directory>"


def with_segment(content: bytes, marker: int, body: bytes) -> bytes:
    at = content.index(b"\xff\xdb")
    segment = bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body
    return content[:at] + segment + content[at:]


def iso_metadata(least: int = 0) -> bytes:
    values = (0, 1, 3, 1, least, 1, 3, 1, 1, 1, 1, 64, 1, 64)
    return ISO + struct.pack(">HHB", 0, 0, 0x40) + struct.pack(">" + "iI" * 7, *values)


def gain_map(form: str = "Ultra HDR", least: float = 0) -> bytes:
    """A map of 64 x 48 that brightens the right half."""
    gains = np.zeros((48, 64), np.uint8)
    gains[:, 32:] = 200
    if form == "Ultra HDR":
        told = f'hdrgm:Version="1.0" hdrgm:GainMapMin="{least}" hdrgm:GainMapMax="3.0">'
        return pillow(gains, "JPEG", xmp=packet(told))
    if form == "Apple":
        kind = "urn:com:apple:photo:2020:aux:hdrgainmap"
        space = "http://ns.apple.com/pixeldatainfo/1.0/"
        told = f'xmlns:apdi="{space}" apdi:AuxiliaryImageType="{kind}">'
        return pillow(gains, "JPEG", xmp=packet(told))
    return with_segment(pillow(gains, "JPEG"), 0xE2, iso_metadata(int(least)))


def several(first: bytes, *others: bytes, order: str = ">") -> bytes:
    """A file of several JPEGs with an index."""
    body = b"MPF\0" + struct.pack(order + "2sHL", b"MM" if order == ">" else b"II", 42, 8)
    count = 1 + len(others)
    body += struct.pack(order + "H", 3)
    body += struct.pack(order + "HHL4s", 0xB000, 7, 4, b"0100")
    body += struct.pack(order + "HHLL", 0xB001, 4, 1, count)
    body += struct.pack(order + "HHLL", 0xB002, 7, 16 * count, 8 + 2 + 36 + 4)
    body += struct.pack(order + "L", 0)
    whole = with_segment(first, 0xE2, body + bytes(16 * count))
    origin = whole.index(b"MPF\0") + 4
    entries, at = struct.pack(order + "LLLHH", 0x030000, len(whole), 0, 0, 0), len(whole)
    for other in others:
        entries += struct.pack(order + "LLLHH", 0, len(other), at - origin, 0, 0)
        at += len(other)
    return whole.replace(body + bytes(16 * count), body + entries) + b"".join(others)


def hdr(form: str = "Ultra HDR", orientation: int = 1, least: float = 0, order: str = ">") -> bytes:
    """A photograph of 256 x 192 with a gain map."""
    more = gain_map(form, least)
    told = {
        "Ultra HDR": f'hdrgm:Version="1.0">{directory(len(more))}',
        "Apple": 'ap:HDRGainMapVersion="65536">',
        "ISO 21496-1": ">",
    }[form]
    block = b"Exif\0\0" + exif_block(orientation)
    first = pillow(smooth(256, 192), "JPEG", quality=90, xmp=packet(told), exif=block)
    if form == "ISO 21496-1":
        first = with_segment(first, 0xE2, ISO + bytes(4))
    return several(first, more, order=order)


def painted(photo, left: int, top: int) -> np.ndarray:
    pixels = photo.pixels.copy()
    pixels[top : top + 40, left : left + 40] //= 2
    return pixels


def second(path) -> bytes:
    """The second picture of a file, by its index, as another reader finds it."""
    content = path.read_bytes()
    # Pillow itself takes an Ultra HDR file for a plain JPEG.
    with MpoImageFile(path) as image:
        assert image.n_frames == 2
        entry = image.mpinfo[0xB002][1]
        origin = content.index(b"MPF\0") + 4
        assert image.mpinfo[0xB002][0]["Size"] == origin + entry["DataOffset"]
        image.seek(1)
        image.load()
    return content[origin + entry["DataOffset"] :][: entry["Size"]]


def assert_alone(path) -> None:
    """Neither a further picture nor a word of one is left, and all else is."""
    content = path.read_bytes()
    assert end_of(content) == len(content)
    for claim in (b"MPF\0", b"hdrgm", b"gain-map", b"Directory", b"GainMap", b"MotionPhoto", ISO):
        assert claim not in content
    with Image.open(path) as image:
        assert image.format == "JPEG"
        assert b'dc:creator="Ada"' in image.info["xmp"]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("form", FORMS)
def test_where_nothing_was_painted_the_gain_map_stays(form, order, tmp_path, caplog):
    path = saved(tmp_path, "a.jpg", hdr(form, order=order))
    photo = read(path)
    write(photo, photo.pixels, tmp_path / "b.jpg", '{"a": "' + "long" * 500 + '"}')
    assert second(tmp_path / "b.jpg") == second(path) == gain_map(form)
    claims = {"Ultra HDR": b'hdrgm:Version="1.0"', "Apple": b"HDRGainMapVersion"}
    assert claims.get(form, ISO) in (tmp_path / "b.jpg").read_bytes()
    assert read_record(read(tmp_path / "b.jpg")).startswith('{"a": "long')
    assert caplog.text == ""


@pytest.mark.parametrize("form", FORMS)
def test_a_gain_map_that_brightens_nothing_under_the_painted_part_stays(form, tmp_path, caplog):
    photo = read(saved(tmp_path, "a.jpg", hdr(form)))
    write(photo, painted(photo, 10, 60), tmp_path / "b.jpg", '{"a": 1}')
    assert second(tmp_path / "b.jpg") == gain_map(form)
    assert caplog.text == ""


@pytest.mark.parametrize("form", FORMS)
def test_a_gain_map_of_what_was_painted_over_is_left_out_with_its_claims(form, tmp_path, caplog):
    photo = read(saved(tmp_path, "a.jpg", hdr(form)))
    write(photo, painted(photo, 100, 60), tmp_path / "b.jpg", '{"a": 1}')
    assert_alone(tmp_path / "b.jpg")
    assert "the gain map is of what was there before, and is left out" in caplog.text
    assert read_record(read(tmp_path / "b.jpg")) == '{"a": 1}'


@pytest.mark.parametrize("form", ["Ultra HDR", "ISO 21496-1"])
def test_a_gain_map_whose_zero_darkens_is_left_out(form, tmp_path):
    photo = read(saved(tmp_path, "a.jpg", hdr(form, least=-1)))
    write(photo, painted(photo, 10, 60), tmp_path / "b.jpg")
    assert_alone(tmp_path / "b.jpg")


@pytest.mark.parametrize(("orientation", "stays"), [(1, True), (3, False), (6, False), (8, True)])
def test_a_gain_map_lies_as_the_picture_is_stored(orientation, stays, tmp_path):
    photo = read(saved(tmp_path, "a.jpg", hdr(orientation=orientation)))
    size = photo.size
    # 3: the right is stored left; 6: the top is stored left; 8: the bottom is.
    left, top = {1: (4, 4), 3: (4, 4), 6: (4, size.height - 50), 8: (4, size.height - 50)}[
        orientation
    ]
    write(photo, painted(photo, left, top), tmp_path / "b.jpg")
    assert (b"MPF\0" in (tmp_path / "b.jpg").read_bytes()) is stays


def test_a_picture_of_another_size_has_no_gain_map(tmp_path, caplog):
    photo = read(saved(tmp_path, "a.jpg", hdr()))
    write(photo, photo.pixels.repeat(2, axis=0).repeat(2, axis=1), tmp_path / "b.jpg")
    assert_alone(tmp_path / "b.jpg")
    assert "the gain map" in caplog.text


def test_a_quality_alone_leaves_the_gain_map(tmp_path):
    photo = read(saved(tmp_path, "a.jpg", hdr()))
    write(photo, photo.pixels, tmp_path / "b.jpg", settings=Write(quality=60))
    assert second(tmp_path / "b.jpg") == gain_map()


@pytest.mark.parametrize("suffix", ["png", "webp", "tif", "avif"])
def test_other_formats_do_not_claim_a_gain_map(suffix, tmp_path, caplog):
    photo = read(saved(tmp_path, "a.jpg", hdr()))
    write(photo, photo.pixels, tmp_path / f"b.{suffix}")
    packet = read(tmp_path / f"b.{suffix}").metadata.xmp
    assert b"hdrgm" not in packet
    assert b"Directory" not in packet
    assert b'dc:creator="Ada"' in packet
    assert f"{FORMATS[suffix]} has no place for the gain map" in caplog.text


@pytest.mark.parametrize("suffix", ["png", "webp", "tif", "avif"])
def test_further_pictures_do_not_go_silently_into_other_formats(suffix, tmp_path, caplog):
    other = pillow(smooth(), "JPEG")
    photo = read(saved(tmp_path, "a.jpg", several(pillow(smooth(), "JPEG"), other, other)))
    write(photo, photo.pixels, tmp_path / f"b.{suffix}")
    assert f"{FORMATS[suffix]} has no place for 2 other pictures" in caplog.text


def test_a_claim_in_a_png_goes_without_a_word_on_pictures_that_it_never_had(tmp_path, caplog):
    first = pillow(smooth(), "JPEG", xmp=packet('hdrgm:Version="1.0">'))
    write(read(saved(tmp_path, "a.jpg", first)), smooth(), tmp_path / "b.webp")
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", packet('hdrgm:Version="1.0">').decode())
    photo = read(saved(tmp_path, "a.png", pillow(smooth(), "PNG", pnginfo=text)))
    write(photo, photo.pixels, tmp_path / "c.webp")
    for name in ("b.webp", "c.webp"):
        assert b"hdrgm" not in read(tmp_path / name).metadata.xmp
    assert not caplog.text


def test_further_pictures_stay_where_nothing_was_painted(tmp_path):
    other = pillow(255 - smooth(), "JPEG", exif=b"Exif\0\0" + exif_block())
    path = saved(tmp_path, "a.jpg", several(pillow(smooth(), "JPEG", xmp=packet(">")), other))
    photo = read(path)
    assert photo.size == Size(48, 32)
    write(photo, photo.pixels, tmp_path / "b.jpg", '{"a": 1}')
    assert second(tmp_path / "b.jpg") == other


def test_further_pictures_of_a_painted_one_are_left_out(tmp_path, caplog):
    other = pillow(smooth(), "JPEG")
    content = several(pillow(smooth(), "JPEG", xmp=packet(">")), other, other)
    photo = read(saved(tmp_path, "a.jpg", content))
    write(photo, 255 - photo.pixels, tmp_path / "b.jpg")
    assert_alone(tmp_path / "b.jpg")
    assert "2 other pictures" in caplog.text


def test_a_preview_beside_a_gain_map_takes_it_along(tmp_path, caplog):
    first = pillow(smooth(256, 192), "JPEG", xmp=packet('hdrgm:Version="1.0">'))
    content = several(first, gain_map(), pillow(smooth(), "JPEG"))
    photo = read(saved(tmp_path, "a.jpg", content))
    write(photo, painted(photo, 10, 60), tmp_path / "b.jpg")
    assert_alone(tmp_path / "b.jpg")
    assert "the gain map and 1 other picture" in caplog.text


@pytest.mark.parametrize("is_painted", [False, True])
def test_a_film_behind_a_picture_goes_with_its_claims_when_it_is_painted(is_painted, tmp_path):
    told = packet(f'GCamera:MotionPhoto="1" GCamera:MicroVideoOffset="{len(FILM)}">')
    photo = read(saved(tmp_path, "a.jpg", pillow(smooth(), "JPEG", xmp=told) + FILM))
    pixels = 255 - photo.pixels if is_painted else photo.pixels
    write(photo, pixels, tmp_path / "b.jpg", '{"a": 1}')
    if is_painted:
        assert_alone(tmp_path / "b.jpg")
        assert b"MicroVideo" not in (tmp_path / "b.jpg").read_bytes()
    else:
        content = (tmp_path / "b.jpg").read_bytes()
        assert content.endswith(FILM)
        assert f'MicroVideoOffset="{len(FILM)}"'.encode() in content


def test_padding_behind_a_picture_is_not_worth_a_word(tmp_path, caplog):
    photo = read(saved(tmp_path, "a.jpg", pillow(smooth(), "JPEG") + bytes(100)))
    write(photo, 255 - photo.pixels, tmp_path / "b.jpg")
    assert caplog.text == ""


def test_an_index_of_pictures_that_are_not_there_is_left_out(tmp_path):
    content = hdr()[: -len(gain_map())]
    photo = read(saved(tmp_path, "a.jpg", content))
    write(photo, photo.pixels, tmp_path / "b.jpg", '{"a": 1}')
    assert b"MPF\0" not in (tmp_path / "b.jpg").read_bytes()


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("rows", [0, 1])
@pytest.mark.parametrize("behind", [b"", FILM, b"\xff\xd9\xff\xd8", bytes(9), gain_map()])
def test_the_end_of_a_picture_is_found_whatever_follows(progressive, rows, behind):
    noise = np.random.default_rng(0).integers(0, 255, (40, 56, 3), np.uint8)
    content = pillow(noise, "JPEG", progressive=progressive, restart_marker_rows=rows, quality=98)
    assert end_of(content + behind) == len(content)
    assert end_of(content[:-2]) == len(content) - 2
    assert end_of(content[:-2] + content) == len(content) - 2


_WHOLE = hdr()


@given(st.integers(0, len(_WHOLE) - 1), st.binary(min_size=1, max_size=8), st.booleans())
def test_no_damage_to_a_file_upsets_the_program_or_the_result(
    tmp_path_factory, at, noise, is_painted
):
    folder = tmp_path_factory.mktemp("files")
    content = bytearray(_WHOLE)
    content[at : at + len(noise)] = noise
    try:
        photo = read(saved(folder, "a.jpg", bytes(content)))
        pixels = photo.pixels.copy()
        pixels[:9, :9] //= 1 + is_painted
        write(photo, pixels, folder / "b.jpg", '{"a": 1}')
    except DetailerError:
        return
    again = read(folder / "b.jpg")
    assert again.size == photo.size
    if not is_painted:
        np.testing.assert_array_equal(again.pixels, photo.pixels)


def test_libultrahdr_reads_what_stays(tmp_path):
    codecs = pytest.importorskip("imagecodecs")
    if not codecs.ULTRAHDR.available:
        pytest.skip("this imagecodecs has no libultrahdr")
    light = np.random.default_rng(0).random((48, 64, 1)) * 4
    pixels = np.concatenate([np.repeat(light, 3, axis=2), np.ones((48, 64, 1))], axis=2)
    content = codecs.ultrahdr_encode(pixels.astype(np.float16))
    photo = read(saved(tmp_path, "a.jpg", content))
    write(photo, photo.pixels, tmp_path / "b.jpg", '{"a": 1}')
    again = codecs.ultrahdr_decode((tmp_path / "b.jpg").read_bytes())
    np.testing.assert_array_equal(again, codecs.ultrahdr_decode(content))
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "MPO"
