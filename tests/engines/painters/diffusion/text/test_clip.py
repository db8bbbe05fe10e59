"""Clip: prompts through a small CLIP, and what of it is read."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from detailer.engines.painters.diffusion.text.clip import ClipResult, ClipSpec, ClipText
from detailer.errors import EngineError, InputError
from tests.engines.painters.diffusion import tiny


class Counted:
    """A model and the shapes of what went through it."""

    def __init__(self, model: Any) -> None:
        self.shapes: list[tuple[int, ...]] = []
        model.register_forward_pre_hook(lambda _, given: self.shapes.append(tuple(given[0].shape)))


@pytest.fixture(scope="module", params=["bare", "projected"])
def model(request: pytest.FixtureRequest) -> Any:
    return tiny.clip(projected=request.param == "projected").eval()


def encoder(model: Any, **spec: Any) -> ClipText:
    return ClipText(tiny.clip_tokenizer(), model, ClipSpec(**spec))


def alike(one: ClipResult, other: ClipResult) -> bool:
    assert one.pooled is not None
    assert other.pooled is not None
    return torch.allclose(one.hidden, other.hidden, atol=1e-6) and torch.allclose(
        one.pooled, other.pooled, atol=1e-6
    )


def by_the_book(model: Any, text: str, **options: Any) -> Any:
    tokenizer = tiny.clip_tokenizer()
    ids = tokenizer(text, padding="max_length", max_length=77, return_tensors="pt").input_ids
    with torch.no_grad():
        return model(ids, output_hidden_states=True, **options)


def test_a_short_text_is_what_the_model_says(model: Any) -> None:
    (result,) = encoder(model)(["a face"])
    output = by_the_book(model, "a face")
    pooled = output.text_embeds if "text_embeds" in output else output.pooler_output
    torch.testing.assert_close(result.hidden, output.last_hidden_state[0], rtol=0, atol=1e-6)
    torch.testing.assert_close(result.pooled, pooled[0], rtol=0, atol=1e-6)


def test_the_layer_before_the_last_is_read_with_or_without_the_final_norm(model: Any) -> None:
    inner = getattr(model, "text_model", model)
    raw = by_the_book(model, "a face").hidden_states[-2]
    (bare,) = encoder(model, layer=-2, final_norm=False)(["a face"])
    (normed,) = encoder(model, layer=-2)(["a face"])
    torch.testing.assert_close(bare.hidden, raw[0], rtol=0, atol=1e-6)
    with torch.no_grad():
        expected = inner.final_layer_norm(raw)[0]
    torch.testing.assert_close(normed.hidden, expected, rtol=0, atol=1e-6)


def test_clip_skip_counts_layers_from_the_last(model: Any) -> None:
    assert alike(encoder(model)(["a"], 2)[0], encoder(model, layer=-2)(["a"])[0])
    assert alike(encoder(model, layer=-2)(["a"], 1)[0], encoder(model)(["a"])[0])
    assert not alike(encoder(model)(["a"], 2)[0], encoder(model)(["a"])[0])


@pytest.mark.parametrize("clip_skip", [-1, 4])
def test_more_layers_than_there_are_cannot_be_skipped(model: Any, clip_skip: int) -> None:
    with pytest.raises(InputError, match=f"clip_skip={clip_skip} is out of range: 0 to 3"):
        encoder(model)(["a"], clip_skip)


def test_all_texts_go_through_in_one_pass_and_each_once() -> None:
    model = tiny.clip().eval()
    counted = Counted(model)
    results = encoder(model)(["a face", "x " * 200, "(b:1.2)", "a face"])
    # One, three, one, and the empty text that the weight is measured from.
    assert counted.shapes == [(6, 77)]
    assert [len(result.hidden) for result in results] == [77, 231, 77, 77]
    assert results[0] is results[3]


def test_a_text_says_the_same_among_others(model: Any) -> None:
    alone = encoder(model)(["a (face:1.3)"])[0]
    among = encoder(model)(["x " * 200, "a (face:1.3)", "b"])[1]
    assert alike(alone, among)


def test_two_thousand_tokens_are_many_chunks_each_read_alone(model: Any) -> None:
    text = "x" * 7 + " y" * 2000
    (result,) = encoder(model)([text])
    chunks = encoder(model).chunks(text)
    assert result.hidden.shape == (77 * len(chunks), 32)
    assert len(chunks) == 27
    last = [[(token.id, token.weight) for token in chunks[-1]]]
    (alone,) = encoder(model).from_tokens([last])
    torch.testing.assert_close(result.hidden[-77:], alone.hidden, rtol=0, atol=1e-6)


def test_the_pooled_text_is_the_first_chunks(model: Any) -> None:
    long = encoder(model)(["x " * 200])[0].pooled
    first = encoder(model)(["x " * 75])[0].pooled
    torch.testing.assert_close(long, first, rtol=0, atol=1e-6)


def test_a_weight_moves_tokens_along_the_line_from_the_empty_text(model: Any) -> None:
    encode = encoder(model)
    nothing, once = encode(["", "a face"])
    (weighted,) = encode(["a (face:1.5)"])
    expected = once.hidden.clone()
    places = slice(2, 6)  # begin, a, and then the letters of "face"
    expected[places] = (once.hidden[places] - nothing.hidden[places]) * 1.5 + nothing.hidden[places]
    torch.testing.assert_close(weighted.hidden, expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(weighted.pooled, once.pooled, rtol=0, atol=1e-6)


def test_a_weight_of_zero_says_nothing_in_its_places(model: Any) -> None:
    encode = encoder(model)
    nothing, zero = encode(["", "(face:0)"])
    torch.testing.assert_close(zero.hidden[1:5], nothing.hidden[1:5], rtol=0, atol=1e-6)


def test_known_tokens_need_no_tokenizer(model: Any) -> None:
    chunks = encoder(model).chunks("a (face:1.2)")
    spelled = [[(token.id, token.weight) for token in chunk] for chunk in chunks]
    bare = ClipText(None, model)
    assert alike(bare.from_tokens([spelled])[0], encoder(model)(["a (face:1.2)"])[0])
    assert bare.marks == encoder(model).marks


def test_chunks_of_another_length_are_refused(model: Any) -> None:
    with pytest.raises(InputError, match="chunks of 3 tokens; each must have 77"):
        encoder(model).from_tokens([[[(1, 1.0)] * 3]])


def test_a_text_without_a_tokenizer_is_an_error_that_says_what_to_give(model: Any) -> None:
    with pytest.raises(EngineError, match="without a tokenizer; give --config FOLDER"):
        ClipText(None, model)(["a"])


def test_chunks_are_padded_with_what_the_family_was_trained_with(model: Any) -> None:
    ends = encoder(model).marks.end
    assert encoder(model).chunks("a")[0][-1].id == ends
    assert encoder(model, pad=0).chunks("a")[0][-1].id == 0


def test_no_texts_are_no_results(model: Any) -> None:
    assert encoder(model)([]) == []


def test_half_precision_gives_float32() -> None:
    model = tiny.clip().eval()
    whole = encoder(model)(["a (face:1.2)"])[0]
    half = encoder(model.to(torch.bfloat16), layer=-1)(["a (face:1.2)"], 0)[0]
    assert half.hidden.dtype == torch.float32
    torch.testing.assert_close(half.hidden, whole.hidden, rtol=0, atol=0.1)
    assert encoder(model, layer=-2)(["a"])[0].hidden.dtype == torch.float32


def test_embeddings_are_refused_where_no_folder_is_given(model: Any) -> None:
    with pytest.raises(InputError, match="embedding:old cannot be read: give its folder"):
        encoder(model)(["a embedding:old"])


def test_at_a_break_a_new_chunk_begins_and_the_gist_is_the_first_ones(model: Any) -> None:
    first, second, both = encoder(model)(["a (face:1.3)", "b", "a (face:1.3) BREAK\nb"])
    torch.testing.assert_close(
        both.hidden, torch.cat([first.hidden, second.hidden]), rtol=0, atol=1e-6
    )
    torch.testing.assert_close(both.pooled, first.pooled, rtol=0, atol=1e-6)


def test_a_long_text_before_a_break_has_all_its_chunks(model: Any) -> None:
    (result,) = encoder(model)([f"{'x ' * 100}BREAK b"])
    long, short = encoder(model)(["x " * 100, "b"])
    torch.testing.assert_close(
        result.hidden, torch.cat([long.hidden, short.hidden]), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("clip_skip", [0, 2])
def test_what_is_added_to_the_final_norm_counts_with_every_clip_skip(
    model: Any, clip_skip: int
) -> None:
    before = encoder(model)(["a face"], clip_skip)[0].hidden
    norm = getattr(model, "text_model", model).final_layer_norm
    hook = norm.register_forward_hook(lambda _module, _given, output: output + 1)
    try:
        after = encoder(model)(["a face"], clip_skip)[0].hidden
    finally:
        hook.remove()
    torch.testing.assert_close(after, before + 1)
