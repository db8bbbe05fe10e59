"""T5: prompts through a small T5, each at its length."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from detailer.engines.painters.diffusion.text.t5 import T5Spec, T5Text
from detailer.errors import EngineError, InputError
from tests.engines.painters.diffusion import tiny

LETTERS = 60


@pytest.fixture(scope="module")
def model() -> Any:
    return tiny.t5().eval()


def encoder(model: Any, **spec: Any) -> T5Text:
    return T5Text(tiny.t5_tokenizer(), model, T5Spec(**{"shortest": 32, **spec}))


def by_the_book(model: Any, text: str, masked: bool) -> Any:
    tokenizer = tiny.t5_tokenizer()
    given = tokenizer(text, padding="max_length", max_length=32, return_tensors="pt")
    mask = given.attention_mask if masked else None
    with torch.no_grad():
        return model(given.input_ids, attention_mask=mask)[0][0], given.attention_mask[0].bool()


@pytest.mark.parametrize("masked", [False, True])
def test_a_short_text_is_what_the_model_says(model: Any, masked: bool) -> None:
    (result,) = encoder(model, masked=masked)(["a face"])
    hidden, mask = by_the_book(model, "a face", masked)
    torch.testing.assert_close(result.hidden, hidden, rtol=0, atol=1e-5)
    assert torch.equal(result.mask, mask)


def test_a_long_text_is_as_long_as_it_is(model: Any) -> None:
    short, long = encoder(model)(["a", "x" * LETTERS])
    assert len(short.hidden) == 32
    assert len(long.hidden) == len(long.mask) == LETTERS + 2
    assert long.mask.all()


def test_a_text_is_cut_where_the_family_cannot_read_on(model: Any) -> None:
    chunks = encoder(model, longest=40).tokens("x" * LETTERS)
    assert len(chunks) == 40
    assert chunks[-1].id == tiny.t5_tokenizer().eos_token_id


def test_a_text_says_the_same_among_others(model: Any) -> None:
    texts = ["x" * LETTERS, "a (face:1.3)", "b", "a (face:1.3)"]
    among = encoder(model)(texts)
    (alone,) = encoder(model)([texts[1]])
    torch.testing.assert_close(among[1].hidden, alone.hidden, rtol=0, atol=1e-5)
    assert among[1] is among[3]


@pytest.mark.parametrize("bare", [False, True])
def test_weights_are_measured_from_the_empty_text(model: Any, bare: bool) -> None:
    encode = encoder(model, bare_empty=bare)
    once, zero = encode(["face"])[0].hidden, encode(["(face:0)"])[0].hidden
    (weighted,) = encode(["(face:1.5)"])
    length = int(weighted.mask.sum()) - 1
    expected = (once[:length] - zero[:length]) * 1.5 + zero[:length]
    torch.testing.assert_close(weighted.hidden[:length], expected, rtol=0, atol=1e-4)
    end = [] if bare else [(tiny.t5_tokenizer().eos_token_id, 1.0)]
    (nothing,) = encode.from_tokens([end])
    torch.testing.assert_close(zero[:length], nothing.hidden[:length], rtol=0, atol=1e-4)


def test_no_tokenizer_and_embeddings_are_errors_that_say_why(model: Any) -> None:
    with pytest.raises(EngineError, match="without T5's tokenizer"):
        T5Text(None, model)(["a"])
    with pytest.raises(InputError, match="embedding:old is read by CLIP"):
        encoder(model)(["a embedding:old"])


def test_a_break_is_a_space(model: Any) -> None:
    broken, whole = encoder(model)(["a\nBREAK\nface", "a face"])
    assert torch.equal(broken.hidden, whole.hidden)
