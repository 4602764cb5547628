"""Passes counted at the networks themselves, by hooks, so that a loop inside one call of a model is seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

_MAX_GUIDANCE = 4
"""Copies of each sample that one pass may hold, as guidance by a doubled batch has two."""
_NETWORK_SHARE = 0.5
"""Share of the parameters of what is called that a part must hold to be the network in it."""
_SMALLEST_SHARE = 0.05
"""Share of all parameters below which what is called is no network, such as a norm that layers share."""


@dataclass
class _Counter:
    """Calls of a module, and the passes that they are for each sample of a batch."""

    batch: int = 1
    calls: int = 0
    passes: float = 0.0

    def __call__(self, module: nn.Module, inputs: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        self.calls += 1
        copies = _rows(inputs, named, self.batch) / self.batch
        # More rows than that are pieces of samples, such as patches or points.
        self.passes += copies if copies <= _MAX_GUIDANCE else 1.0


def _rows(inputs: tuple[Any, ...], named: Mapping[str, Any], otherwise: int) -> int:
    """The rows of the first tensor that has rows and columns, else of the first that has rows."""
    tensors = [value for value in (*inputs, *named.values()) if isinstance(value, Tensor) and value.dim()]
    return next((len(value) for value in tensors if value.dim() > 1), len(tensors[0]) if tensors else otherwise)


@dataclass
class NetworkPasses:
    """Counts passes for each sample through the networks of a model, whatever object holds them.

    A network is a module with parameters that the model calls, and also a part of it that holds most of its parameters
    if that is called more often than the whole, as in a module that loops over the steps of a sampler. Of several
    networks, such as a text encoder, a denoiser and a decoder, the one with most passes counts. A batch that holds
    every sample twice, for guidance, is two passes. A block with most of the weights that is passed again and again
    counts each time.
    """

    called: list[nn.Module] = field(default_factory=list)

    @contextmanager
    def finding(self) -> Iterator[None]:
        """Find the networks among all modules that are called inside; slow, so not while time is taken."""
        open_calls: list[nn.Module] = []
        called: dict[int, nn.Module] = {}

        def begin(module: nn.Module, inputs: Any) -> None:
            if not open_calls:
                called[id(module)] = module
            open_calls.append(module)

        def end(module: nn.Module, inputs: Any, output: Any) -> None:
            open_calls.pop()

        with ExitStack() as hooks:
            hooks.enter_context(register_module_forward_pre_hook(begin))
            hooks.enter_context(register_module_forward_hook(end, always_call=True))
            yield
        most = sum(map(_size, called.values()))
        self.called = [module for module in called.values() if 0 < _size(module) >= _SMALLEST_SHARE * most]

    @contextmanager
    def counting(self, batch: int) -> Iterator[list[float]]:
        """Count inside, for a batch of this size; the list then holds the passes of each network."""
        passes: list[float] = []
        counters = [[_Counter(batch) for _ in _networks(module)] for module in self.called]
        with ExitStack() as hooks:
            for module, own in zip(self.called, counters, strict=True):
                for network, counter in zip(_networks(module), own, strict=True):
                    hooks.enter_context(network.register_forward_pre_hook(counter, with_kwargs=True))
            yield passes
        for whole, *parts in counters:
            passes.append(max(whole.passes, *(part.passes for part in parts if part.calls > whole.calls), 0.0))


def _networks(module: nn.Module) -> list[nn.Module]:
    """A module, and the parts of it that hold most of its parameters."""
    if hasattr(module, "_orig_mod"):
        # Hooks on what is inside a compiled module would compile it anew.
        return [module]
    least = _NETWORK_SHARE * _size(module)
    return [module, *(part for part in module.modules() if part is not module and _size(part) >= least)]


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
