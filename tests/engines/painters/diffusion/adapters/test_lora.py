"""Lora: adapters that are loaded once and switched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from detailer.engines.painters.diffusion.adapters.adapter_file import AdapterFile, read_adapter
from detailer.engines.painters.diffusion.adapters.lora import Loras
from detailer.errors import EngineError, InputError
from tests.engines.painters.diffusion import tiny
from tests.engines.painters.diffusion.lora_files import (
    FIRST,
    KOHYA_TEXT,
    SECOND,
    TEXT,
    UNET,
    Change,
    diffusers,
    expect,
    kohya,
    layer,
    lora,
    peft,
)

HALF = 0.5  # alpha / rank of a kohya file
FIRST_TEXT = Change.of(32, 32, 5)


@pytest.fixture
def sd15() -> Any:
    return tiny.sd15()


FORMATS: Mapping[str, tuple[Callable[[Path, Mapping[str, Change]], Path], str, str, float]] = {
    "kohya": (kohya, f"lora_unet_{UNET.replace('.', '_')}",
              f"lora_te_{KOHYA_TEXT}", HALF),
    "peft": (peft, f"unet.{UNET}", f"text_encoder.{TEXT}", 1.0),
    "peft_with_a_level_more": (peft, f"unet.{UNET}", f"text_encoder.text_model.{TEXT}", 1.0),
    "diffusers": (diffusers, f"unet.{UNET}", f"text_encoder.text_model.{TEXT}", 1.0),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_changes_the_layers_it_names(sd15: Any, tmp_path: Path, name: str) -> None:
    write, unet, text, scale = FORMATS[name]
    write(tmp_path / "style.safetensors", {unet: FIRST, text: SECOND})
    loras = Loras(sd15, (str(tmp_path),))
    loras.use((lora("style", 0.5, 0.25),))
    expect(sd15, f"unet.{UNET}", lambda x: FIRST(x) * 0.5 * scale)
    expect(sd15, f"text_encoder.{TEXT}", lambda x: SECOND(x) * 0.25 * scale)


def test_a_file_for_one_part_only_leaves_the_other(sd15: Any, tmp_path: Path) -> None:
    peft(tmp_path / "unet.safetensors", {f"unet.{UNET}": FIRST})
    peft(tmp_path / "text.safetensors", {f"text_encoder.{TEXT}": SECOND})
    loras = Loras(sd15, (str(tmp_path),))
    loras.use((lora("unet", 2.0, 0.0),))
    expect(sd15, f"unet.{UNET}", lambda x: FIRST(x) * 2)
    expect(sd15, f"text_encoder.{TEXT}", None)
    loras.use((lora("text"),))
    expect(sd15, f"unet.{UNET}", None)
    expect(sd15, f"text_encoder.{TEXT}", SECOND)


def test_several_add_up_and_are_switched_without_being_loaded_again(
    sd15: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peft(tmp_path / "one.safetensors", {f"unet.{UNET}": FIRST})
    other = Change.of(32, 16, 3)
    peft(tmp_path / "two.safetensors", {f"unet.{UNET}": other})
    loaded: list[str] = []

    def counted(path: Path) -> AdapterFile:
        loaded.append(path.name)
        return read_adapter(path)

    monkeypatch.setattr("detailer.engines.painters.diffusion.adapters.lora.read_adapter", counted)
    loras = Loras(sd15, (str(tmp_path),))
    both = (lora("one", 0.5), lora("two", -1.0))
    for uses, expected in (
        (both, lambda x: FIRST(x) * 0.5 - other(x)),
        ((lora("two"),), other),
        ((), None),
        ((lora("one", 0.0),), lambda x: FIRST(x) * 0),
        (both, lambda x: FIRST(x) * 0.5 - other(x)),
    ):
        loras.use(uses)
        expect(sd15, f"unet.{UNET}", expected)
    assert loaded == ["one.safetensors", "two.safetensors"]


def test_nothing_happens_where_nothing_changes(sd15: Any, tmp_path: Path) -> None:
    peft(tmp_path / "one.safetensors", {f"unet.{UNET}": FIRST})
    loras = Loras(sd15, (str(tmp_path),))
    loras.use((lora("one"),))
    hooks = dict(layer(sd15, f"unet.{UNET}")._forward_hooks)
    loras.use((lora("one"),))
    assert dict(layer(sd15, f"unet.{UNET}")._forward_hooks) == hooks


def test_without_loras_the_model_is_as_it_was_to_the_bit(sd15: Any, tmp_path: Path) -> None:
    peft(tmp_path / "one.safetensors", {f"unet.{UNET}": FIRST, f"text_encoder.{TEXT}": SECOND})
    given = torch.randn(1, 4, 8, 8), torch.tensor([5]), torch.randn(1, 77, 32)
    with torch.no_grad():
        before = sd15.unet(*given).sample
        loras = Loras(sd15, (str(tmp_path),))
        loras.use((lora("one"),))
        assert not torch.equal(sd15.unet(*given).sample, before)
        loras.use(())
        assert torch.equal(sd15.unet(*given).sample, before)
    assert not any(module._forward_hooks for module in sd15.unet.modules())
    assert not any(module._forward_hooks for module in sd15.text_encoder.modules())


def test_the_two_encoders_of_sdxl_and_its_block_numbers_are_told_apart(tmp_path: Path) -> None:
    pipe = tiny.sdxl()
    wide = Change.of(64, 16, 4)
    kohya(
        tmp_path / "xl.safetensors",
        {
            "lora_unet_input_blocks_3_1_transformer_blocks_0_attn2_to_k": wide,
            f"lora_te1_{KOHYA_TEXT}": FIRST_TEXT,
            f"lora_te2_{KOHYA_TEXT}": SECOND,
        },
    )
    Loras(pipe, (str(tmp_path),)).use((lora("xl", 1.0, 0.5),))
    expect(pipe, f"unet.{UNET}", lambda x: wide(x) * HALF)
    expect(pipe, f"text_encoder.{TEXT}", lambda x: FIRST_TEXT(x) * HALF * 0.5)
    expect(pipe, f"text_encoder_2.{TEXT}", lambda x: SECOND(x) * HALF * 0.5)


@pytest.mark.parametrize("trainer", ["kohya", "peft"])
def test_a_lora_of_flux_changes_its_transformer(tmp_path: Path, trainer: str) -> None:
    pipe = tiny.flux()
    name = "single_transformer_blocks.0.proj_out"
    change = Change.of(160, 32, 6)
    if trainer == "kohya":
        kohya(tmp_path / "f.safetensors", {"lora_unet_single_blocks_0_linear2": change})
    else:
        peft(tmp_path / "f.safetensors", {f"transformer.{name}": change})
    Loras(pipe, (str(tmp_path),)).use((lora("f", 0.5),))
    scale = HALF if trainer == "kohya" else 1.0
    expect(pipe, f"transformer.{name}", lambda x: change(x) * 0.5 * scale)


def test_a_load_that_breaks_leaves_what_counted_before(sd15: Any, tmp_path: Path) -> None:
    peft(tmp_path / "a.safetensors", {f"unet.{UNET}": FIRST})
    (tmp_path / "broken.safetensors").write_bytes(b"no tensors at all")
    loras = Loras(sd15, (str(tmp_path),))
    loras.use((lora("a"),))
    with pytest.raises(EngineError, match=r"broken\.safetensors"):
        loras.use((lora("broken"), lora("a", 0.5)))
    expect(sd15, f"unet.{UNET}", FIRST)
    loras.use(())
    expect(sd15, f"unet.{UNET}", None)


def test_a_pickle_is_loaded_only_where_it_is_allowed(sd15: Any, tmp_path: Path) -> None:
    path = tmp_path / "old.bin"
    torch.save(
        {f"unet.{UNET}.lora_A.weight": FIRST.down, f"unet.{UNET}.lora_B.weight": FIRST.up}, path
    )
    with pytest.raises(InputError, match=r"old\.bin is a pickle"):
        Loras(sd15, (str(tmp_path),)).use((lora("old"),))
    Loras(sd15, (str(tmp_path),), (str(path),)).use((lora("old"),))
    expect(sd15, f"unet.{UNET}", FIRST)


def test_an_unknown_name_is_an_error_and_changes_nothing(sd15: Any, tmp_path: Path) -> None:
    peft(tmp_path / "style.safetensors", {f"unet.{UNET}": FIRST})
    loras = Loras(sd15, (str(tmp_path),))
    loras.use((lora("style"),))
    with pytest.raises(InputError, match=r"no 'stile' in .*; did you mean style\?"):
        loras.use((lora("stile"),))
    expect(sd15, f"unet.{UNET}", FIRST)
