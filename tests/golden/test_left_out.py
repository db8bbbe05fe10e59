"""The table of what is left out stays short and true."""

from __future__ import annotations

import contextlib

import pytest

from detailer.errors import InputError
from tests.golden.left_out import LEFT_OUT
from tests.golden.loader import Case, check, load

MOST = 0.05


@pytest.mark.parametrize("name", sorted(LEFT_OUT))
def test_at_most_a_twentieth_of_a_set_is_left_out(name: str) -> None:
    found = load(name)
    if found is None:
        pytest.skip(f"no golden set {name}")
    left = [case for case in found if case.stratum in LEFT_OUT[name]]
    assert len(left) <= MOST * len(found)


def test_a_stratum_that_nobody_knows_fails() -> None:
    case = Case("00_none", "00_none-0001", "new", "f", {}, {"inputs": {}, "outputs": {}})
    with pytest.raises(pytest.fail.Exception, match="no check for stratum 'new'"):
        check(case, {})


def test_a_case_that_raises_where_the_peer_did_not_fails() -> None:
    def refuse(_: Case) -> None:
        raise InputError("no")

    for outputs, fine in (({"raises": "Exception"}, True), ({}, False)):
        case = Case("00_none", "00_none-0001", "old", "f", {}, {"inputs": {}, "outputs": outputs})
        with contextlib.nullcontext() if fine else pytest.raises(InputError):
            check(case, {"old": refuse})
