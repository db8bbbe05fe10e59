"""Inversion: embeddings from files in the places of tokens."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from detailer.engines.painters.diffusion.text.clip import ClipSpec, ClipText
from detailer.engines.painters.diffusion.text.inversion import Inversion
from detailer.errors import EngineError, InputError
from tests.engines.painters.diffusion import tiny

WIDTH = 32


def encoder(folder: Path) -> ClipText:
    vectors = Inversion((str(folder),)).vectors
    spec = ClipSpec(find=lambda name: vectors(name, WIDTH, "clip_l"))
    return ClipText(tiny.clip_tokenizer(), tiny.clip().eval(), spec)


def words(text: ClipText, prompt: str) -> list[int | str]:
    (chunk,) = text.chunks(prompt)
    end = next(place for place, token in enumerate(chunk) if token.id == text.marks.end)
    return [token.id if token.vector is None else "vector" for token in chunk[1:end]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_file({"emb_params": torch.randn(3, WIDTH)}, tmp_path / "old.v2.safetensors")
    save_file({"<token>": torch.randn(WIDTH)}, tmp_path / "token.safetensors")
    (tmp_path / "faces").mkdir()
    both = {"clip_l": torch.randn(2, WIDTH), "clip_g": torch.randn(2, 48)}
    save_file(both, tmp_path / "faces" / "both.safetensors")
    return tmp_path


@pytest.mark.parametrize(
    ("prompt", "vectors"),
    [
        ("embedding:old.v2", 3),
        ("embedding:old.v2.safetensors", 3),
        ("embedding:token", 1),
        ("embedding:both", 2),
        ("embedding:faces/both", 2),
        ("embedding:token\nembedding:old.v2", 4),
    ],
)
def test_an_embedding_is_as_many_tokens_as_it_has_vectors(
    folder: Path, prompt: str, vectors: int
) -> None:
    assert words(encoder(folder), prompt) == ["vector"] * vectors


def test_text_around_an_embedding_stays(folder: Path) -> None:
    text = encoder(folder)
    before, after = words(text, "a"), words(text, ", b")
    assert words(text, "a embedding:token, b") == [*before, "vector", *after]
    assert words(text, "a embedding:token b") == [*before, "vector", *words(text, "b")]


def test_only_a_word_of_its_own_is_an_embedding(folder: Path) -> None:
    assert "vector" not in words(encoder(folder), "reembedding:token")


def test_an_embedding_has_a_weight_as_words_have(folder: Path) -> None:
    (chunk,) = encoder(folder).chunks("(embedding:old.v2:1.3) a")
    assert [token.weight for token in chunk[1:4]] == [1.3] * 3
    assert all(token.weight == 1 for token in chunk[4:])


def test_a_vector_that_is_a_tokens_own_says_what_the_token_says(tmp_path: Path) -> None:
    text = encoder(tmp_path)
    tokens = words(text, "face")
    table = text.model.get_input_embeddings().weight.detach()
    save_file({"emb_params": table[tokens].clone()}, tmp_path / "face.safetensors")
    spoken, embedded = text(["a face b", "a embedding:face b"])
    torch.testing.assert_close(embedded.hidden, spoken.hidden, rtol=0, atol=1e-6)
    torch.testing.assert_close(embedded.pooled, spoken.pooled, rtol=0, atol=1e-6)
    # And the model is as it was.
    (again,) = text(["a face b"])
    torch.testing.assert_close(again.hidden, spoken.hidden, rtol=0, atol=1e-6)


def test_each_encoder_finds_its_own_vectors(folder: Path) -> None:
    found = Inversion((str(folder),))
    assert found.vectors("both", WIDTH, "clip_l").shape == (2, WIDTH)
    assert found.vectors("both", 48, "clip_g").shape == (2, 48)


def test_an_embedding_for_another_model_is_refused_with_both_sizes(tmp_path: Path) -> None:
    save_file({"emb_params": torch.zeros(1, 768)}, tmp_path / "old.safetensors")
    both = {"clip_l": torch.zeros(1, 768), "clip_g": torch.zeros(1, 1280)}
    save_file(both, tmp_path / "new.safetensors")
    found = Inversion((str(tmp_path),))
    message = "vectors of 768 numbers, this text encoder reads 1280; it was made for Stable Diff"
    with pytest.raises(InputError, match=message):
        found.vectors("old", 1280, "clip_g")
    with pytest.raises(InputError, match=r"vectors of 768 and 1280 numbers.* 1024"):
        found.vectors("new", 1024, "clip_h")


@pytest.mark.parametrize("name", ["tokem", "../token", "/token", "", "faces"])
def test_an_unknown_name_is_an_error_that_names_near_ones(folder: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"no '{name}' in .*(did you mean token|known: )"):
        encoder(folder)([f"a embedding:{name} b" if name else "a embedding:"])


def test_a_broken_or_empty_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    save_file({"emb_params": torch.zeros(4, WIDTH)}, tmp_path / "cut.safetensors")
    whole = (tmp_path / "cut.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[:-7])
    save_file({"numbers": torch.zeros(4, dtype=torch.int64)}, tmp_path / "other.safetensors")
    found = Inversion((str(tmp_path),))
    with pytest.raises(EngineError, match=r"cut\.safetensors is cut short"):
        found.vectors("cut", WIDTH, "clip_l")
    with pytest.raises(EngineError, match=r"other\.safetensors holds no embedding"):
        found.vectors("other", WIDTH, "clip_l")


def test_a_pickle_is_read_only_where_it_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "old.pt"
    torch.save({"string_to_param": {"*": torch.ones(2, WIDTH)}, "name": "old"}, path)
    with pytest.raises(InputError, match=r"old\.pt is a pickle.*allow-pickle"):
        Inversion((str(tmp_path),)).vectors("old", WIDTH, "clip_l")
    allowed = Inversion((str(tmp_path),), (str(path),))
    assert torch.equal(allowed.vectors("old", WIDTH, "clip_l"), torch.ones(2, WIDTH))


class Harmful:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return Path.touch, (Path("harmed"),)


def test_a_pickle_that_asks_to_run_code_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "evil.pt"
    path.write_bytes(pickle.dumps({"string_to_param": Harmful()}))
    with pytest.raises(EngineError, match=r"evil\.pt"):
        Inversion((str(tmp_path),), (str(path),)).vectors("evil", WIDTH, "clip_l")
    assert not (tmp_path / "harmed").exists()
