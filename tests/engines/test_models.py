"""Model files: fetched once, checked before they are kept, and never half."""

from __future__ import annotations

import contextlib
import hashlib
import io
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.request import urlopen

import pytest

from detailer.engines.files.downloads import YUNET
from detailer.engines.files.models import (
    Download,
    cache_directory,
    fetched,
    installed_file,
    is_fetched,
    is_offline,
    open_https,
)
from detailer.errors import EngineError, MissingEngineError

CONTENT = bytes(range(256)) * 40


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("DETAILER_CACHE", str(folder))
    monkeypatch.delenv("DETAILER_OFFLINE", raising=False)
    return folder


@pytest.fixture
def address() -> Iterator[str]:
    """A server on this machine; /short ends early, /moved leads to the file."""

    class Shelf(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", "/model.onnx")
                self.end_headers()
                return
            known = self.path in ("/model.onnx", "/short")
            self.send_response(200 if known else 404)
            self.send_header("Content-Length", str(len(CONTENT) if known else 0))
            self.end_headers()
            if known:
                self.wfile.write(CONTENT[: 100 if self.path == "/short" else None])

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Shelf)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def _wanted(address: str, content: bytes = CONTENT) -> Download:
    return Download("model.onnx", address, hashlib.sha256(content).hexdigest(), len(content))


def _plain(address: str):
    return contextlib.closing(urlopen(address, timeout=5))


def _never(address: str):
    raise AssertionError(f"{address} was opened")


@pytest.mark.parametrize("path", ["model.onnx", "moved"])
def test_a_file_is_fetched_once_and_then_taken_from_the_cache(
    address: str, cache: Path, path: str
) -> None:
    wanted = _wanted(f"{address}/{path}")
    assert not is_fetched(wanted)
    first = fetched(wanted, opener=_plain)
    assert first == cache / "model.onnx"
    assert first.read_bytes() == CONTENT
    assert fetched(wanted, opener=_never) == first
    assert fetched(wanted, offline=True, opener=_never) == first
    assert [file.name for file in cache.iterdir()] == ["model.onnx"]


def test_a_damaged_file_in_the_cache_is_fetched_again(address: str, cache: Path) -> None:
    cache.mkdir()
    (cache / "model.onnx").write_bytes(CONTENT[:-1] + b"x")
    assert fetched(_wanted(f"{address}/model.onnx"), opener=_plain).read_bytes() == CONTENT


@pytest.mark.parametrize(
    "content", [CONTENT[::-1], CONTENT[:-1], CONTENT + b"x"], ids=["other", "shorter", "longer"]
)
def test_a_file_with_other_bytes_is_refused_and_not_kept(
    address: str, cache: Path, content: bytes
) -> None:
    with pytest.raises(EngineError, match=r"model\.onnx gave .*; expected .* nothing was kept"):
        fetched(_wanted(f"{address}/model.onnx", content), opener=_plain)
    assert not cache.exists()


def test_no_more_is_read_than_there_should_be() -> None:
    class Endless(io.RawIOBase):
        given = 0

        def read(self, amount: int = -1) -> bytes:
            self.given += amount
            return b"x" * amount

        def geturl(self) -> str:
            return "https://example.org/model.onnx"

    stream = Endless()
    with pytest.raises(EngineError, match="gave more"):
        fetched(_wanted("https://example.org/"), opener=lambda _: contextlib.closing(stream))
    assert stream.given == len(CONTENT) + 1


@pytest.mark.parametrize("path", ["absent.onnx", "short"])
def test_a_failed_fetch_says_how_to_do_it_by_hand(address: str, cache: Path, path: str) -> None:
    with pytest.raises((MissingEngineError, EngineError), match=path):
        fetched(_wanted(f"{address}/{path}"), opener=_plain)
    assert not (cache / "model.onnx").exists()


def test_an_unreachable_address_says_how_to_do_it_by_hand(cache: Path) -> None:
    def unreachable(address: str):
        raise OSError("no route")

    with pytest.raises(MissingEngineError, match=r"no route.*fetch https://x/ yourself") as error:
        fetched(_wanted("https://x/"), opener=unreachable)
    assert str(cache / "model.onnx") in str(error.value)


@pytest.mark.parametrize("value", ["1", "true", "yes"])
def test_offline_nothing_is_opened(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("DETAILER_OFFLINE", value)
    assert is_offline()
    with pytest.raises(MissingEngineError, match="network is off"):
        fetched(_wanted("https://x/"), opener=_never)


@pytest.mark.parametrize("value", ["", "0", "false", "No"])
def test_the_switch_may_say_no(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("DETAILER_OFFLINE", value)
    assert not is_offline()


def test_an_address_that_is_not_https_is_refused(address: str) -> None:
    with pytest.raises(EngineError, match="not an https address"):
        fetched(_wanted(f"{address}/model.onnx"))


def test_an_address_that_leads_away_from_https_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Led(io.BytesIO):
        def geturl(self) -> str:
            return "http://elsewhere/"

    answer = Led(b"")
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: answer)
    with pytest.raises(EngineError, match="leads to http://elsewhere/"):
        open_https("https://x/")
    assert answer.closed


def test_a_cache_that_cannot_be_written_is_named(address: str, cache: Path) -> None:
    cache.write_bytes(b"a file where the folder should be")
    with pytest.raises(EngineError, match=r"cannot be written.*DETAILER_CACHE"):
        fetched(_wanted(f"{address}/model.onnx"), opener=_plain)


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/there"}, "/there/detailer"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "/home/me/.cache/detailer"),
        ("linux", {}, "/home/me/.cache/detailer"),
        ("darwin", {"XDG_CACHE_HOME": "/there"}, "/home/me/Library/Caches/detailer"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/detailer/cache"),
        ("win32", {}, "/home/me/AppData/Local/detailer/cache"),
    ],
)
def test_the_cache_lies_where_the_system_keeps_caches(
    monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], expected: str
) -> None:
    for name in ("DETAILER_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(Path, "home", lambda: Path("/home/me"))
    monkeypatch.setattr(sys, "platform", platform)
    assert cache_directory() == Path(expected)


def test_a_file_of_an_installed_package_is_found_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "brought_along"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('it was imported')")
    (package / "model.onnx").write_bytes(b"weights")
    monkeypatch.syspath_prepend(tmp_path)
    assert installed_file("brought_along", "model.onnx", "faces") == package / "model.onnx"
    with pytest.raises(MissingEngineError, match=r"brought_along has no other\.onnx.*\[faces\]"):
        installed_file("brought_along", "other.onnx", "faces")


def test_a_missing_package_is_named_with_the_extra_that_brings_it() -> None:
    with pytest.raises(MissingEngineError, match=r"needs not_there.*detailer\[faces\]"):
        installed_file("not_there", "model.onnx", "faces")


def test_the_addresses_are_https_and_pinned_to_a_commit() -> None:
    assert YUNET.address.startswith("https://")
    assert "/main/" not in YUNET.address
    assert len(YUNET.sha256) == 64
