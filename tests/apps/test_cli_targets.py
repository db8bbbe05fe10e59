"""Targets: where results go, and what is refused before anything is done."""

import os
from pathlib import Path

import pytest

from detailer.apps.cli.targets import Output, found, jobs, one_file, side_jobs
from detailer.errors import InputError


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.jpg", "c.dat", "sub/a.png"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(name.encode())
    return tmp_path


def targets(*names, output="", **more):
    return [str(job.target) for job in jobs([Path(n) for n in names], Output(output, **more))]


def refused(*names, output="", **more):
    with pytest.raises(InputError) as caught:
        targets(*names, output=output, **more)
    return str(caught.value)


def test_a_result_lies_beside_its_source_unless_told_otherwise(here):
    assert targets("a.png", "sub/a.png") == ["a-detailed.png", str(Path("sub/a-detailed.png"))]


def test_a_source_without_a_picture_suffix_becomes_png(here):
    assert targets("c.dat") == ["c-detailed.png"]
    assert targets("c.dat", output="out/") == [str(Path("out/c.dat.png"))]


@pytest.mark.parametrize("output", ["out", "out/", "sub/deeper"])
def test_in_a_folder_names_are_kept(here, output):
    assert targets("a.png", output=output) == [str(Path(output) / "a.png")]


def test_a_folder_that_is_there_is_a_folder_whatever_its_name(here):
    Path("v1.2").mkdir()
    assert targets("a.png", output="v1.2") == [str(Path("v1.2/a.png"))]


def test_one_picture_may_go_to_a_file_of_another_format(here):
    assert targets("a.png", output="done.webp") == ["done.webp"]


def test_a_sheet_lies_beside_its_result(here):
    (job,) = jobs([Path("b.jpg")], Output("out/x.jpg", previews=True))
    assert job.preview == Path("out/x-preview.png")


def test_frames_are_numbered(here):
    (job,) = jobs([Path("a.png")], Output(previews=True))
    assert job.frame(7).target == Path("a-detailed-007.png")
    assert job.frame(7).preview == Path("a-detailed-preview-007.png")


def test_one_file_for_several_pictures_is_refused(here):
    assert "done.png is one file for 2 pictures" in refused("a.png", "b.jpg", output="done.png")


def test_two_sources_for_one_target_are_refused_with_both_names(here):
    said = refused("a.png", "sub/a.png", output="out")
    assert "would be written twice" in said
    assert "for a.png" in said
    assert str(Path("sub/a.png")) in said


def test_the_same_source_twice_is_refused(here):
    assert "would be written twice" in refused("a.png", "./a.png")


def test_a_target_that_is_its_source_needs_leave(here):
    assert "a.png is a source; give another target, or --overwrite" in refused(
        "a.png", output="a.png"
    )
    assert targets("a.png", output="a.png", overwrite=True) == ["a.png"]


def test_a_target_that_is_its_source_through_a_link_needs_leave(here):
    try:
        Path("link.png").symlink_to("a.png")
    except OSError:
        pytest.skip("this system makes no links")
    assert "is a source" in refused("a.png", output="link.png")


def test_a_target_that_is_another_source_is_refused_even_with_leave(here):
    Path("a-detailed.png").write_bytes(b"x")
    said = refused("a.png", "a-detailed.png", overwrite=True)
    assert "a-detailed.png is a source" in said


def test_a_sheet_that_would_replace_a_source_is_refused(here):
    Path("a-detailed-preview.png").write_bytes(b"x")
    assert "sheet" in refused("a.png", "a-detailed-preview.png", previews=True)


def test_a_format_that_cannot_be_written_is_refused_with_the_known_ones(here):
    said = refused("a.png", output="done.gif")
    assert "done.gif names no format" in said
    assert ".png" in said


def test_a_folder_in_the_target_s_place_is_refused(here):
    Path("a-detailed.png").mkdir()
    assert "a-detailed.png is a folder" in refused("a.png")


def test_a_file_in_a_folder_s_place_is_refused(here):
    assert "c.dat is no folder" in refused("a.png", output="c.dat/deep/x.png")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_folder_that_must_not_be_written_to_is_refused(here):
    Path("sub").chmod(0o500)
    assert "must not be written to" in refused("a.png", output="sub/x.png")


def test_everything_that_is_wrong_is_told_at_once(here):
    Path("a-detailed.png").mkdir()
    Path("b-detailed.jpg").mkdir()
    assert len(refused("a.png", "b.jpg").splitlines()) == 2


def test_pictures_that_are_missing_are_all_named(here):
    with pytest.raises(InputError) as caught:
        found(["x.png", "a.png", "y.png"])
    assert [line.split()[0] for line in str(caught.value).splitlines()] == ["x.png", "y.png"]


def test_a_folder_is_no_picture_and_the_way_to_give_its_pictures_is_shown(here):
    with pytest.raises(InputError, match=r"sub is a folder; give its pictures"):
        found(["sub"])


def test_a_pattern_that_the_shell_left_alone_is_resolved(here):
    assert found(["*.png"]) == [Path("a.png")]
    with pytest.raises(InputError, match=r"\*\.tif"):
        found(["*.tif"])


def test_a_name_that_looks_like_a_pattern_is_a_name_where_it_is_there(here):
    Path("a[1].png").write_bytes(b"x")
    assert found(["a[1].png"]) == [Path("a[1].png")]


def test_something_else_than_a_picture_goes_to_a_file_or_into_a_folder(here):
    one, several = [Path("a.png")], [Path("a.png"), Path("b.jpg")]
    file, folder = Output("plan.json"), Output("plans")
    assert side_jobs(one, file, (".json",))[0].target == Path("plan.json")
    made = side_jobs(several, folder, (".json",))
    assert [job.target for job in made] == [Path("plans/a.json"), Path("plans/b.json")]
    with pytest.raises(InputError, match="one file for 2"):
        side_jobs(several, file, (".json",))
    with pytest.raises(InputError, match="names no format"):
        side_jobs(one, Output("plan.txt"), (".json",))


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_drawing_never_replaces_its_picture(here, overwrite):
    with pytest.raises(InputError, match=r"is a source; give another target$"):
        side_jobs([Path("a.png")], Output("a.png", overwrite=overwrite), (".png",))


def test_a_file_that_is_there_is_only_replaced_with_leave(here):
    Path("plan.json").write_text("mine")
    with pytest.raises(InputError, match=r"plan\.json is there already.*--overwrite"):
        side_jobs([Path("a.png")], Output("plan.json"), (".json",))
    with pytest.raises(InputError, match=r"plan\.json is there already.*--overwrite"):
        one_file([], Output("plan.json"))
    assert one_file([], Output("plan.json", overwrite=True)) == Path("plan.json")
