import errno
import os
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest

from detailer.apps.files import Write, read, write
from detailer.apps.files.store import store
from detailer.errors import OutputError
from tests.apps.files_made import full_png, saved


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return saved(tmp_path, "a.png", full_png())


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def stopped(*_: object) -> None:
    raise KeyboardInterrupt


def test_the_new_file_takes_the_old_ones_place(target):
    store(b"new", target)
    assert target.read_bytes() == b"new"
    assert list(target.parent.iterdir()) == [target]


def test_a_new_file_is_made(tmp_path):
    store(b"new", tmp_path / "b.png")
    assert (tmp_path / "b.png").read_bytes() == b"new"


class Broken:
    """A file on which a fault strikes at opening, or after half of what was to be written."""

    def __init__(self, fault, at):
        self.fault, self.at, self.really_open = fault, at, Path.open

    def open(self, path, mode="r", **options):
        file = self.really_open(path, mode, **options)
        if mode == "xb" and self.at == "open":
            file.close()
            self.fault()
        return HalfWritten(file, self.fault) if mode == "xb" else file


class HalfWritten:
    def __init__(self, file, fault):
        self.file, self.fault = file, fault

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, content):
        self.file.write(content[: len(content) // 2])
        self.fault()


def strike(monkeypatch, step, fault):
    if step in ("open", "write"):
        broken = Broken(fault, step)

        # A plain function: as a method of another class it would not be given the path.
        def opened(path, *how, **more):
            return broken.open(path, *how, **more)

        monkeypatch.setattr(Path, "open", opened)
    else:
        place = {"fsync": os, "replace": Path, "copymode": shutil}[step]
        monkeypatch.setattr(place, step, fault)


@pytest.mark.parametrize("step", ["open", "write", "fsync", "copymode", "replace"])
@pytest.mark.parametrize("fault", [full_disk, stopped])
def test_a_fault_at_any_step_leaves_the_original_whole_and_nothing_beside_it(
    step, fault, target, monkeypatch
):
    before = target.read_bytes()
    with monkeypatch.context() as patch:
        strike(patch, step, fault)
        with pytest.raises(OutputError if fault is full_disk else KeyboardInterrupt):
            store(b"new", target)
    assert target.read_bytes() == before
    assert list(target.parent.iterdir()) == [target]


def test_a_full_disk_is_named_with_the_remedy(target, monkeypatch):
    monkeypatch.setattr(os, "fsync", full_disk)
    photo = read(target)
    with pytest.raises(OutputError, match=r"a\.png cannot be written: No space left.*Make room"):
        write(photo, photo.pixels, target, settings=Write(overwrite=True))
    monkeypatch.undo()
    np.testing.assert_array_equal(read(target).pixels, photo.pixels)


def test_a_folder_that_cannot_be_flushed_is_no_fault(target, monkeypatch):
    flushed = os.fsync

    def only_files(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "no")
        flushed(handle)

    monkeypatch.setattr(os, "fsync", only_files)
    store(b"new", target)
    assert target.read_bytes() == b"new"


def test_a_link_stays_a_link_and_its_file_is_replaced(target):
    link = target.with_name("link.png")
    link.symlink_to(target.name)
    store(b"new", link)
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_permissions_are_kept(target):
    target.chmod(0o640)
    store(b"new", target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@pytest.mark.parametrize("name", ["a.png", "new.png"])
def test_what_must_not_be_written_to_is_refused(name, target, monkeypatch):
    photo = read(target)
    refused = target if name == "a.png" else target.parent
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != refused and allowed(path, mode))
    with pytest.raises(OutputError, match="must not be written to; change its permissions"):
        write(photo, photo.pixels, target.with_name(name), settings=Write(overwrite=True))


def test_a_name_as_long_as_the_disk_allows_can_be_written(tmp_path):
    path = tmp_path / ("ö" * 120 + ".png")
    store(b"new", path)
    assert path.read_bytes() == b"new"
