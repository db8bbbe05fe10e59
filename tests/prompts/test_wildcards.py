"""Wildcards from folders: lazily, sorted, and nothing from outside of them."""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from detailer.errors import InputError, MissingEngineError
from detailer.prompts import folder as folders
from detailer.prompts.dynamic import resolved
from detailer.prompts.wildcards import Wildcards

Write = Callable[..., Wildcards]


@pytest.fixture
def written(tmp_path: Path) -> Write:
    """Writes files into a folder, and gives its wildcards."""

    def write(files: dict[str, str | bytes]) -> Wildcards:
        for name, content in files.items():
            path = tmp_path / "wildcards" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return Wildcards.of([tmp_path / "wildcards"])

    return write


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of files that are opened from now on."""
    names: list[str] = []
    real = Path.open

    def spy(self: Path, *arguments: Any, **named: Any) -> Any:
        names.append(self.name)
        return real(self, *arguments, **named)

    monkeypatch.setattr(Path, "open", spy)
    return names


def test_a_file_gives_its_lines_but_for_comments_and_empty_ones(written: Write) -> None:
    wildcards = written(
        {"Hair Colour.TXT": "  red \r\n# not this\r\n\r\n  # nor this\rblue\n{a|b}"}
    )
    assert wildcards.names() == ("hair-colour",)
    assert wildcards.find("HAIR COLOUR") == ("red", "blue", "{a|b}")


def test_folders_are_part_of_the_name(written: Write) -> None:
    wildcards = written({"A/b c/D.txt": "x", "top.txt": "y", ".hidden/z.txt": "z", ".q.txt": "q"})
    assert wildcards.names() == ("a/b-c/d", "top")
    assert wildcards.find("a\\b c\\d") == ("x",)
    assert resolved("__d__ __A/b-c/D__ __*__", 0, wildcards)[:4] == "x x "


def test_texts_are_utf_8_else_latin_1(written: Write) -> None:
    wildcards = written(
        {
            "new.txt": "é",
            "marked.txt": b"\xef\xbb\xbffirst\nsecond",
            "old.txt": "é\x85à".encode("latin-1"),
        }
    )
    assert wildcards.find("new") == ("é",)
    assert wildcards.find("marked") == ("first", "second")
    assert wildcards.find("old") == ("é\x85à",)


@pytest.mark.parametrize("content", [b"\x89PNG\0\0", "text".encode("utf-16")])
def test_a_file_that_is_no_text_is_refused(written: Write, content: bytes) -> None:
    with pytest.raises(InputError, match=r"a.txt is no text; save it as UTF-8"):
        written({"a.txt": content}).find("a")


def test_a_file_is_read_when_it_is_asked_for_and_then_once(
    written: Write, opened: list[str]
) -> None:
    wildcards = written({f"{i // 100}/{i}.txt": f"line {i}" for i in range(500)} | {"y.yaml": "a:"})
    opened.clear()
    assert resolved("__4/432__ __4/432__ {1$$__0/7__}", 0, wildcards) == "line 432 line 432 line 7"
    assert opened == ["7.txt", "432.txt"]  # braces come first


def test_yaml_is_read_once_and_only_when_a_name_is_no_file_s(
    written: Write, opened: list[str]
) -> None:
    pytest.importorskip("yaml", reason="needs detailer[cli]")
    wildcards = written({"a.txt": "1", "b.yaml": "b:\n  C d: [2]\na: [9]", "c.yml": "b: {c d: 3}"})
    opened.clear()
    assert wildcards.find("a") == ("1",)
    assert opened == ["a.txt"]
    assert wildcards.find("b/c-d") == ("2", "3")
    assert wildcards.find("none") is None
    assert opened == ["a.txt", "b.yaml", "c.yml"]
    assert wildcards.names() == ("a", "b/c-d")


def test_a_pattern_takes_the_lines_of_all_names_that_it_fits_sorted(written: Write) -> None:
    wildcards = written(
        {"p/b.txt": "2\n3", "p/a/x.txt": "1", "p.txt": "0", "pq.txt": "4", "q/a.txt": "5"}
    )
    assert wildcards.find("*") == ("0", "1", "2", "3", "4", "5")
    assert wildcards.find("p/*") == ("0", "1", "2", "3")
    assert wildcards.find("p*") == ("0", "1", "2", "3", "4")
    assert wildcards.find("*/a") == ("1", "5")
    assert wildcards.find("*/x") == ("1",)
    assert wildcards.find("[p]*") is None
    assert wildcards.find("z*") is None


def test_the_first_folder_that_has_a_name_counts(tmp_path: Path) -> None:
    for name, line in (("mine", "m"), ("theirs", "t")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text(line)
        (tmp_path / name / f"{name}.txt").write_text(name)
    wildcards = Wildcards.of([tmp_path / "mine", str(tmp_path / "theirs")])
    assert wildcards.find("a") == ("m",)
    assert wildcards.find("theirs") == ("theirs",)
    assert wildcards.find("*") == ("m", "mine", "theirs")


def test_files_whose_names_come_to_the_same_are_read_one_after_another(written: Write) -> None:
    assert written({"a b.txt": "1", "a-b.txt": "2"}).find("a b") == ("1", "2")


@pytest.mark.parametrize("place", ["missing", "file"])
def test_a_folder_that_is_none_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=f"{place}' (does not exist|is a file); give a folder"):
        Wildcards.of([tmp_path / place])


@pytest.mark.parametrize(
    "name", ["../secret", "..\\secret", "a/../../secret", "{}/secret", "*/../secret", ".", ".."]
)
def test_a_name_does_not_lead_out_of_the_folder(
    written: Write, tmp_path: Path, opened: list[str], name: str
) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    wildcards = written({"a/b.txt": "x"})
    opened.clear()
    with pytest.raises(InputError, match="does not exist"):
        resolved(f"__{name.format(tmp_path)}__", 0, wildcards)
    assert opened == []


def test_a_link_that_leads_out_of_the_folder_is_refused_and_one_within_is_not(
    written: Write, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text("secret")
    wildcards = written({"a.txt": "x"})
    inside = tmp_path / "wildcards"
    try:
        (inside / "link.txt").symlink_to(tmp_path / "outside" / "secret.txt")
    except OSError:
        pytest.skip("links cannot be made here")
    (inside / "same.txt").symlink_to(inside / "a.txt")
    (inside / "broken.txt").symlink_to(inside / "nothing.txt")
    (inside / "all").symlink_to(tmp_path / "outside", target_is_directory=True)
    assert wildcards.names() == ("a", "link", "same")
    assert wildcards.find("same") == ("x",)
    with pytest.raises(InputError, match=r"link.txt leads out of the folder of wildcards"):
        wildcards.find("link")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_what_is_no_file_is_not_waited_for(written: Write, tmp_path: Path) -> None:
    wildcards = written({"a.txt": "x"})
    os.mkfifo(tmp_path / "wildcards" / "pipe.txt")
    assert wildcards.find("*") == ("x",)


def test_a_file_that_is_too_large_is_refused(
    written: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "LARGEST_FILE", 10)
    wildcards = written({"a.txt": "0123456789", "b.txt": "0123456789+"})
    assert wildcards.find("a") == ("0123456789",)
    with pytest.raises(InputError, match=r"b.txt is larger than 10 bytes; divide it"):
        wildcards.find("b")


def test_a_folder_of_too_many_files_is_refused(
    written: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "MOST_FILES", 3)
    with pytest.raises(InputError, match="more than 3 files; give one below"):
        written({f"{i}.txt": "" for i in range(4)}).find("1")


def test_a_file_that_vanished_is_named(written: Write, tmp_path: Path) -> None:
    wildcards = written({"a.txt": "x"})
    assert wildcards.names() == ("a",)
    (tmp_path / "wildcards" / "a.txt").unlink()
    with pytest.raises(InputError, match=r"a.txt cannot be read: No such file"):
        wildcards.find("a")


def test_a_folder_that_cannot_be_listed_is_named(
    written: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    wildcards = written({"a.txt": "x"})
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match="wildcards cannot be listed: Permission denied"):
        wildcards.names()


def test_a_wildcard_without_lines_is_refused(written: Write) -> None:
    with pytest.raises(InputError, match="wildcard __a__ has no lines; write one choice"):
        resolved("__a__", 0, written({"a.txt": "# nothing\n\n"}))


@pytest.mark.parametrize("value", ["text", [1], ["a", None]])
def test_a_dictionary_of_something_else_than_texts_is_refused(value: Any) -> None:
    with pytest.raises(InputError, match=r"wildcard 'a' is .*; give a list of texts"):
        Wildcards({"a": value})


def test_without_pyyaml_text_files_work_and_the_rest_says_what_to_install(
    written: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def refuse(name: str, *arguments: Any, **named: Any) -> Any:
        if name == "yaml":
            raise ImportError(name)
        return real(name, *arguments, **named)

    monkeypatch.delitem(sys.modules, "yaml", raising=False)
    monkeypatch.setattr(builtins, "__import__", refuse)
    wildcards = written({"a.txt": "x", "b.yaml": "b: [y]"})
    assert resolved("__a__", 0, wildcards) == "x"
    with pytest.raises(MissingEngineError, match=r"b.yaml needs PyYAML; run: pip install 'deta"):
        resolved("__b__", 0, wildcards)
