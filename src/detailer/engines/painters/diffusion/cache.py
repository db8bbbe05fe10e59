"""Cache: layers of a transformer that are not computed again where they would hardly change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Final

from diffusers.hooks import FirstBlockCacheConfig, TaylorSeerCacheConfig
from diffusers.models.cache_utils import CacheMixin

from detailer.engines.painters.diffusion.condition import Condition
from detailer.engines.painters.diffusion.loading.quiet import quiet
from detailer.errors import EngineError

_CONFIGS: Final[Mapping[str, Callable[[], Any]]] = MappingProxyType(
    {
        # Of ParaAttention; a step whose first block changes less takes the rest from before.
        "first_block": lambda: FirstBlockCacheConfig(threshold=0.05),
        # Liu et al., arXiv:2503.06923.
        "taylor": TaylorSeerCacheConfig,
    }
)


class Cache:
    """One of diffusers' caches on a model's transformer, or none.

    Samples that share a pass share the decision, so with a cache a region's result may depend on
    its company; that is why it is off unless it is asked for.

    Args:
        denoiser: The network.
        kind: "none", "first_block" or "taylor".

    Raises:
        EngineError: If the network has no such cache, as UNets have not.
    """

    def __init__(self, denoiser: Any, kind: str) -> None:
        self._denoiser: Any = None
        self._kind = kind
        if kind == "none":
            return
        name = type(denoiser).__name__
        if not isinstance(denoiser, CacheMixin):
            raise EngineError(f"cache={kind}: {name} has none in diffusers; use cache=none")
        self._denoiser = denoiser
        try:
            self._switch_on()
        except (ValueError, KeyError, AttributeError) as error:
            raise EngineError(f"cache={kind} does not work with {name}: {error}") from error

    @contextmanager
    def around(self, conditions: Sequence[Condition]) -> Iterator[None]:
        """Within, the passes are those of one batch, step by step.

        Texts of several lengths go through the network one after the other, where a cache would
        mix them up: then every layer is computed.
        """
        network = self._denoiser
        alike = len({tuple(each.shape for each in said.tensors.values()) for said in conditions})
        if network is None:
            yield
        elif alike > 1:
            network.disable_cache()
            try:
                yield
            finally:
                self._switch_on()
        else:
            with network.cache_context("batch"):
                try:
                    yield
                finally:
                    network._reset_stateful_cache()  # noqa: SLF001  # as diffusers' own pipelines

    def _switch_on(self) -> None:
        with quiet():
            self._denoiser.enable_cache(_CONFIGS[self._kind]())
