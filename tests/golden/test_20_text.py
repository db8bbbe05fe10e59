"""Golden 20, text: prompts through a CLIP with weights, in chunks, at a layer."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.clip_vocabulary import clip_tokenizer
from tests.golden.checkpoint import part
from tests.golden.loader import Case, cases, folder

pytest.importorskip("torch", reason="needs detailer[diffusion]")
pytest.importorskip("transformers", reason="needs detailer[diffusion]")

TOLERANCE = 2e-5


@cache
def encoder() -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel

    from detailer.engines.painters.diffusion.text.clip import ClipText

    configuration = folder() / "20_diffusers_config" / "text_encoder"
    model = CLIPTextModel(CLIPTextConfig.from_pretrained(configuration)).eval()
    # Transformers 5 dropped a level of names that the file has.
    named = {
        name.removeprefix("text_model."): tensor
        for name, tensor in part("cond_stage_model.transformer.").items()
    }
    model.load_state_dict(named, strict=False)
    assert dict(model.named_parameters()).keys() <= named.keys()
    return ClipText(None, model)


@cases("20_text")
def test_the_encoding_of_a_text_is_comfyuis(case: Case) -> None:
    spelled = [
        list(zip(ids, weights, strict=True))
        for ids, weights in zip(case.inputs["token_ids"], case.inputs["weights"], strict=True)
    ]
    (result,) = encoder().from_tokens([spelled], clip_skip=-case.params["clip_layer"])
    np.testing.assert_allclose(
        result.hidden.numpy(), case.outputs["cond"][0], rtol=0, atol=TOLERANCE
    )
    np.testing.assert_allclose(
        result.pooled.numpy(), case.outputs["pooled"][0], rtol=0, atol=TOLERANCE
    )


@cases("20_text")
def test_the_tokens_and_weights_of_a_prompt_are_comfyuis(case: Case) -> None:
    from detailer.engines.painters.diffusion.text.clip import ClipText

    chunks = ClipText(clip_tokenizer(), encoder().model).chunks(case.params["prompt"])
    assert [[token.id for token in chunk] for chunk in chunks] == case.inputs["token_ids"]
    np.testing.assert_allclose(
        [[token.weight for token in chunk] for chunk in chunks], case.inputs["weights"], rtol=1e-9
    )
