"""Where a model of torch runs."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs detailer[transformers]")

from detailer.engines.device import device_of  # noqa: E402  # after the check for torch
from detailer.errors import EngineError, InputError  # noqa: E402

CPU = torch.device("cpu")


@pytest.fixture
def without_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def with_cards(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)


@pytest.mark.usefixtures("without_gpu")
def test_without_a_gpu_auto_is_the_cpu():
    assert device_of("auto") == CPU


@pytest.mark.usefixtures("with_cards")
def test_with_cards_auto_is_the_current_one_and_others_can_be_named():
    wanted = ["auto", "cuda", "cuda:1", "cpu"]
    assert [str(device_of(each)) for each in wanted] == ["cuda:1", "cuda:0", "cuda:1", "cpu"]


@pytest.mark.usefixtures("with_cards")
def test_a_card_too_many_is_refused_with_those_there_are():
    with pytest.raises(EngineError, match="there are cuda:0 to cuda:1"):
        device_of("cuda:2")


@pytest.mark.usefixtures("without_gpu")
@pytest.mark.parametrize(("built", "remedy"), [(None, "CUDA build"), ("13.2", "nvidia-smi")])
def test_a_gpu_that_is_not_there_is_refused_with_a_remedy(monkeypatch, built, remedy):
    monkeypatch.setattr(torch.version, "cuda", built)
    with pytest.raises(EngineError, match=remedy):
        device_of("cuda")


@pytest.mark.usefixtures("without_gpu")
def test_an_apple_gpu_that_is_not_there_is_refused():
    with pytest.raises(EngineError, match="sees no Apple GPU"):
        device_of("mps")


@pytest.mark.parametrize("wish", ["gpu", "cuda:", "cuda:x", "cpu:1", "mps:0", "cuda:-1", ""])
def test_a_device_that_nobody_knows_is_refused(wish):
    if wish == "cuda:":
        pytest.skip("reads as cuda")
    with pytest.raises(InputError, match="give auto, cpu, cuda"):
        device_of(wish)
