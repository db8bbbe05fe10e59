"""What goes wrong while a network runs is an error that names it."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs detailer[transformers]")

from detailer.core.geometry import Size  # noqa: E402  # after the check for torch
from detailer.engines.running import running  # noqa: E402
from detailer.errors import EngineError, InputError  # noqa: E402


def run(error, **how):
    with running("detector sieve", "here", Size(640, 480), **how):
        raise error


def test_inside_there_are_no_gradients():
    weight = torch.ones(1, requires_grad=True)
    with running("detector sieve", "here", Size(1, 1)):
        assert not (weight * 2).requires_grad
    assert (weight * 2).requires_grad


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("Tried to allocate 20.00 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("MPS backend out of memory"),
    ],
)
def test_memory_that_does_not_suffice_is_told_with_a_remedy(error):
    named = "detector sieve cannot look at a picture of 640×480 with here: memory does not suffice"
    with pytest.raises(EngineError, match=f"{named}.*tile=1280"):
        run(error)
    with pytest.raises(EngineError, match=f"{named}.*; go home"):
        run(error, remedy="go home")


@pytest.mark.parametrize("error", [RuntimeError("shapes"), ValueError("x"), KeyError("logits")])
def test_what_else_fails_is_told_as_it_is(error):
    with pytest.raises(EngineError, match="with here: ") as told:
        run(error)
    assert told.value.__cause__ is error
    assert "memory" not in str(told.value)


def test_our_own_errors_pass_and_so_does_a_person_who_stops_it():
    with pytest.raises(InputError, match=r"^mine$"):
        run(InputError("mine"))
    with pytest.raises(KeyboardInterrupt):
        run(KeyboardInterrupt())
