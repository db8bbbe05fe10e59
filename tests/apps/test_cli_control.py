"""--control: what guides a diffusion painter, as it is written on the command line."""

import pytest

from detailer.apps.cli import main
from detailer.apps.cli.control import control
from detailer.core.paint import Control
from detailer.errors import InputError
from detailer.recipe import Recipe


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lllyasviel/canny", Control(model="lllyasviel/canny")),
        (
            "net.safetensors,image=edges.png,strength=0.8,start=0.1,end=0.9",
            Control(model="net.safetensors", image="edges.png", strength=0.8, start=0.1, end=0.9),
        ),
        ("net,preprocessor=canny", Control(model="net", preprocessor="canny")),
        (
            "model=face, kind=reference, image=me.png",
            Control(model="face", kind="reference", image="me.png"),
        ),
        (
            "C:\\nets, old\\a=b.safetensors,image=D:\\x, y.png",
            Control(model="C:\\nets, old\\a=b.safetensors", image="D:\\x, y.png"),
        ),
    ],
)
def test_a_control_is_its_model_and_names_with_values(text, expected):
    assert control(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("net,strenght=2", ["strenght", "did you mean strength"]),
        ("net,strength=2,strength=1", ["strength is given twice"]),
        ("net,strength=11", ["strength", "at most 10"]),
        ("net,strength=much", ["strength", "much", "number"]),
        ("net,kind=lora", ["kind", "control"]),
        (",image=a.png", ["no model", "MODEL,image=FILE"]),
        ("image=a.png", ["no model"]),
    ],
)
def test_a_mistake_in_a_control_is_told_with_the_remedy(text, words):
    with pytest.raises(InputError) as caught:
        control(text)
    for word in (text, *words):
        assert word in str(caught.value)


def test_controls_of_the_command_line_are_those_of_the_recipe(capsys):
    words = ["--control", "a,image=a.png", "--control", "b,kind=reference,image=b.png"]
    assert main(["recipe", "print", "face", *words]) == 0
    recipe = Recipe.parse(capsys.readouterr().out)
    assert [one.model for one in recipe.paint.controls] == ["a", "b"]
    assert recipe.paint.controls[1].kind == "reference"


def test_a_mistake_is_told_as_every_other_option_is(capsys):
    assert main(["recipe", "print", "face", "--control", "a,strenght=1"]) == 2
    error = capsys.readouterr().err
    assert "--control" in error
    assert "did you mean strength" in error
