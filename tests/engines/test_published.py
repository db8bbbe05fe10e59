"""Published engines: found, listed, and named with their package where they are broken."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from detailer.engines.catalog import installed, open_detector
from detailer.errors import EngineError, InputError, MissingEngineError


def test_a_published_engine_is_found_and_listed(publish) -> None:
    publish(
        "glasses = shop:Finder", "def Finder(path='none', *, strength=1): return (path, strength)"
    )
    assert open_detector("glasses") == ("none", 1)
    assert open_detector("Glasses:file.bin", strength=2) == ("file.bin", 2)
    (card,) = [card for card in installed() if card.name == "glasses"]
    assert (card.about, card.available) == ("From shop 1.2.", True)
    with pytest.raises(InputError, match="has no option 'strenght'; did you mean strength"):
        open_detector("glasses", strenght=2)
    with pytest.raises(InputError, match="did you mean glasses"):
        open_detector("glases")


def test_a_published_engine_that_takes_no_file_refuses_one(publish) -> None:
    publish("glasses = shop:Finder", "def Finder(): return None")
    with pytest.raises(InputError, match=r"takes no file; leave out :file\.bin"):
        open_detector("glasses:file.bin")


def test_a_published_engine_does_not_take_the_name_of_ours(publish, caplog) -> None:
    publish("face = shop:Finder", "Finder = None")
    assert [card.about for card in installed() if "face" in (card.name, *card.aliases)] == [
        "Faces of every size; no download."
    ]
    assert "detector face of shop: the name is taken" in caplog.text


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        ("import library_that_is_not_there", MissingEngineError, "library_that_is_not_there"),
        ("Other = None", EngineError, "glasses of shop is not where its package says"),
    ],
)
def test_a_broken_published_engine_is_named_with_its_package(
    publish, code: str, error: type[Exception], words: str
) -> None:
    publish("glasses = shop:Finder", code)
    with pytest.raises(error, match=words):
        open_detector("glasses")


def test_what_an_old_installation_of_ours_publishes_is_left_alone(publish) -> None:
    publish("forgotten = detailer.gone:Gone", "", package="detailer")
    assert "forgotten" not in {card.name for card in installed()}
    with pytest.raises(InputError, match="'forgotten' is not known"):
        open_detector("forgotten")


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Installs a package that publishes one detector."""

    def install(point: str, code: str, package: str = "shop") -> None:
        notes = tmp_path / f"{package}-1.2.dist-info"
        notes.mkdir()
        (notes / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
        (notes / "entry_points.txt").write_text(f"[detailer.detectors]\n{point}\n")
        if package == "shop":
            (tmp_path / "shop.py").write_text(code)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "shop", raising=False)

    return install
