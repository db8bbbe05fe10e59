"""Sources: what a person writes for a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from detailer.engines.painters.diffusion.loading.source import Source
from detailer.errors import DetailerError, InputError, MissingEngineError


def test_a_folder_with_a_list_of_parts_is_a_folder(tmp_path):
    (tmp_path / "model_index.json").write_text("{}")
    assert Source.parse(str(tmp_path)) == Source(str(tmp_path), "folder", tmp_path)


@pytest.mark.parametrize("name", ["a.safetensors", "a.SAFETENSORS", "a.ckpt", "a b.pt"])
def test_a_checkpoint_is_a_file(tmp_path, name):
    (tmp_path / name).touch()
    assert Source.parse(f" {tmp_path / name} ").kind == "file"


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "a.safetensors").touch()
    assert Source.parse("~/a.safetensors").path == tmp_path / "a.safetensors"


@pytest.mark.parametrize(
    ("text", "name", "revision"),
    [
        ("owner/some-model_1.5", "owner/some-model_1.5", ""),
        ("owner/name@fp16", "owner/name", "fp16"),
        ("owner/name@refs/pr/3", "owner/name", "refs/pr/3"),
    ],
)
def test_two_words_with_a_slash_are_a_name_on_the_hub(text, name, revision):
    source = Source.parse(text)
    assert (source.kind, source.name, source.revision) == ("hub", name, revision)


def test_a_revision_that_was_written_is_kept():
    assert Source.parse("a/b").at("main").revision == "main"
    assert Source.parse("a/b@v1").at("main").revision == "v1"


def test_a_folder_stands_before_a_name_on_the_hub(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Path("owner", "name")
    folder.mkdir(parents=True)
    (folder / "model_index.json").write_text("{}")
    assert Source.parse("owner/name").kind == "folder"


@pytest.mark.parametrize(
    "text",
    ["nothing.safetensors", "a/b/c", "/no/such", "C:\\models\\sd.safetensors", "owner/sd.ckpt",
     "../x", "https://huggingface.co/a/b", "a b/c"],
)  # fmt: skip
def test_what_can_only_be_a_path_must_be_there(text):
    with pytest.raises(MissingEngineError, match="nothing is at"):
        Source.parse(text)


def test_files_beside_a_missing_one_are_named(tmp_path):
    (tmp_path / "dream.safetensors").touch()
    with pytest.raises(MissingEngineError, match=r"there are dream\.safetensors"):
        Source.parse(str(tmp_path / "dreem.safetensors"))


def test_a_folder_of_files_is_no_model_and_a_file_in_it_is_named(tmp_path):
    (tmp_path / "dream.safetensors").touch()
    with pytest.raises(InputError, match=r"no model_index\.json.*dream\.safetensors"):
        Source.parse(str(tmp_path))


@pytest.mark.parametrize("name", ["photo.png", "readme", "model_index.json"])
def test_a_file_of_another_sort_is_refused(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(InputError, match=name):
        Source.parse(str(tmp_path / name))


@pytest.mark.parametrize("text", ["", "  ", "a\0b"])
def test_nonsense_is_refused(text):
    with pytest.raises(DetailerError):
        Source.parse(text)


def test_a_pickle_is_refused_unless_that_very_file_is_allowed(tmp_path):
    for name in ("a.ckpt", "b.ckpt"):
        (tmp_path / name).touch()
    source = Source.parse(str(tmp_path / "a.ckpt"))
    with pytest.raises(InputError, match="allow-pickle"):
        source.allow(())
    with pytest.raises(InputError, match="allow-pickle"):
        source.allow((str(tmp_path / "b.ckpt"), str(tmp_path)))
    source.allow((str(tmp_path / "b.ckpt"), str(tmp_path / "." / "a.ckpt")))


def test_a_safetensors_file_needs_no_leave(tmp_path):
    (tmp_path / "a.safetensors").touch()
    Source.parse(str(tmp_path / "a.safetensors")).allow(())
