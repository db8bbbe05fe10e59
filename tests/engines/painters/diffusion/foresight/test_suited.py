"""What suits a model, and the few-step LoRAs that a prompt asks for."""

from __future__ import annotations

from pathlib import Path

from detailer.engines.painters.diffusion.foresight.suited import suited
from detailer.engines.painters.diffusion.loading.defaults import defaults_of
from detailer.engines.painters.diffusion.options import Options
from detailer.loading import load
from detailer.recipe import Recipe
from tests.engines.painters.diffusion import tiny
from tests.engines.painters.diffusion.lora_files import UNET, Change, kohya, lora


def shelf(folder: Path, *names: str) -> Options:
    for name in names:
        kohya(folder / f"{name}.safetensors", {f"lora_unet_{UNET}": Change.of(32, 16, 0)})
    return Options(loras=(str(folder),), device="cpu")


def test_a_prompt_without_loras_leaves_the_models_own_defaults(tmp_path: Path) -> None:
    model, options = str(tiny.folder("sd15")), shelf(tmp_path, "hair")
    assert suited(model) == defaults_of(model)
    assert suited(model, "a <lora:hair:0.8> face", options) == defaults_of(model)


def test_a_few_step_lora_has_the_last_word(tmp_path: Path) -> None:
    model, options = str(tiny.folder("sdxl")), shelf(tmp_path, "sdxl_lightning_8step_lora")
    found = suited(model, "a face <lora:sdxl_lightning_8step_lora:1>", options)
    assert found["paint"]["steps"] == 8
    assert found["paint"]["cfg"] == 1
    assert found["crop"] == defaults_of(model)["crop"]
    assert suited(model, "", options, (lora("sdxl_lightning_8step_lora"),)) == found
    for prompt in (
        "{a|<lora:sdxl_lightning_8step_lora>}",
        "[ASC]a[SEP]b<lora:sdxl_lightning_8step_lora:{1|.5}>",
    ):
        assert suited(model, prompt, options) == found


def test_a_lora_that_is_not_there_is_told_when_it_is_loaded_not_here() -> None:
    model = str(tiny.folder("sd15"))
    assert suited(model, "<lora:lcm-lora-sdv1-5:1>") == defaults_of(model)


def test_a_recipe_with_such_a_lora_takes_its_few_steps_unless_steps_are_set(tmp_path: Path) -> None:
    options = shelf(tmp_path, "lcm-lora-sdv1-5")
    painter, tag = f"diffusion:{tiny.folder('sd15')}", "<lora:lcm-lora-sdv1-5>"
    boxes = {"detector": "boxes:0,0,9,9"}
    for more, steps in (
        ({"prompt": tag}, 4),
        ({"prompt": tag, "steps": 20}, 20),
        ({"loras": [{"name": "lcm-lora-sdv1-5"}]}, 4),
        ({"main_prompt": tag}, 4),
    ):
        told = {"painter": painter}
        recipe = Recipe(detect=boxes, paint={**told, **more})
        paint = load(recipe, diffusion=options, without="painters").recipe.paint
        assert (paint.steps, paint.sampler_name, paint.cfg) == (steps, "lcm", 1)
