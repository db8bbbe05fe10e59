"""Fast: few-step LoRAs are known by their names."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from detailer.engines.painters.diffusion.adapters.fast import Preset, recognised
from detailer.engines.painters.diffusion.samplers import SAMPLERS
from detailer.engines.painters.diffusion.schedules import SCHEDULERS
from detailer.errors import EngineError

KNOWN = {
    "lcm-lora-sdv1-5": Preset("LCM", "lcm", "sgm_uniform", 4),
    "sdxl_lightning_8step_lora": Preset("Lightning", "euler", "sgm_uniform", 8),
    "Hyper-SD15-12steps-CFG-lora": Preset("Hyper", "ddim", "sgm_uniform", 12, 5.0),
    "Hyper-SDXL-1step-lora": Preset("Hyper", "ddim", "sgm_uniform", 1),
    "Hyper-FLUX.1-dev-16steps-lora": Preset("Hyper", "euler", "simple", 16),
    "FLUX.1-Turbo-Alpha": Preset("Turbo", "euler", "simple", 8),
    "sd_xl_turbo_lora_v1": Preset("Turbo", "euler_ancestral", "sgm_uniform", 4),
    "dmd2_sdxl_4step_lora_fp16": Preset("DMD", "lcm", "sgm_uniform", 4),
    "Qwen-Image-Lightning-8steps-V1.0": Preset("Lightning", "euler", "simple", 8),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_few_step_lora_is_known_by_its_name(name: str) -> None:
    assert recognised(Path(f"{name}.safetensors")) == KNOWN[name]


@pytest.mark.parametrize("name", KNOWN)
def test_what_it_wants_is_there(name: str) -> None:
    assert KNOWN[name].sampler_name in SAMPLERS
    assert KNOWN[name].scheduler in SCHEDULERS


@pytest.mark.parametrize("name", ["lightning_strikes", "turbo_porsche", "calcmode", "faces_v2"])
def test_other_loras_are_not(name: str) -> None:
    assert recognised(Path(f"{name}.safetensors")) is None


def test_a_renamed_file_is_known_by_its_makers_notes(tmp_path: Path) -> None:
    path = tmp_path / "quick.safetensors"
    save_file({"a": torch.zeros(1)}, path, metadata={"ss_output_name": "sdxl_lightning_2step"})
    assert recognised(path) == Preset("Lightning", "euler", "sgm_uniform", 2)


def test_a_broken_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "lcm.safetensors"
    path.write_bytes(b"no")
    with pytest.raises(EngineError, match=r"lcm\.safetensors"):
        recognised(path)
