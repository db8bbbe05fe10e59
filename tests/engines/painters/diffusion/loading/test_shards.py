"""Parts of folders: in one file, or in several with a list."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from detailer.engines.painters.diffusion.loading.shards import read_json, read_part, weights_file
from detailer.errors import EngineError


def shard(folder, name, **numbers):
    save_file({key: np.zeros(each, np.float16) for key, each in numbers.items()}, folder / name)


def listed(folder, stem="diffusion_pytorch_model", **places):
    path = folder / f"{stem}.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return path


def test_a_part_in_shards_is_read_as_one(tmp_path):
    shard(tmp_path, "one.safetensors", a=3)
    shard(tmp_path, "two.safetensors", b=4, c=5)
    listed(tmp_path, a="one.safetensors", b="two.safetensors", c="two.safetensors")
    assert sorted(read_part(tmp_path).weights) == ["a", "b", "c"]


def test_a_part_without_weights_is_none(tmp_path):
    assert read_part(tmp_path) is None


def test_a_variant_is_preferred_and_the_plain_file_taken_without_it(tmp_path):
    shard(tmp_path, "model.safetensors", plain=1)
    assert list(read_part(tmp_path, "fp16").weights) == ["plain"]
    shard(tmp_path, "model.fp16.safetensors", narrow=1)
    assert list(read_part(tmp_path, "fp16").weights) == ["narrow"]
    assert weights_file(tmp_path).name == "model.safetensors"


def test_a_missing_shard_is_named(tmp_path):
    listed(tmp_path, a="one.safetensors")
    with pytest.raises(EngineError, match=r"lacks one\.safetensors"):
        read_part(tmp_path)


def test_a_tensor_that_no_shard_holds_is_named(tmp_path):
    shard(tmp_path, "one.safetensors", a=3)
    listed(tmp_path, a="one.safetensors", b="one.safetensors")
    with pytest.raises(EngineError, match="lacks b"):
        read_part(tmp_path)


@pytest.mark.parametrize("name", ["../one.safetensors", "/etc/passwd", 3, None])
def test_a_list_that_leads_out_of_its_folder_is_refused(tmp_path, name):
    listed(tmp_path, a=name)
    with pytest.raises(EngineError, match="no list of weights"):
        read_part(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", '"x"', "\udcff"])
def test_a_file_that_is_no_table_is_refused(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(EngineError, match=r"a\.json"):
        read_json(path)
