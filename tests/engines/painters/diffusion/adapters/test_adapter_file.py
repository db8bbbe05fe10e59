"""Adapter file: every key is read, applied, or named."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from detailer.engines.painters.diffusion.adapters.adapter_file import read_adapter
from detailer.engines.painters.diffusion.adapters.lora import Loras
from detailer.engines.painters.diffusion.text.inversion import Inversion
from detailer.errors import EngineError, InputError
from tests.engines.painters.diffusion import tiny
from tests.engines.painters.diffusion.lora_files import (
    FIRST,
    SECOND,
    TEXT,
    UNET,
    expect,
    lora,
    peft,
)

SPELLINGS = {
    "kohya": ("lora_unet_{flat}", ".lora_down.weight", ".lora_up.weight"),
    "kohya_original": ("lora_unet_{flat_original}", ".lora_down.weight", ".lora_up.weight"),
    "comfyui_original": ("diffusion_model.{original}", ".lora_down.weight", ".lora_up.weight"),
    "comfyui": ("diffusion_model.{name}", ".lora_A.weight", ".lora_B.weight"),
    "peft": ("base_model.model.unet.{name}", ".lora_A.weight", ".lora_B.weight"),
    "peft_bare": ("base_model.model.{name}", ".lora_A.weight", ".lora_B.weight"),
    "peft_named": ("unet.{name}", ".lora_A.default.weight", ".lora_B.default.weight"),
    "without_prefix": ("{name}", ".lora_A.weight", ".lora_B.weight"),
    "without_weight": ("{name}", ".lora_A", ".lora_B"),
    "diffusers": ("unet.{name}", ".lora.down.weight", ".lora.up.weight"),
    "old_diffusers": ("unet.{processor}", "_lora.down.weight", "_lora.up.weight"),
    "lycoris": ("lycoris_{flat}", ".lora_down.weight", ".lora_up.weight"),
}


@pytest.fixture
def sd15() -> Any:
    return tiny.sd15()


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_layer_is_found_by_each_spelling(sd15: Any, tmp_path: Path, spelling: str) -> None:
    stem, down, up = SPELLINGS[spelling]
    original = "input_blocks.3.1.transformer_blocks.0.attn2.to_k"
    key = stem.format(
        name=UNET, flat=UNET.replace(".", "_"), original=original,
        flat_original=original.replace(".", "_"),
        processor=UNET.replace(".to_k", ".processor.to_k"),
    )  # fmt: skip
    save_file({key + down: FIRST.down, key + up: FIRST.up}, tmp_path / "a.safetensors")
    Loras(sd15, (str(tmp_path),)).use((lora("a", 0.5),))
    expect(sd15, f"unet.{UNET}", lambda x: FIRST(x) * 0.5)


def test_what_is_not_applied_is_said_once_by_count_and_name(
    sd15: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = peft(tmp_path / "part.safetensors", {f"unet.{UNET}": FIRST, "unet.no.such": SECOND})
    tensors = dict(load_file(path))
    tensors |= {
        "unet.down_blocks.0.something": torch.ones(1),
        f"unet.{UNET}.oft_blocks": torch.ones(1),
    }
    save_file(tensors, path)
    loras = Loras(sd15, (str(tmp_path),))
    with caplog.at_level(logging.WARNING):
        loras.use((lora("part"),))
        loras.use(())
        loras.use((lora("part", 0.5),))
    expect(sd15, f"unet.{UNET}", lambda x: FIRST(x) * 0.5)
    (said,) = caplog.messages
    assert "part.safetensors: 4 of its 6 tensors are not applied, as OFT is not known here" in said
    for name in ("unet.no.such.lora_A.weight", "unet.no.such.lora_B.weight",
                 "unet.down_blocks.0.something", f"unet.{UNET}.oft_blocks"):  # fmt: skip
        assert name in said


def test_nothing_is_said_of_a_file_that_is_applied_whole(
    sd15: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    peft(tmp_path / "a.safetensors", {f"unet.{UNET}": FIRST, f"text_encoder.{TEXT}": SECOND})
    Loras(sd15, (str(tmp_path),)).use((lora("a"),))
    assert not caplog.messages


@pytest.mark.parametrize(
    ("end", "form"), [("oft_blocks", "OFT"), ("boft_blocks", "BOFT"), ("a1.weight", "GLoRA")]
)
def test_a_form_that_is_not_known_is_an_error_that_names_it(
    sd15: Any, tmp_path: Path, end: str, form: str
) -> None:
    save_file(
        {f"lora_unet_{UNET}.{end}".replace(".", "_", 6): torch.ones(4, 2, 2)},
        tmp_path / "o.safetensors",
    )
    with pytest.raises(EngineError, match=rf"o\.safetensors .*{form} is not known here; known are"):
        Loras(sd15, (str(tmp_path),)).use((lora("o"),))


def test_a_file_without_any_adapter_is_an_error(sd15: Any, tmp_path: Path) -> None:
    save_file({"conv.weight": torch.ones(2)}, tmp_path / "o.safetensors")
    with pytest.raises(EngineError, match="nothing in it is the name of an adapter's layer"):
        Loras(sd15, (str(tmp_path),)).use((lora("o"),))


def test_a_magnitude_of_another_size_is_an_error(sd15: Any, tmp_path: Path) -> None:
    path = peft(tmp_path / "d.safetensors", {f"unet.{UNET}": FIRST})
    save_file({**load_file(path), f"unet.{UNET}.dora_scale": torch.ones(7, 1)}, path)
    with pytest.raises(EngineError, match=r"d\.safetensors .*magnitude of 7 numbers .*here 32"):
        Loras(sd15, (str(tmp_path),)).use((lora("d"),))


def test_half_of_a_pair_is_not_applied_and_named(
    sd15: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = peft(tmp_path / "h.safetensors", {f"unet.{UNET}": FIRST})
    half = {f"text_encoder.{TEXT}.lora_A.weight": SECOND.down}
    save_file({**load_file(path), **half}, path)
    Loras(sd15, (str(tmp_path),)).use((lora("h"),))
    assert f"1 of its 3 tensors are not applied: text_encoder.{TEXT}.lora_A.weight" in caplog.text


BUNDLES = {
    "sd1": {"bundle_emb.my.word.string_to_param.*": torch.full((2, 32), 0.5)},
    "new": {"bundle_emb.my.word.emb_params": torch.full((2, 32), 0.5)},
    "two": {"bundle_emb.my.word.clip_l": torch.full((2, 32), 0.5),
            "bundle_emb.my.word.clip_g": torch.full((2, 48), 0.5)},
}  # fmt: skip


@pytest.mark.parametrize("form", BUNDLES)
def test_embeddings_that_are_bundled_are_words_while_the_lora_counts(
    sd15: Any, tmp_path: Path, form: str
) -> None:
    path = peft(tmp_path / "a.safetensors", {f"unet.{UNET}": FIRST})
    save_file({**load_file(path), **BUNDLES[form]}, path)
    inversion = Inversion(())
    loras = Loras(sd15, (str(tmp_path),), (), inversion)
    loras.use((lora("a"),))
    assert torch.equal(inversion.vectors("my.word", 32, "clip_l"), torch.full((2, 32), 0.5))
    with pytest.raises(InputError, match=r"bundle_emb\.my\.word has vectors of"):
        inversion.vectors("my.word", 9, "clip_l")
    loras.use(())
    with pytest.raises(InputError, match=r"'my\.word' is asked for"):
        inversion.vectors("my.word", 32, "clip_l")


def test_a_file_of_bundled_embeddings_alone_counts(sd15: Any, tmp_path: Path) -> None:
    save_file(BUNDLES["new"], tmp_path / "e.safetensors")
    inversion = Inversion(())
    Loras(sd15, (str(tmp_path),), (), inversion).use((lora("e"),))
    assert inversion.vectors("my.word", 32, "clip_l").shape == (2, 32)


def test_a_compiled_network_takes_note_of_a_lora(sd15: Any, tmp_path: Path) -> None:
    peft(tmp_path / "a.safetensors", {f"unet.{UNET}": FIRST})
    given = torch.randn(1, 4, 8, 8), torch.tensor([5]), torch.randn(1, 77, 32)
    loras = Loras(sd15, (str(tmp_path),))
    plain = tiny.sd15()
    other = Loras(plain, (str(tmp_path),))
    sd15.unet.compile(backend="eager")
    with torch.no_grad():
        for used in ((), (lora("a"),), (lora("a", 0.5),), ()):
            loras.use(used)
            other.use(used)
            torch.testing.assert_close(sd15.unet(*given).sample, plain.unet(*given).sample)


def test_a_file_is_read_whatever_model_it_is_for(tmp_path: Path) -> None:
    path = peft(tmp_path / "a.safetensors", {"some.layer": FIRST})
    file = read_adapter(path)
    assert list(file.changes) == ["some.layer"]
    assert sorted(file.keys["some.layer"]) == [
        "some.layer.lora_A.weight",
        "some.layer.lora_B.weight",
    ]
