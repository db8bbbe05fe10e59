"""Fit: LoRAs of other families are refused before the pipeline is touched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

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
