"""Headers of safetensors files: read, and not believed."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from detailer.engines.painters.diffusion.loading.headers import read_header
from detailer.errors import EngineError


def file_of(path: Path, header: object, content: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content)
    return path


def entry(dtype: str = "F32", shape: object = (1,), places: object = (0, 4)) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": places}


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    arrays = {"a": np.zeros((2, 3), np.float32), "b": np.ones(5, np.float16)}
    save_file(arrays, tmp_path / "whole.safetensors", metadata={"made": "by us"})
    return tmp_path / "whole.safetensors"


def test_a_header_tells_types_shapes_and_notes(whole):
    header = read_header(whole)
    assert {name: (each.dtype, each.shape) for name, each in header.weights.items()} == {
        "a": ("F32", (2, 3)),
        "b": ("F16", (5,)),
    }
    assert header.notes == {"made": "by us"}
    assert [header.weights[name].bytes for name in "ab"] == [24, 10]


def test_a_weight_begins_where_it_is_said_to(whole):
    weight = read_header(whole).weights["b"]
    with whole.open("rb") as file:
        file.seek(weight.start)
        assert np.frombuffer(file.read(weight.bytes), np.float16).tolist() == [1.0] * 5


def test_under_a_beginning_names_lose_it(whole):
    assert list(read_header(whole).under("a")) == [""]


def test_a_file_that_is_cut_short_is_told_with_both_sizes(whole):
    content = whole.read_bytes()
    for size in (len(content) - 1, len(content) // 2, 20, 4, 0):
        whole.write_bytes(content[:size])
        with pytest.raises(EngineError, match=f"cut short: it has {size} bytes, expected"):
            read_header(whole)


def test_the_expected_size_is_the_whole_files(whole):
    content = whole.read_bytes()
    whole.write_bytes(content[:-7])
    with pytest.raises(EngineError, match=f"expected {len(content)};"):
        read_header(whole)


@pytest.mark.parametrize(
    ("begin", "what"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "git-lfs pointer"),
        (b"<!DOCTYPE html><html>", "web page"),
    ],
)
def test_what_people_fetch_by_mistake_is_named(tmp_path, begin, what):
    path = tmp_path / "a.safetensors"
    path.write_bytes(begin)
    with pytest.raises(EngineError, match=what):
        read_header(path)


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (b"{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b'{"a":1,"a":1}', "twice"),
        (b"[" * 100_000, "no JSON"),
        ([], "no table"),
        ({"__metadata__": 3}, "notes"),
        ({"a": 3}, "'a'"),
        ({"a": entry(dtype="F31")}, "'a'"),
        ({"a": entry(shape=[-1])}, "'a'"),
        ({"a": entry(shape=[True])}, "'a'"),
        ({"a": entry(shape="x")}, "'a'"),
        ({"a": entry(places=[0])}, "'a'"),
        ({"a": entry(places=[0, 8])}, "4 bytes, but has 8"),
        ({"a": entry(), "b": entry(places=(2, 6))}, "overlaps"),
        ({"a": entry(), "b": entry(places=(6, 10))}, "gap"),
        ({"a": entry(places=(4, 8))}, "gap"),
    ],
)
def test_a_header_that_contradicts_itself_is_refused(tmp_path, header, why):
    path = file_of(tmp_path / "a.safetensors", header, bytes(16))
    with pytest.raises(EngineError, match=why):
        read_header(path)


def test_a_header_of_absurd_length_is_not_read(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes((1 << 60).to_bytes(8, "little") + bytes(8))
    with pytest.raises(EngineError, match="header would have"):
        read_header(path)


def test_what_follows_the_last_tensor_is_no_part_of_the_file(tmp_path):
    path = file_of(tmp_path / "a.safetensors", {"a": entry()}, bytes(9))
    with pytest.raises(EngineError, match="5 bytes follow"):
        read_header(path)


def test_a_tensor_without_numbers_takes_no_room(tmp_path):
    header = {"a": entry(shape=[0], places=(0, 0)), "b": entry()}
    weights = read_header(file_of(tmp_path / "a.safetensors", header, bytes(4))).weights
    assert [weights[name].bytes for name in "ab"] == [0, 4]


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(EngineError, match="cannot be read"):
        read_header(tmp_path)


@given(content=st.binary(max_size=64), length=st.integers(0, 64))
def test_whatever_a_file_holds_it_is_read_or_refused(tmp_path_factory, content, length):
    path = tmp_path_factory.mktemp("any") / "a.safetensors"
    path.write_bytes(length.to_bytes(8, "little") + content)
    with contextlib.suppress(EngineError):
        assert sum(each.bytes for each in read_header(path).weights.values()) <= len(content)
