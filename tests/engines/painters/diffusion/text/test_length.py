"""Length: texts of different lengths in one batch."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from detailer.engines.painters.diffusion.text.length import common_length, repeated, stacked
from detailer.errors import InputError


def test_the_common_length_is_the_least_that_all_fill() -> None:
    assert common_length([77, 154]) == 154
    assert common_length([154, 231]) == 462


def test_a_repeated_text_is_the_same_to_cross_attention() -> None:
    torch.manual_seed(0)
    text, pixels = torch.randn(77, 16), torch.randn(1, 5, 16)
    seen = [
        functional.scaled_dot_product_attention(pixels, keys[None], keys[None])
        for keys in (text, repeated(text, 231))
    ]
    torch.testing.assert_close(seen[0], seen[1], rtol=0, atol=1e-6)


def test_texts_are_stacked_at_their_common_length() -> None:
    short, long = torch.randn(77, 4), torch.randn(154, 4)
    both = stacked([short, long])
    assert both.shape == (2, 154, 4)
    assert torch.equal(both[0, 77:], short)
    assert torch.equal(both[1], long)


def test_a_length_that_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="77 tokens does not fill 100"):
        repeated(torch.zeros(77, 4), 100)
