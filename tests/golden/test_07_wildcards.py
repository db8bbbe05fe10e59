"""Prompts that choose, and their tags, as the nodes resolve them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pytest

from detailer.prompts.comments import uncommented
from detailer.prompts.dynamic import resolved
from detailer.prompts.lora import blocks, parsed
from detailer.prompts.separators import separated
from detailer.prompts.weights import is_number
from detailer.prompts.wildcards import Wildcards
from tests.golden.loader import Case, cases, check, load

SET = "07_wildcards"
OF_TEXTS = {
    "process", "process_many_seeds", "rng_stream", "lora", "comment", "numeric", "sep",
}  # fmt: skip
OF_REGIONS = {"seq", "rnd", "lab", "do_detail"}
"""What test_07_regions.py checks."""

RECORDED_CALLS = [
    "integers(1,4,size=1)",
    "choice(list('abcde'),p=[.1,.2,.3,.2,.2],size=2,replace=False)",
    "choice(list('abcd'))",
    "shuffle(list('abcdef'))",
    "integers(0,10,size=1)",
]


def cases_of(strata: Collection[str]) -> pytest.MarkDecorator:
    """As `cases`, for some of the strata of this set."""
    found = load(SET)
    if found is None:
        return cases(SET)
    chosen = [case for case in found if case.stratum in strata]
    return pytest.mark.parametrize("case", chosen, ids=[case.id for case in chosen])


def test_every_stratum_of_the_set_is_checked_by_one_of_its_two_files() -> None:
    found = load(SET)
    if found is None:
        pytest.skip(f"no golden set {SET}; set DETAILER_GOLDEN to its folder")
    assert {case.stratum for case in found} <= OF_TEXTS | OF_REGIONS
    assert not OF_TEXTS & OF_REGIONS


@cases_of(OF_TEXTS)
def test_a_text_comes_out_as_the_nodes_resolve_it(case: Case) -> None:
    check(
        case,
        {
            "process": text,
            "process_many_seeds": text,
            "rng_stream": stream,
            "lora": lora,
            "comment": comment,
            "numeric": numeric,
            "sep": sep,
        },
    )


def text(case: Case) -> None:
    params, expected = case.params, case.outputs["result"]
    wildcards = Wildcards(params["wildcards"])
    # Unless asked to be compatible ours refuses a name that does not exist; the nodes leave it.
    left = "__*/" in expected
    assert resolved(params["text"], params["seed"], wildcards, compatible=left) == expected


def stream(case: Case) -> None:
    """The recorded calls of the generator, each made by what in a prompt makes it."""
    assert case.params["calls"] == RECORDED_CALLS
    random, outputs = np.random.default_rng(case.params["seed"]), case.outputs
    lines = {"three": list("123"), "four": list("abcd"), "ten": list("0123456789")}
    wildcards = Wildcards(lines)
    assert resolved("__three__", random, wildcards) == str(outputs["r0"])
    weighed = "{2$$$$.1::a|.2::b|.3::c|.2::d|.2::e}"
    assert resolved(weighed, random) == "".join(outputs["r1"])
    assert resolved("__four__", random, wildcards) == outputs["r2"]
    assert resolved("{9$$$$a|b|c|d|e|f}", random) == "".join(outputs["r3"])
    assert resolved("__ten__", random, wildcards) == str(outputs["r4"])


def lora(case: Case) -> None:
    remaining, loras = parsed(case.params["text"], compatible=True)
    assert remaining == case.outputs["remaining"]
    found = []
    for each in loras:
        by_blocks = blocks(each.blocks)
        weights = [each.weight, each.text_weight]
        found.append([each.name, *weights, by_blocks.weights, by_blocks.a, by_blocks.b])
    assert found == case.outputs["loras"]


def comment(case: Case) -> None:
    assert uncommented(case.params["text"]) == case.outputs["result"]


def numeric(case: Case) -> None:
    assert is_number(case.params["text"]) == case.outputs["result"]


def sep(case: Case) -> None:
    found = [[item.seed, item.text] for item in separated(case.params["text"])]
    expected = case.outputs["items"]
    if "[SEP:R]" in case.params["text"]:  # the nodes draw those seeds without one of their own
        expected = [
            ["random" if mine == "random" else seed, said]
            for (mine, _), (seed, said) in zip(found, expected, strict=True)
        ]
    assert found == expected
