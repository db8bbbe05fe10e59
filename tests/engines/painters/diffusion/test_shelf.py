"""Shelf: files by their names in some folders, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from detailer.engines.painters.diffusion.shelf import Shelf
from detailer.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "inside"
    for name in ("a.safetensors", "b/a.safetensors", "b/c.v1.safetensors", "d.pt", "note.txt"):
        (inside / name).parent.mkdir(parents=True, exist_ok=True)
        (inside / name).touch()
    (inside / "d.safetensors").touch()
    (tmp_path / "outside.safetensors").touch()
    return inside


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("a", "a.safetensors"),
        ("b/a", "b/a.safetensors"),
        (r"b\a", "b/a.safetensors"),
        ("c.v1", "b/c.v1.safetensors"),
        ("c.v1.safetensors", "b/c.v1.safetensors"),
        ("d", "d.safetensors"),
    ],
)
def test_a_file_is_found_by_its_name(folder: Path, name: str, file: str) -> None:
    assert Shelf("loras", (str(folder),)).find(name) == folder / file


@pytest.mark.parametrize("name", ["../outside", "outside", "note", "note.txt", "b/../a", "b", ""])
def test_no_name_leads_out_of_the_folders(folder: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"no .* in .*"):
        Shelf("loras", (str(folder),)).find(name)


def test_no_absolute_path_is_taken(folder: Path) -> None:
    with pytest.raises(InputError, match=r"no .* in .*"):
        Shelf("loras", (str(folder),)).find(str(folder.parent / "outside.safetensors"))


def test_the_name_that_was_meant_is_named(folder: Path) -> None:
    with pytest.raises(InputError, match=r"no 'c\.v2' in .*; did you mean c\.v1\?"):
        Shelf("loras", (str(folder),)).find("c.v2")


def test_two_files_of_one_name_are_told_apart_by_their_folders(folder: Path) -> None:
    (folder / "e").mkdir()
    (folder / "e" / "c.v1.safetensors").touch()
    with pytest.raises(InputError, match=r"'c\.v1' is the name of b/c\.v1 and e/c\.v1"):
        Shelf("loras", (str(folder),)).find("c.v1")
    assert Shelf("loras", (str(folder),)).find("e/c.v1").parent.name == "e"


def test_without_folders_the_setting_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"'a' is asked for, but no folder is given: --loras FOLDER"
    ):
        Shelf("loras", ()).find("a")
    with pytest.raises(InputError, match=r"loras='.*nowhere' is no folder"):
        Shelf("loras", (str(tmp_path / "nowhere"),)).find("a")
