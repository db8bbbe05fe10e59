"""The libraries' chatter: held back for a while, and then as before."""

from __future__ import annotations

import warnings

import diffusers.utils.logging as diffusers_log
import huggingface_hub.utils as hub
import pytest
import transformers.utils.logging as transformers_log

from detailer.engines.painters.diffusion.loading.quiet import quiet

LOGS = (diffusers_log, transformers_log)


def state():
    told = [(log.get_verbosity(), log.is_progress_bar_enabled()) for log in LOGS]
    return [*told, hub.are_progress_bars_disabled()]


def test_inside_nothing_is_said(capsys):
    with quiet():
        for log in LOGS:
            log.get_logger("detailer.test").error("chatter")
            log.get_logger(f"{log.__name__.partition('.')[0]}.test").error("chatter")
            assert not log.is_progress_bar_enabled()
        warnings.warn("chatter", stacklevel=1)
    captured = capsys.readouterr()
    assert captured.out == ""


def test_afterwards_everything_is_as_it_was():
    before = state()
    with quiet():
        assert state() != before
    assert state() == before


def test_after_an_error_everything_is_as_it_was():
    before = state()
    with pytest.raises(ZeroDivisionError), quiet():
        raise ZeroDivisionError
    assert state() == before


def test_what_was_quiet_before_stays_so():
    verbosity = diffusers_log.get_verbosity()
    diffusers_log.set_verbosity_error()
    diffusers_log.disable_progress_bar()
    try:
        before = state()
        with quiet():
            pass
        assert state() == before
    finally:
        diffusers_log.set_verbosity(verbosity)
        diffusers_log.enable_progress_bar()


@pytest.mark.parametrize("shown", [True, False])
def test_the_hubs_own_bars_stay_as_a_person_wants_them(shown):
    before = hub.are_progress_bars_disabled()
    (hub.enable_progress_bars if shown else hub.disable_progress_bars)()
    try:
        with quiet():
            assert hub.are_progress_bars_disabled() != shown
        assert hub.are_progress_bars_disabled() != shown
    finally:
        (hub.disable_progress_bars if before else hub.enable_progress_bars)()
