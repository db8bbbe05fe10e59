"""In which precision a model runs."""

from __future__ import annotations

import pytest
import torch

from detailer.engines.painters.diffusion.loading import device as here
from detailer.engines.painters.diffusion.loading.device import dtype_of, has_fast_bf16, vae_dtype_of
from detailer.errors import InputError

CPU, CUDA, MPS = (torch.device(name) for name in ("cpu", "cuda:0", "mps"))


def cards_of(monkeypatch, generation):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: generation)


@pytest.mark.parametrize(("fast", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_a_cpu_runs_in_bf16_only_if_it_computes_in_it(monkeypatch, fast, dtype):
    monkeypatch.setattr(here, "has_fast_bf16", lambda: fast)
    assert dtype_of("auto", CPU) == dtype_of("auto", CPU, flow=True) == dtype


def test_a_cpu_refuses_fp16():
    with pytest.raises(InputError, match="dtype=bf16, fp32 or auto"):
        dtype_of("fp16", CPU)


@pytest.mark.parametrize(
    ("generation", "flow", "dtype"),
    [
        ((9, 0), False, torch.float16),
        ((9, 0), True, torch.bfloat16),
        ((7, 5), False, torch.float16),
        ((7, 5), True, torch.float32),
    ],
)
def test_a_card_runs_stable_diffusion_in_fp16_and_flows_in_what_bears_them(
    monkeypatch, generation, flow, dtype
):
    cards_of(monkeypatch, generation)
    assert dtype_of("auto", CUDA, flow) == dtype


def test_a_precision_that_is_asked_for_is_taken():
    assert [dtype_of(each, CUDA) for each in ("fp32", "fp16", "bf16")] == [
        torch.float32,
        torch.float16,
        torch.bfloat16,
    ]
    assert dtype_of("auto", MPS) == torch.float16


@pytest.mark.parametrize(
    ("dtype", "force_upcast", "generation", "narrowed"),
    [
        (torch.float32, True, (8, 0), torch.float32),
        (torch.bfloat16, True, (8, 0), torch.bfloat16),
        (torch.float16, False, (8, 0), torch.float16),
        (torch.float16, True, (8, 0), torch.bfloat16),
        (torch.float16, True, (7, 5), torch.float32),
    ],
)
def test_a_vae_runs_in_fp16_only_if_it_says_that_it_can(
    monkeypatch, dtype, force_upcast, generation, narrowed
):
    cards_of(monkeypatch, generation)
    assert vae_dtype_of(dtype, force_upcast, CUDA) == narrowed


@pytest.mark.parametrize(
    ("told", "fast"),
    [({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({"avx512_f": True}, False)],
)
def test_torch_tells_what_the_cpu_can(monkeypatch, told, fast):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told, raising=False)
    assert has_fast_bf16() is fast


@pytest.mark.parametrize(("flags", "fast"), [("fma avx512_bf16", True), ("fma avx2", False)])
def test_where_torch_does_not_tell_linux_does(monkeypatch, tmp_path, flags, fast):
    for name in ("get_capabilities", "_is_avx512_bf16_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    monkeypatch.setattr(here.platform, "system", lambda: "Linux")
    monkeypatch.setattr(here.Path, "read_text", lambda *_, **__: f"flags : {flags}")
    assert has_fast_bf16() is fast
    monkeypatch.setattr(here.platform, "system", lambda: "Windows")
    assert has_fast_bf16() is False
