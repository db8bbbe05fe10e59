"""CLIP's tokenizer from the packaged vocabulary."""

from __future__ import annotations

import json

import pytest

from detailer.engines.painters.diffusion.loading import tokenizers
from detailer.engines.painters.diffusion.loading.folders import read_index
from detailer.engines.painters.diffusion.loading.tokenizers import (
    has_packaged_clip,
    packaged_clip,
)
from detailer.engines.painters.diffusion.loading.tokenizing import tokenizers_for
from detailer.errors import MissingEngineError
from tests.engines.painters.diffusion import tiny

TEXTS = ["a photo of a cat", "Naïve CAFÉ — 10% off, isn't it?", "写真 😀", "", "x" * 50]


@pytest.fixture
def clip():
    if not has_packaged_clip():
        pytest.skip("CLIP's vocabulary comes with open_clip_torch, which is not installed")
    return packaged_clip()


@pytest.fixture
def without_package(monkeypatch):
    def missing(*_):
        raise MissingEngineError("not here")

    monkeypatch.setattr(tokenizers, "installed_file", missing)


@pytest.mark.parametrize("text", TEXTS)
def test_it_numbers_words_as_open_clip_does(clip, text):
    theirs = pytest.importorskip("open_clip").tokenizer.SimpleTokenizer()
    assert clip(text).input_ids == [49406, *theirs.encode(text), 49407]


def test_short_texts_are_filled_up_with_the_end_of_text(clip):
    numbers = clip("a cat", padding="max_length").input_ids
    assert (len(numbers), numbers[:5], numbers[-1]) == (77, [49406, 320, 2368, 49407, 49407], 49407)


def test_open_clips_are_filled_up_with_zero(clip):
    other = packaged_clip("!")
    assert other("a cat", padding="max_length").input_ids[-1] == 0
    assert len(other) == len(clip) == 49408


@pytest.mark.usefixtures("without_package")
def test_without_the_package_there_is_none():
    assert not has_packaged_clip()
    assert packaged_clip() is None


def folder_without_tokenizers(path, act, kind="CLIPTokenizer"):
    index = {
        "_class_name": "StableDiffusionPipeline",
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", kind],
    }
    (path / "model_index.json").write_text(json.dumps(index))
    (path / "text_encoder").mkdir()
    (path / "text_encoder" / "config.json").write_text(json.dumps({"hidden_act": act}))
    return read_index(path)


@pytest.mark.usefixtures("clip")
@pytest.mark.parametrize(("act", "filling"), [("quick_gelu", 49407), ("gelu", 0)])
def test_a_folder_without_a_vocabulary_gets_its_text_encoders_tokenizer(tmp_path, act, filling):
    made = tokenizers_for(folder_without_tokenizers(tmp_path, act))
    assert made["tokenizer"]("a", padding="max_length").input_ids[-1] == filling


def test_other_kinds_of_tokenizer_cannot_be_made(tmp_path):
    index = folder_without_tokenizers(tmp_path, "gelu", "T5TokenizerFast")
    assert tokenizers_for(index) == {"tokenizer": None}


@pytest.mark.usefixtures("without_package")
def test_without_the_package_a_folder_gets_no_tokenizer(tmp_path):
    assert tokenizers_for(folder_without_tokenizers(tmp_path, "gelu")) == {"tokenizer": None}


def test_a_folder_keeps_its_own_tokenizers():
    assert tokenizers_for(read_index(tiny.folder("sdxl"))) == {}
