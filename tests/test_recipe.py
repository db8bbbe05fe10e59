"""Recipes: their files, their names, and what is said of mistakes in them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.paint import Paint
from detailer.errors import InputError
from detailer.recipe import Recipe
from detailer.recipes import find, names
from detailer.stages.crop import Crop

KINDS = ["toml", "json", "yaml"]


@st.composite
def recipes(draw, depth=1):
    crop = Crop(crop_factor=draw(st.floats(1, 100)), upright=draw(st.booleans()))
    printable = st.characters(exclude_categories=["Cs", "Cc"])
    paint = Paint(
        prompt=draw(st.text(printable, max_size=20)), seed=draw(st.integers(0, 2**63 - 1))
    )
    then = draw(st.lists(recipes(depth=depth - 1), max_size=2)) if depth else []
    return Recipe(crop=crop, paint=paint, then=tuple(then), detect={"labels": ["a", "b"]})


@pytest.mark.parametrize("kind", KINDS)
@given(recipe=recipes())
def test_a_recipe_survives_every_kind_of_file(kind, recipe):
    assert Recipe.parse(recipe.text(kind), kind) == recipe
    assert Recipe.parse(recipe.text(kind, all=True), kind) == recipe


def test_a_seed_of_64_bits_survives_json_and_yaml():
    recipe = Recipe(paint={"seed": 2**64 - 1})
    assert Recipe.parse(recipe.text("json"), "json") == recipe
    assert Recipe.parse(recipe.text("yaml"), "yaml") == recipe


def test_text_holds_only_what_differs_unless_all_is_asked_for():
    recipe = Recipe(crop={"crop_factor": 2})
    assert recipe.text() == "[crop]\ncrop_factor = 2.0\n"
    assert "guide_size" in recipe.text(all=True)


def test_what_is_set_to_a_default_is_kept_as_set():
    recipe = Recipe(crop={"guide_size": 512}, then=(Recipe(paint={"steps": 20}),))
    again = Recipe.parse(recipe.text())
    assert again.crop.as_set() == {"guide_size": 512}
    assert again.then[0].paint.as_set() == {"steps": 20}


def test_a_change_sets_only_what_it_names():
    crop = Recipe(crop={"guide_size": 512}).crop.but(upright=True)
    assert crop.as_set() == {"guide_size": 512, "upright": True}
    assert Crop().but() == Crop()
    assert Crop().but().as_set() == {}


def test_passes_are_run_in_the_order_in_which_they_are_written():
    inner = Recipe(about="c")
    recipe = Recipe(about="a", then=(Recipe(about="b", then=(inner,)), Recipe(about="d")))
    assert [one.about for one in recipe.passes()] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[crop]\ncrop_facter = 2", ["crop", "crop_facter", "did you mean crop_factor"]),
        ("[crop]\ncrop_factor = 0.5", ["crop: crop_factor=0.5", "at least 1"]),
        ("[crop]\ncrop_factor = nan", ["crop: crop_factor", "finite"]),
        ("[crop]\ncrop_factor = inf", ["crop: crop_factor", "finite"]),
        ("[crop]\ncrop_factor = 'wide'", ["crop: crop_factor", "wide", "number"]),
        ("[krop]\ncrop_factor = 2", ["krop", "did you mean crop"]),
        ("[paint]\nseed = -1", ["paint: seed=-1", "at least 0"]),
        ("[detect]\norder = 'up'", ["detect: order", "left-right"]),
        ("[[then]]\n[then.mask]\nblurr = 1", ["then.0: mask", "blurr", "did you mean blur"]),
        ("[crop", ["TOML"]),
    ],
)
def test_a_mistake_in_a_file_is_named_with_the_file_and_the_remedy(tmp_path, text, words):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        find(file)
    for word in ["mine.toml", *words]:
        assert word in str(caught.value)


@pytest.mark.parametrize(("kind", "text"), [("json", "{"), ("json", "[1]"), ("yaml", "a: [")])
def test_a_file_that_is_not_of_its_kind_is_refused(tmp_path, kind, text):
    file = tmp_path / f"mine.{kind}"
    file.write_text(text)
    with pytest.raises(InputError, match=f"mine.{kind}"):
        find(file)


def test_a_file_of_another_kind_is_refused_with_the_known_kinds(tmp_path):
    file = tmp_path / "mine.ini"
    file.write_text("a=1")
    with pytest.raises(InputError, match="toml, json or yaml"):
        find(file)


def test_a_missing_file_is_named():
    with pytest.raises(InputError, match=r"nowhere\.toml"):
        find("nowhere.toml")


def test_a_file_that_is_not_text_is_refused(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"mine\.toml"):
        find(file)


def test_the_recipes_that_come_with_detailer_are_found_by_name():
    assert {"face", "hand", "person", "mask", "face-eyes"} <= set(names())


@pytest.mark.parametrize("name", names())
def test_every_recipe_that_comes_with_detailer_is_right_and_says_what_it_is_for(name):
    recipe = find(name)
    assert recipe.about.endswith(".")
    assert math.isclose(recipe.crop.multiple, 8)


def test_the_recipe_of_several_passes_has_them():
    assert [one.detect.detector for one in find("face-eyes").passes()] == ["auto", "eyes"]


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(InputError, match=r"'hands' is neither a file nor a name.*hand"):
        find("hands")
