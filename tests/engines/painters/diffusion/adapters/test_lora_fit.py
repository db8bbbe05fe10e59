"""Fit: LoRAs of other families are refused before the pipeline is touched."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from detailer.engines.painters.diffusion.adapters.lora import Loras
from detailer.errors import EngineError
from tests.engines.painters.diffusion import tiny
from tests.engines.painters.diffusion.lora_files import (
    FIRST,
    KOHYA_TEXT,
    TEXT,
    UNET,
    Change,
    diffusers,
    expect,
    kohya,
    lora,
    peft,
)


@pytest.fixture
def sd15() -> Any:
    return tiny.sd15()


OF_ANOTHER: Mapping[str, tuple[Callable[..., Path], dict[str, Change], str]] = {
    "sdxl": (peft, {f"unet.{UNET}": Change.of(2048, 16, 0)}, "takes 2048 .* here 32; .* for SDXL"),
    "sdxl_kohya": (
        kohya, {"lora_unet_input_blocks_8_1_transformer_blocks_9_attn2_to_k": Change.of(2048, 8, 0),
                f"lora_te2_{KOHYA_TEXT}": Change.of(1280, 1280, 1)},
        "it was made for SDXL",
    ),
    "sd2": (
        diffusers, {f"unet.{UNET}": Change.of(1024, 16, 0)},
        "here 32; it was made for Stable Diffusion 2",
    ),
    "flux": (
        peft, {"transformer.single_transformer_blocks.0.attn.to_q": Change.of(3072, 3072, 0)},
        "it was made for Flux",
    ),
    "flux_kohya": (
        kohya, {"lora_unet_double_blocks_0_img_attn_qkv": Change.of(3072, 9216, 0)},
        "it was made for Flux",
    ),
    "text_only": (
        peft, {f"text_encoder.{TEXT}": Change.of(768, 768, 0)},
        "not for this model: text_encoder.*takes 768 numbers in it, here 32",
    ),
    "another_depth": (
        peft, {f"unet.{UNET.replace('down_blocks.1', 'down_blocks.9')}": Change.of(32, 16, 0)},
        "none of its 1 layers is in it, such as unet.down_blocks.9",
    ),
    "unknown": (
        peft, {"model.layers.0.mlp": Change.of(8, 8, 0)},
        "none of its 1 layers is in it, such as model.layers.0.mlp",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OF_ANOTHER)
def test_a_lora_of_another_family_is_refused_and_the_pipeline_works_as_before(
    sd15: Any, tmp_path: Path, name: str
) -> None:
    write, changes, message = OF_ANOTHER[name]
    write(tmp_path / f"{name}.safetensors", changes)
    peft(tmp_path / "good.safetensors", {f"unet.{UNET}": FIRST})
    loras = Loras(sd15, (str(tmp_path),))
    good = (lora("good", 0.5),)
    loras.use(good)
    names = list(sd15.unet.state_dict())
    with pytest.raises(EngineError, match=rf"{name}\.safetensors .*{message}"):
        loras.use((lora("good"), lora(name)))
    assert list(sd15.unet.state_dict()) == names
    expect(sd15, f"unet.{UNET}", lambda x: FIRST(x) * 0.5)
    loras.use(())
    expect(sd15, f"unet.{UNET}", None)
    loras.use(good)
    expect(sd15, f"unet.{UNET}", lambda x: FIRST(x) * 0.5)


def test_a_truncated_file_is_an_error_that_names_it(sd15: Any, tmp_path: Path) -> None:
    path = peft(tmp_path / "cut.safetensors", {f"unet.{UNET}": FIRST})
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(EngineError, match=r"cut\.safetensors is cut short"):
        Loras(sd15, (str(tmp_path),)).use((lora("cut"),))


NORM = "down_blocks.1.attentions.0.norm"
LAYER_NORM = "down_blocks.1.attentions.0.transformer_blocks.0.norm1"
WIDTH = 16  # of both, and what UNET's layer gives
MALFORMED: Mapping[str, tuple[str, Mapping[str, tuple[int, ...]], str]] = {
    "lokr_apart": (
        UNET, {"lokr_w1": (4, 4), "lokr_w2_a": (4, 2), "lokr_w2_b": (3, 8)}, "cannot be loaded"
    ),
    "lora_apart": (UNET, {"lora_down.weight": (4, 32), "lora_up.weight": (16, 3)},
                   "cannot be loaded"),
    "loha_apart": (
        UNET, {"hada_w1_a": (16, 4), "hada_w1_b": (4, 32), "hada_w2_a": (16, 4),
               "hada_w2_b": (4, 31)}, "cannot be loaded",
    ),
    "rank_0": (UNET, {"lora_down.weight": (0, 32), "lora_up.weight": (16, 0), "alpha": ()},
               r"its (down|up) has the shape"),
    "scalar_down": (UNET, {"lora_down.weight": (), "lora_up.weight": (16, 4)},
                    r"its down has the shape \(\)"),
    "flat_down": (UNET, {"lora_down.weight": (32,), "lora_up.weight": (16, 4)},
                  r"its down has the shape \(32,\)"),
    "scalar_loha": (
        UNET, {"hada_w1_a": (16, 4), "hada_w1_b": (), "hada_w2_a": (16, 4), "hada_w2_b": (4, 32)},
        r"its hada_w1_b has the shape \(\)",
    ),
    "dora_on_norm": (LAYER_NORM, {"diff": (WIDTH,), "dora_scale": (1, 4)}, "has a magnitude"),
    "dora_by_rows_on_norm": (NORM, {"diff": (WIDTH,), "dora_scale": (WIDTH,)}, "has a magnitude"),
    "scalar_diff": (LAYER_NORM, {"diff": ()}, r"its diff has the shape \(\)"),
    "empty_diff": (UNET, {"diff": (0, 4)}, r"its diff has the shape \(0, 4\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_layer_is_an_error_that_names_the_file_and_it(
    sd15: Any, tmp_path: Path, name: str
) -> None:
    layer, shapes, message = MALFORMED[name]
    tensors = {f"unet.{layer}.{role}": torch.ones(shape) for role, shape in shapes.items()}
    save_file(tensors, tmp_path / "bad.safetensors")
    with pytest.raises(EngineError, match=rf"bad\.safetensors: .*{layer}.*{message}"):
        Loras(sd15, (str(tmp_path),)).use((lora("bad"),))


@pytest.mark.parametrize("shape", [(WIDTH,), (1, WIDTH)])
@pytest.mark.parametrize("name", [UNET, LAYER_NORM])
def test_a_bias_is_read_in_any_shape(
    sd15: Any, tmp_path: Path, name: str, shape: tuple[int, ...]
) -> None:
    save_file(
        {f"unet.{name}.diff_b": torch.arange(WIDTH).float().reshape(shape)},
        tmp_path / "bias.safetensors",
    )
    Loras(sd15, (str(tmp_path),)).use((lora("bias"),))
    found = sd15.unet.get_submodule(name)
    x = torch.randn(2, found.weight.shape[-1])
    with torch.no_grad():
        changed = found(x) - found.forward(x)
    torch.testing.assert_close(changed, torch.arange(WIDTH).float().expand(2, -1))


def test_an_unusual_pattern_of_the_header_is_passed_over_or_named(
    sd15: Any, tmp_path: Path
) -> None:
    tensors = {f"unet.{UNET}.lora_A.weight": FIRST.down, f"unet.{UNET}.lora_B.weight": FIRST.up}
    for name, patterns in (("list", [1]), ("bad", {"(": 2})):
        note = json.dumps({"unet.lora_alpha": 4, "unet.alpha_pattern": patterns})
        path = tmp_path / f"{name}.safetensors"
        save_file(tensors, path, {"lora_adapter_metadata": note})
    loras = Loras(sd15, (str(tmp_path),))
    loras.use((lora("list"),))
    expect(sd15, f"unet.{UNET}", FIRST)
    with pytest.raises(EngineError, match=rf"bad\.safetensors: .*{UNET}.*alpha_pattern '\('"):
        loras.use((lora("bad"),))
