"""Elsewhere: a CUDA device that is not there, to prove that no tensor meets one of another device.

What is put on it computes on the CPU, but says that it is on cuda:0. Two tensors of different
devices in one operation are the error that a real graphics card raises.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

ELSEWHERE = torch.device("cuda", 0)
_CPU = torch.device("cpu")

_ANY_DEVICE = ("aten::copy_", "aten::_to_copy")
_INDEXED = ("aten::index.", "aten::index_put")


class Away(Tensor):
    """A tensor that says it is on ELSEWHERE; `here` is the one on the CPU that it stands for."""

    here: Tensor

    @staticmethod
    def __new__(cls, here: Tensor) -> Away:
        made: Away = Tensor._make_wrapper_subclass(
            cls,
            here.size(),
            strides=here.stride(),
            storage_offset=here.storage_offset(),
            dtype=here.dtype,
            device=ELSEWHERE,
        )
        made.here = here
        return made

    def tolist(self) -> Any:
        return self.here.tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise AssertionError(
            f"{func} of a tensor elsewhere, which is only there within elsewhere()"
        )


class _Operations(TorchDispatchMode):
    """Carries out every operation on the CPU, if all it is given is on one device."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        device = kwargs.get("device") or _common_device(func, args, kwargs)
        given = [each for each in tree_leaves((args, kwargs)) if isinstance(each, Away)]
        result = func(*tree_map(_here, args), **tree_map(_here, kwargs))
        # What is written into stays the tensor it is.
        known = {id(each.here): each for each in given}
        away = device.type == ELSEWHERE.type

        def back(each: Any) -> Any:
            if not isinstance(each, Tensor) or not away:
                return each
            same = known.get(id(each))
            return Away(each) if same is None else same

        return tree_map(back, result)


class _Calls(TorchFunctionMode):
    """torch.tensor makes its tensor below all modes: it is made here, and then moved."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func in (torch.tensor, torch.as_tensor) and kwargs.get("device") is not None:
            device = kwargs.pop("device")
            return func(*args, **kwargs).to(device)
        return func(*args, **kwargs)


@contextmanager
def elsewhere() -> Iterator[None]:
    """Within, tensors and networks can be moved to ELSEWHERE, and computed with there."""
    before = torch.__future__.get_overwrite_module_params_on_conversion()
    # Networks get new parameters when they are moved: an old one cannot become one of elsewhere.
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    # Where there is no graphics card, switching to one does nothing; as in torch's own fakes.
    torch._C._ensureCUDADeviceGuardSet()
    try:
        with patch.object(torch.cuda, "_lazy_init"), torch.no_grad(), _Calls(), _Operations():
            yield
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(before)


def _here(each: Any) -> Any:
    if isinstance(each, Away):
        return each.here
    return _CPU if isinstance(each, torch.device) and each.type == ELSEWHERE.type else each


def _common_device(func: Any, args: Any, kwargs: Any) -> torch.device:
    name = func.name()
    tensors = [each for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
    if not tensors:
        return _CPU
    if name.startswith(_ANY_DEVICE):
        return tensors[0].device
    if name.startswith(_INDEXED) and isinstance(tensors[0], Away):
        # Indices may stay on the CPU.
        indices = {id(each) for each in tree_leaves(args[1])}
        tensors = [each for each in tensors if id(each) not in indices]
    # A single number of the CPU may go anywhere.
    devices = {each.device for each in tensors if each.ndim or isinstance(each, Away)}
    if len(devices) > 1:
        shapes = ", ".join(f"{tuple(each.shape)} on {each.device}" for each in tensors)
        raise RuntimeError(f"{name}: expected all tensors to be on the same device, got {shapes}")
    return devices.pop() if devices else _CPU
