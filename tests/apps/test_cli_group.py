"""Groups of settings in one word: control images, further detectors, LoRAs."""

import pytest

from detailer.apps.cli import main
from detailer.apps.cli.group import Grouped
from detailer.core.paint import Control
from detailer.errors import InputError
from detailer.recipe import Recipe
from detailer.stages.detect import Find

control = Grouped("--control", Control)


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
        (",image=a.png", ["no model", "MODEL,NAME=VALUE"]),
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


def test_a_further_detector_is_written_with_what_stays_of_it(capsys):
    words = ["--also", "yolo:hand.onnx,threshold=0.3,labels=hand,left hand,top_k=2"]
    words += ["--also", "clip,detector_options=blur=3;device=cpu"]
    assert main(["recipe", "print", "face", *words]) == 0
    first, second = Recipe.parse(capsys.readouterr().out).detect.also
    expected = Find(detector="yolo:hand.onnx", threshold=0.3, labels=("hand", "left hand"), top_k=2)
    assert first == expected
    assert second.detector_options == {"blur": 3, "device": "cpu"}


def test_a_lora_is_its_name_and_weights(capsys):
    assert main(["recipe", "print", "face", "--lora", "detail,weight=0.8"]) == 0
    (lora,) = Recipe.parse(capsys.readouterr().out).paint.loras
    assert (lora.name, lora.weight) == ("detail", 0.8)


def test_options_of_a_detector_are_numbers_truths_and_words(capsys):
    words = ["--detector-options", "blur=7,kind=mesh,sure=true,share=0.5"]
    assert main(["recipe", "print", "face", *words]) == 0
    options = Recipe.parse(capsys.readouterr().out).detect.detector_options
    assert options == {"blur": 7, "kind": "mesh", "sure": True, "share": 0.5}
