"""Masks: what is kept, at every noise level, for each sample as if it were alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from detailer.core.paint import Paint
from detailer.engines.painters.diffusion.masks import Act, Kept, act_of, averaged
from detailer.engines.painters.diffusion.table import Table, betas

TABLE = Table.trained(betas())
SIGMAS = torch.tensor([7.0, 3.0, 1.0, float(TABLE.sigmas[0]), 0.0])
STEPS = torch.tensor([0.0, 0.2, 0.5, 0.8, 1.0]).view(1, 1, 5)


def kept(*acts: Act) -> Kept:
    count = len(acts)
    latents = torch.zeros(count, 4, 1, 5)
    mask = STEPS.repeat(count, 1, 1, 1)
    return Kept(latents, latents, mask, acts, SIGMAS.repeat(count, 1), TABLE)


def over_time(act: Act) -> torch.Tensor:
    """(steps, cells): the mask at each step's start."""
    return torch.stack([kept(act).at(sigma)[0, 0, 0] for sigma in SIGMAS[:-1].split(1)])


def test_softer_is_let_go_later_and_nothing_is_never() -> None:
    masks = over_time(Act("differential"))
    assert masks[0].tolist() == [0, 0, 0, 0, 1]
    assert (masks[1:] >= masks[:-1]).all()
    assert masks[-1].tolist() == [0, 1, 1, 1, 1]


def test_comfyuis_last_level_lets_everything_go() -> None:
    masks = over_time(Act("differential_comfy"))
    assert torch.equal(masks[:-1], over_time(Act("differential"))[:-1])
    assert masks[-1].tolist() == [1, 1, 1, 1, 1]


def test_a_strength_between_mixes_the_step_with_the_mask_itself() -> None:
    masks = over_time(Act("differential", 0.25))
    whole = over_time(Act("differential"))
    torch.testing.assert_close(masks, 0.25 * whole + 0.75 * STEPS[0].expand_as(whole))


@pytest.mark.parametrize("mode", ["hard", "blend", "off"])
def test_other_modes_have_one_mask_for_all_levels(mode: str) -> None:
    masks = over_time(Act(mode))  # type: ignore[arg-type]
    assert (masks == STEPS[0]).all()


def test_modes_can_be_mixed_in_one_batch() -> None:
    acts = [Act("differential"), Act("blend"), Act("differential_comfy"), Act("differential", 0.5)]
    together = kept(*acts)
    for sigma in SIGMAS[:-1]:
        masks = together.at(sigma.repeat(4))
        for number, act in enumerate(acts):
            assert torch.equal(masks[number], kept(act).at(sigma[None])[0])


def test_a_single_step_at_the_tables_end_divides_by_nothing() -> None:
    end = TABLE.sigmas[:1]
    levels = torch.stack([end[0], torch.tensor(0.0)])[None]
    mask = STEPS[None]
    latents = torch.zeros(1, 4, 1, 5)
    single = Kept(latents, latents, mask, [Act("differential")], levels, TABLE)
    assert single.at(end)[0, 0, 0].tolist() == [0, 1, 1, 1, 1]


def test_restored_latents_are_the_clean_ones_bit_for_bit_where_the_mask_is_zero() -> None:
    one = kept(Act("differential"))
    x = one.restored(torch.full((1, 4, 1, 5), 0.1))
    assert (x[..., 0] == 0).all()
    assert (x[..., 1:] == 0.1).all()


def test_a_cell_is_zero_only_where_none_of_its_pixels_may_change() -> None:
    mask = np.zeros((64, 64), np.float32)
    mask[7, 7] = 1
    cells = averaged(mask, (8, 8))
    assert cells[0, 0, 0] == pytest.approx(1 / 64)
    assert cells[0].count_nonzero() == 1


def test_auto_is_differential_for_soft_masks_and_comfyuis_own_in_compatible_crops() -> None:
    assert act_of(Paint(), False) == Act("differential")
    assert act_of(Paint(), True) == Act("differential_comfy")
    assert act_of(Paint(noise_mask_feather=0), False) == Act("blend")
    assert act_of(Paint(noise_mask=False), False) == Act("off")
    assert act_of(Paint(mask_mode="hard"), True) == Act("hard")
