"""Dynamic prompts: the same seed the same text, and every fault named."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.errors import InputError
from detailer.prompts.dynamic import LONGEST, resolved
from detailer.prompts.wildcards import Wildcards

SEEDS = st.integers(0, 2**64 - 1)
WORDS = st.text("abc ,:.()", max_size=8)
WILDCARDS = Wildcards(
    {
        "colour": ["red", "green", "blue"],
        "person/who": ["{old|young} __person/what__"],
        "person/what": ["woman", "man"],
        "weighed": ["9::x", "1::y"],
        "deep/only": ["found"],
        "single": ["one"],
    }
)


def braces(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    parts = st.lists(inside, max_size=4).map(lambda each: "{" + "|".join(each) + "}")
    return st.lists(inside | parts, max_size=3).map("".join)


PROMPTS = st.recursive(WORDS, braces, max_leaves=12)
"""Texts whose braces are balanced."""


@given(PROMPTS, SEEDS)
def test_the_same_seed_gives_the_same_text(prompt: str, seed: int) -> None:
    assert resolved(prompt, seed) == resolved(prompt, np.random.default_rng(seed))


@given(PROMPTS, SEEDS)
def test_balanced_braces_are_all_gone(prompt: str, seed: int) -> None:
    assert not set("{|}") & set(resolved(prompt, seed))


@given(st.text().filter(lambda text: not re.search(r"[{}#]|__", text)), SEEDS)
def test_a_text_with_nothing_to_choose_comes_back_as_it_is_and_draws_nothing(
    text: str, seed: int
) -> None:
    random = np.random.default_rng(seed)
    assert resolved(text, random) == text
    assert random.bit_generator.state == np.random.default_rng(seed).bit_generator.state


@given(st.lists(WORDS, min_size=1, max_size=6), st.integers(0, 9), st.integers(0, 9), SEEDS)
def test_what_is_chosen_comes_from_the_alternatives_each_once_at_most(
    words: list[str], least: int, more: int, seed: int
) -> None:
    # An index makes them different and keeps "::" from becoming a weight.
    texts = [f"{i}{word}".replace("::", "") for i, word in enumerate(words)]
    got = resolved(f"{{{least}-{least + more}$$;$${'|'.join(texts)}}}", seed)
    chosen = got.split(";") if got else []
    assert set(chosen) <= set(texts)
    assert len(set(chosen)) == len(chosen)
    assert min(least, len(texts)) <= len(chosen) <= min(least + more, len(texts))


def test_alternatives_are_as_frequent_as_they_weigh() -> None:
    counts = Counter(resolved("{1::a|2.5::b|c| .5::d|0::never}", seed) for seed in range(5000))
    weights = {"a": 1, "b": 2.5, "c": 1, "d": 0.5}
    expected = {word: 5000 * weight / 5 for word, weight in weights.items()}
    assert set(counts) == set(expected)
    # Chi square with 3 degrees of freedom: above 16.3 once in a thousand. The seeds are fixed.
    assert sum((counts[word] - n) ** 2 / n for word, n in expected.items()) < 16.3


def test_lines_of_a_wildcard_are_equally_frequent() -> None:
    counts = Counter(resolved("__colour__", seed, WILDCARDS) for seed in range(3000))
    assert set(counts) == {"red", "green", "blue"}
    assert sum((n - 1000) ** 2 / 1000 for n in counts.values()) < 13.9  # 2 degrees of freedom


def test_every_alternative_that_weighs_something_is_taken_where_more_are_asked() -> None:
    for seed in range(20):
        assert sorted(resolved("{4$$a|2::b|0::c}", seed).split()) == ["a", "b"]


@pytest.mark.parametrize(
    ("prompt", "results"),
    [
        ("{|a}", {"", "a"}),
        ("{a|}", {"", "a"}),
        ("{}", {""}),
        ("{0$$a|b}", {""}),
        ("{9$$a}", {"a"}),
        ("{ -2 $$+$$a|b}", {"a", "b", "a+b", "b+a"}),
        ("{1 - 2$$a|b}", {"a", "b", "a b", "b a"}),
        ("{a::b|a::b}", {"a::b"}),
        ("{1e3::a}", {"1e3::a"}),
        ("a}b{c", {"a}b{c"}),
        ("{{a}", {"{a"}),
        ("__a b__ _____ __", {"__a b__ _____ __"}),
        ("2#__single__", {"one|one"}),
        ("0#__single__", {""}),
        ("{2$$, $$2#__single__}", {"one, one"}),
        ("__Single__ __*ingl*__", {"one one"}),
        ("__only__ __DEEP\\only__ __deep/*__ __*/only__", {"found found found found"}),
        ("__person/who__", {f"{a} {b}" for a in ("old", "young") for b in ("woman", "man")}),
        ("__weighed__", {"9::x", "1::y"}),
        ("{1$$__weighed__}", {"x", "y"}),
        ("{2$$ & $$__single__ __only__}", {"one & found", "found & one"}),
        ("{2$$a __single__}", {"a one"}),
        ("<lora:my__style__v2:1>", {"<lora:my__style__v2:1>"}),
        ("<lora:__single__:1>", {"<lora:one:1>"}),
        ("a # b\n# gone\nc", {"a # b c"}),
    ],
)
def test_a_prompt_becomes_one_of_these_texts(prompt: str, results: set[str]) -> None:
    assert {resolved(prompt, seed, WILDCARDS) for seed in range(60)} == results


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("__colur__", r"__colur__ does not exist; did you mean __colour__\?"),
        ("__what__ __wat__", r"__wat__ does not exist; did you mean .*__person/what__"),
        ("{1$$__qqqqq__}", r"__qqqqq__ does not exist; there are colour.* and 1 more"),
        ("__person/*x__", r"__person/\*x__ does not exist"),
        ("__../colour__", r"__../colour__ does not exist"),
        ("{3-1$$a|b}", r"\{3-1\$\$a\|b\} asks for 3 to 1; write the smaller one first"),
        ("{-0$$a}", "asks for 1 to 0"),
        ("{some$$a|b}", r"'some' before \$\$, which is no count; write \{2\$\$…\}"),
        ("{1234567890$$a|b}", "which is no count"),
        ("{$$a|b}", "which is no count"),
        ("{-1::a|b}", "has the weight -1; write a number from 0 to 1e9"),
        ("{1.2.3::a|b}", "has the weight 1.2.3"),
        ("{" + "9" * 400 + "::a|b}", "has the weight 9999"),
        ("{0::a|.0::b}", "all of 'a', 'b' weigh 0; give one of them a weight above 0"),
        ("99999#__single__", "takes more than 100000 characters"),
        ("{" * 101 + "}" * 101, "has braces nested deeper than 100"),
        ("{a}" + "b" * LONGEST, "grows beyond 100000 characters"),
    ],
)
def test_a_prompt_that_cannot_be_resolved_is_refused_with_the_remedy(
    prompt: str, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        resolved(prompt, 0, WILDCARDS)


def test_a_name_without_any_wildcards_asks_for_their_folder() -> None:
    with pytest.raises(InputError, match="give the folder that has them"):
        resolved("__colour__", 0)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(InputError, match="seed=-1 is below 0"):
        resolved("{a|b}", -1)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ({"a": ["__a__"]}, "not resolved after 100 rounds.*circle: __a__ → __a__"),
        ({"a": ["x __B__"], "b": ["y {c __a__}"]}, "circle: __(a|b)__ → __(a|b)__ → __"),
        ({"a": ["__b__"], "x/b": ["__a__"]}, r"circle: __\*/b__ → __a__ → __\*/b__"),
        ({"a": ["__a__ __a__"]}, "draws more than 10000 lines.*circle: __a__ → __a__"),
        ({"a": ["{1$$__a__}"]}, "circle: __a__ → __a__"),
        ({"a": ["{1$$__a__}"] * 2}, "circle: __a__ → __a__"),
        ({"a": ["long " * 9000 + "__a__"]}, "grows beyond.*circle: __a__ → __a__"),
    ],
)
def test_wildcards_in_a_circle_are_named(lines: dict[str, list[str]], told: str) -> None:
    with pytest.raises(InputError, match=told):
        resolved("__a__ {1$$__a__}", 0, Wildcards(lines))


def test_a_wildcard_may_lead_back_to_itself_if_it_comes_to_an_end() -> None:
    wildcards = Wildcards({"list": ["a", "b, __list__"]})
    assert re.fullmatch("(b, )*a", resolved("__list__", 3, wildcards))


def test_a_chain_of_many_wildcards_is_no_circle() -> None:
    chain = Wildcards({str(i): [f"__{i + 1}__"] for i in range(200)} | {"200": ["end"]})
    assert resolved("__150__", 0, chain) == "end"
    with pytest.raises(InputError, match="after 100 rounds; it begins '__100__'"):
        resolved("__0__", 0, chain)


def test_a_name_that_does_not_exist_stays_as_the_nodes_leave_it_where_that_is_asked() -> None:
    names = "__none__ __a/none__ __none__ __no*ne__ __colour__ {1$$__none__}"
    got = resolved(names, 0, WILDCARDS, compatible=True)
    assert re.fullmatch(
        r"__\*/none__ __a/none__ __\*/none__ __no\*ne__ (red|green|blue) __\*/none__", got
    )
    endless = resolved("__a__", 0, Wildcards({"a": ["b__a__"]}), compatible=True)
    assert endless == "b" * 100 + "__a__"


def test_a_row_of_names_in_counted_braces_is_told_from_a_text_at_once() -> None:
    names = "__colour__" * 40
    assert resolved(f"{{1$${names}}}", 0, WILDCARDS) in ("red", "green", "blue")
    assert resolved(f"{{1$${names}!}}", 0, WILDCARDS).endswith("!")


def test_a_generator_goes_on_from_where_it_stands() -> None:
    random = np.random.default_rng(5)
    got = [resolved("__colour__", random, WILDCARDS) for _ in range(30)]
    assert set(got) == {"red", "green", "blue"}


def test_a_name_of_some_folder_is_drawn_in_the_nodes_order() -> None:
    wildcards = Wildcards({"x/a": ["__b__"], "b": list("0123456789"), "c": list("0123456789")})
    random = np.random.default_rng(11)
    # Drawn: c; then, looking the text over again for a, c; then c as it was found at first; b.
    first, second, _, last = (str(random.integers(10)) for _ in range(4))
    assert resolved("__c__ __a__ __c__", 11, wildcards) == f"{first} {last} {second}"
