"""Without torch and diffusers nothing of this folder can run: pip install 'detailer[diffusion]'."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

_INSTALLED = find_spec("torch") is not None and find_spec("diffusers") is not None

collect_ignore_glob = [] if _INSTALLED else ["test_*.py", "*/test_*.py"]


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """Tiny networks in one thread: several of them spend more time on each other than on work."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
