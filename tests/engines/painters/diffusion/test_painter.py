"""The painter: what shares a pass, what is done how often, and what happens when it goes wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from detailer.core.canvas import Canvas
from detailer.core.geometry import Box, Size
from detailer.core.paint import Lora, Paint
from detailer.core.plan import Cutout, Failed, Painted, Patch, Progress
from detailer.core.region import Region
from detailer.core.window import Window
from detailer.engines.painters.diffusion.forward import Forward
from detailer.engines.painters.diffusion.options import Options
from detailer.engines.painters.diffusion.painter import Diffusion
from detailer.errors import InputError
from detailer.stages.crop import cut
from tests.engines.contract import CHECKS, shapes
from tests.engines.painters.diffusion.analytic import Analytic, analytic_model

SQUARE = Size(64, 64)
TOLD = Paint(prompt="0.4", negative="-0.4", steps=5, cfg=4.0, denoise=0.6)


def painter(batching: str = "on", **options: Any) -> Diffusion:
    return Diffusion(analytic_model(), Options(batching=batching, **options))


def family_of(one: Diffusion) -> Analytic:
    family = one.model.family
    assert isinstance(family, Analytic)
    return family


def cutout(index: int = 0, size: Size = SQUARE, **paint: Any) -> Cutout:
    picture = shapes(Size(128, 128), index, blur=4)
    region = Region.from_box(Box(40, 40, 72, 72))
    window = Window(24, 24, size, 1.0)
    told = TOLD.but(**{"seed": 100 + index, **paint})
    patch = Patch(index, region, window, region.mask, told)
    return cut(Canvas(picture), patch)


def answers(one: Diffusion, cutouts: Sequence[Cutout]) -> dict[int, Painted | Failed]:
    return {
        answer.patch.index: answer for answer in one(cutouts) if not isinstance(answer, Progress)
    }


def pixels(answer: Painted | Failed) -> np.ndarray:
    assert isinstance(answer, Painted), answer
    return answer.pixels


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_it_keeps_the_contract_of_painters(check: Any) -> None:
    # Their prompts are empty: the mean is 0.
    check(painter("off"))


def test_eight_regions_of_one_size_are_one_batch() -> None:
    one = painter()
    prompts = ["0.1", "0.2"]
    work = [cutout(i, prompt=prompts[i % 2], steps=20, denoise=0.3 + 0.05 * i) for i in range(8)]
    assert len(answers(one, work)) == 8
    family = family_of(one)
    assert family.calls == [16] * 20
    assert sorted(family.encoded) == ["-0.4", "0.1", "0.2"]
    assert (family.vae.encodings, family.vae.decodings) == (1, 1)


def test_a_text_that_was_encoded_is_not_encoded_again_for_the_next_wave() -> None:
    one = painter()
    answers(one, [cutout(0)])
    answers(one, [cutout(1)])
    assert sorted(family_of(one).encoded) == ["-0.4", "0.4"]


def test_without_batching_each_region_goes_alone() -> None:
    one = painter("off")
    answers(one, [cutout(0), cutout(1)])
    assert family_of(one).calls == [2] * 10


def test_cfg_of_one_asks_nothing_of_the_negative() -> None:
    one = painter()
    answers(one, [cutout(0, cfg=1.0), cutout(1, cfg=1.0)])
    assert family_of(one).calls == [2] * 5
    assert family_of(one).encoded == ["0.4"]


def test_sizes_samplers_and_steps_have_batches_of_their_own() -> None:
    one = painter()
    work = [
        cutout(0),
        cutout(1, Size(72, 64)),
        cutout(2, sampler_name="heun"),
        cutout(3, steps=6),
        cutout(4, scheduler="karras", denoise=1.0, seed=3),
    ]
    assert len(answers(one, work)) == 5
    assert family_of(one).calls.count(4) == 5


def test_company_changes_nothing_but_the_last_bits() -> None:
    work = [cutout(i, denoise=0.2 + 0.2 * i, cfg=1.5 + i, prompt=str(i / 10)) for i in range(4)]
    together = answers(painter(), work)
    for one in work:
        index = one.patch.index
        alone = pixels(answers(painter(), [one])[index])
        np.testing.assert_allclose(alone, pixels(together[index]), atol=1e-4)


def test_the_same_seed_gives_the_same_face_and_another_another() -> None:
    first, again, other = (
        pixels(answers(painter(), [cutout(0, seed=seed)])[0]) for seed in (7, 7, 8)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("sampler", "differ"), [("euler_ancestral", 3), ("lcm", 3), ("dpmpp_sde", 2), ("euler", 1)]
)
def test_step_noise_is_ones_own_or_that_of_a_comfyui(sampler: str, differ: int) -> None:
    kinds = ("own", "comfyui", "comfyui-0.3.64")
    made = []
    for kind in kinds:
        (answer,) = answers(painter(step_noise=kind), [cutout(sampler_name=sampler)]).values()
        made.append(pixels(answer).tobytes())
    assert len(set(made)) == differ
    # The Brownian tree is the same in all versions.
    assert (made[1] == made[2]) == (differ < 3)


@pytest.mark.parametrize("seed", [0, 2**63, 2**64 - 1])
def test_every_seed_can_be_painted_with_cycles(seed: int) -> None:
    assert np.isfinite(pixels(answers(painter(), [cutout(0, seed=seed, cycle=2)])[0])).all()


def test_progress_counts_every_step_of_every_cycle_and_batch() -> None:
    steps = [
        answer
        for answer in painter()([cutout(0, cycle=2), cutout(1, Size(72, 64))])
        if isinstance(answer, Progress)
    ]
    assert [step.done for step in steps] == list(range(1, 16))
    assert {step.total for step in steps} == {15}


@pytest.mark.parametrize(
    "told",
    [
        {"steps": 1},
        {"denoise": 0.0001},
        {"denoise": 1.0},
        {"cfg": 0.0},
        {"cfg": 1.0},
        {"sampler_name": "uni_pc", "steps": 2},
        {"sampler_name": "dpmpp_2m_sde", "steps": 2},
        {"sigmas": (3.0, 1.0, 0.0)},
    ],
    ids=str,
)
def test_settings_at_their_ends_give_a_picture(told: dict[str, Any]) -> None:
    painted = pixels(answers(painter(), [cutout(0, **told)])[0])
    assert np.isfinite(painted).all()


def test_hardly_any_denoise_is_hardly_any_change() -> None:
    one = cutout(0, denoise=0.0001)
    painted = pixels(answers(painter(), [one])[0])
    whole = torch.from_numpy(one.pixels).permute(2, 0, 1)[None]
    vae = family_of(painter()).vae
    through = vae.decode_safely(vae.encode(whole))[0].permute(1, 2, 0).numpy()
    assert np.abs(painted - through).max() < 0.05


def test_an_unknown_sampler_fails_its_own_region_and_names_the_known() -> None:
    found = answers(painter(), [cutout(0), cutout(1, sampler_name="eular")])
    assert isinstance(found[0], Painted)
    assert isinstance(found[1], Failed)
    assert "eular" in found[1].reason
    assert "euler" in found[1].reason


def test_a_mask_of_all_zero_comes_back_as_the_vae_shows_it() -> None:
    one = cutout(0)
    nothing = replace(one.patch.region.mask, alpha=np.zeros((32, 32), np.float32))
    region = replace(one.patch.region, mask=nothing)
    empty = replace(one, patch=replace(one.patch, region=region))
    painted = pixels(answers(painter(), [empty])[0])
    vae = family_of(painter()).vae
    whole = torch.from_numpy(one.pixels).permute(2, 0, 1)[None]
    through = vae.decode_safely(vae.encode(whole))[0].permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(painted, through)


class Hungry(Analytic):
    """Runs out of memory with more than so many samples in a pass."""

    most = 4

    def predict(self, forward: Forward) -> torch.Tensor:
        if len(forward.x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().predict(forward)


def hungry(most: int) -> Diffusion:
    one = painter()
    family = Hungry()
    family.most = most
    return Diffusion(replace(one.model, family=family), one.options)


def test_out_of_memory_halves_the_batch_and_remembers_it() -> None:
    one = hungry(4)
    work = [cutout(i) for i in range(8)]
    found = answers(one, work)
    assert all(isinstance(answer, Painted) for answer in found.values())
    assert set(family_of(one).calls) == {4}
    family_of(one).calls.clear()
    assert len(answers(one, work)) == 8
    assert family_of(one).calls == [4] * 20
    whole = answers(painter(), work)
    for index, answer in found.items():
        np.testing.assert_allclose(pixels(answer), pixels(whole[index]), atol=1e-4)


def test_what_did_not_fit_at_one_size_limits_no_other() -> None:
    one = hungry(4)
    answers(one, [cutout(i) for i in range(8)])
    family = family_of(one)
    assert isinstance(family, Hungry)
    family.most = 100
    family.calls.clear()
    answers(one, [cutout(i, Size(72, 64)) for i in range(4)])
    assert family.calls == [8] * 5


def test_a_region_that_never_fits_fails_alone() -> None:
    found = answers(hungry(1), [cutout(0), cutout(1, cfg=1.0)])
    assert isinstance(found[0], Failed)
    assert "memory" in found[0].reason
    assert "64×64" in found[0].reason
    assert isinstance(found[1], Painted)


class Broken(Analytic):
    """Gives what is no number for one prompt."""

    def predict(self, forward: Forward) -> torch.Tensor:
        clean = super().predict(forward)
        for row, condition in enumerate(forward.conditions):
            if condition["mean"] == 666:
                clean[row] = float("nan")
        return clean


def test_what_is_not_finite_in_one_region_fails_that_region_only() -> None:
    one = Diffusion(replace(painter().model, family=Broken()), Options(batching="on"))
    found = answers(one, [cutout(0), cutout(1, prompt="666"), cutout(2)])
    assert isinstance(found[1], Failed)
    assert "not finite" in found[1].reason
    well = answers(painter(), [cutout(0), cutout(1, prompt="1"), cutout(2)])
    for index in (0, 2):
        assert np.array_equal(pixels(found[index]), pixels(well[index]))


def test_sides_that_are_no_multiple_are_filled_up_and_cut_off_again() -> None:
    painted = pixels(answers(painter(), [cutout(0, Size(61, 75))])[0])
    assert painted.shape == (75, 61, 3)


@pytest.mark.parametrize(("above", "tiles"), [(64, False), (63, True)])
def test_large_sizes_go_through_the_vae_in_tiles(above: int, tiles: bool) -> None:
    class Tiled:
        use_tiling = False
        switched = 0

        def enable_tiling(self) -> None:
            self.switched += 1

        def disable_tiling(self) -> None:
            pass

    one = painter()
    vae = Tiled()
    family_of(one).vae.model = vae
    work = Diffusion(replace(one.model, tile_above=above), one.options)
    assert isinstance(answers(work, [cutout(0)])[0], Painted)
    assert vae.switched == (2 if tiles else 0)


@pytest.mark.parametrize(
    ("told", "hint"),
    [
        ({"sampler_name": "eular"}, "euler"),
        ({"scheduler": "carras"}, "karras"),
        ({"guider": "cgf"}, "cfg"),
        ({"prompt": "<lora:a:strong>"}, "no number; write 0.8"),
        ({"prompt": "<lora:a:1:LBW=XY:0,1;A=2>"}, "LoRA a has weights by blocks, LBW=XY:0,1;A=2"),
        ({"loras": ({"name": "b", "blocks": "1,0"},)}, "LoRA b has weights by blocks, LBW=1,0"),
        ({"prompt": "[ASCX]a"}, "did you mean ASC"),
    ],
    ids=str,
)
def test_what_no_region_could_be_painted_with_is_refused_at_once(
    told: dict[str, Any], hint: str
) -> None:
    with pytest.raises(InputError, match=hint):
        painter().check(TOLD.but(**told))
    painter().check(TOLD)


def test_prompts_that_differ_by_region_are_not_encoded_before_there_are_regions() -> None:
    for prompt in ("[ASC]no number[SEP]0.5", "{no|number}", "[WHO][left] no number"):
        one = painter()
        one.check(TOLD.but(prompt=prompt, loras=(Lora(name="b"),)))
        assert family_of(one).encoded == []
        assert one.model.loras.used == [(Lora(name="b"),)]  # type: ignore[attr-defined]
    one = painter()
    one.check(TOLD.but(prompt="[ASC] <lora:a:0.5>[PROMPT]", main_prompt="0.5"))
    assert sorted(family_of(one).encoded) == ["-0.4", "0.5"]


def test_a_tag_in_the_prompt_and_a_given_lora_are_one_set() -> None:
    one = painter()
    tag, given = Lora(name="a", weight=0.5), Lora(name="b")
    together = [
        cutout(0, prompt="<lora:a:0.5>0.2", loras=(given,)),
        cutout(1, prompt="0.2", loras=(tag, given)),
    ]
    assert all(isinstance(answer, Painted) for answer in answers(one, together).values())
    assert one.model.loras.used == [(tag, given)]  # type: ignore[attr-defined]
    assert family_of(one).calls == [4] * 5


def test_a_lora_with_weights_by_blocks_fails_its_region_alone() -> None:
    work = [cutout(0, prompt="<lora:a:LBW=1,0>0.2"), cutout(1, prompt="0.2")]
    found = answers(painter(), work)
    assert isinstance(found[0], Failed)
    assert "LoRA a has weights by blocks" in found[0].reason
    assert isinstance(found[1], Painted)
