"""Floating-point operations of a forward pass, counted where torch dispatches them, or named where they are not known.

The convention is that of torch's counter: a multiplication with its addition is 2 operations, and only matrix products,
convolutions, attention and recurrent layers count. Element by element, normalisation, pooling, softmax, sorting, copies
and lookups count as 0. `Conv2d(3, 32, 3, padding=1)` on 8 x 8 pixels takes 110,592 operations, 55,296 multiply-adds.
"""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode

from harness.instruments.free_operations import is_free

Formula = Callable[..., int]

# Leaves the tensors that the counter can see: what is computed there is not known.
_LEAVES_TORCH = ("numpy", "__array__", "__dlpack__")


@dataclass(frozen=True)
class FlopCount:
    """The floating-point operations of a forward pass.

    Attributes:
        total: their number, a multiply-add as 2; None where it is not known.
        uncounted: what ran and is not counted, as module and operation, e.g. "EmbeddingBag: aten._embedding_bag".
        reason: why there is no total; empty if there is one.
    """

    total: int | None
    uncounted: tuple[str, ...] = ()
    reason: str = ""


def count_flops(call: Callable[..., Any], *inputs: Any, **named: Any) -> FlopCount:
    """Count the floating-point operations of a call, with fused paths off; the convention is that of this module.

    What has no formula, such as `torch.linalg.solve`, an FFT or a quantised layer, is named, and then there is no
    total. Nor is there one where tensors are handed to NumPy, or where nothing was counted at all: that is a model that
    computes outside of torch, or without any matrix product. Attention counts its products whole, also those that a
    mask leaves out. Recurrent layers count the products of their weights, without biases and gates.

    Args:
        call: a module in eval mode or any other callable. It is called once, without gradients.
        inputs, named: what it is called with, as a rule a batch of one example.

    Raises:
        Exception: what the call itself raises.
    """
    counter = _Counter()
    # Compiled code hides what it computes; torch's compiler is imported only where something is compiled.
    is_compiled = "torch._dynamo" in sys.modules
    eager = torch.compiler.set_stance("force_eager") if is_compiled else contextlib.nullcontext()
    with (
        torch.no_grad(),
        eager,
        _without_fused_paths(),
        _noting_modules(counter.running),
        _LeavingTorch(counter.uncounted),
        counter,
    ):
        call(*inputs, **named)
    return counter.result()


@contextlib.contextmanager
def _without_fused_paths() -> Iterator[None]:
    """Switch off the paths in which one operation stands for several layers, since the counter sees only that one."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


class _LeavingTorch(torch.overrides.TorchFunctionMode):
    """Notes where a tensor is handed to NumPy or another library."""

    def __init__(self, uncounted: dict[str, None]) -> None:
        super().__init__()
        self._uncounted = uncounted

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in _LEAVES_TORCH:
            self._uncounted[f"outside of torch, after Tensor.{name}"] = None
        return func(*args, **(kwargs or {}))


@dataclass
class _Counter(TorchDispatchMode):
    """Adds up the operations that reach the kernels of torch."""

    total: int = 0
    uncounted: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.running: list[nn.Module] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # torch would import its compiler to skip it, which takes two seconds; nothing is compiled while counting.
        return False

    def result(self) -> FlopCount:
        if self.uncounted:
            return FlopCount(None, tuple(self.uncounted), f"not counted: {', '.join(self.uncounted)}")
        if not self.total:
            return FlopCount(None, (), "no matrix product, convolution or other operation that counts")
        return FlopCount(self.total)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = kwargs or {}
        formula = _formulas().get(func._overloadpacket)
        if formula is None and not is_free(func):
            # In inference mode composite operations arrive whole.
            with self:
                parts = func.decompose(*args, **named)
            if parts is not NotImplemented:
                return parts
            self.uncounted[f"{self._innermost()}{func._overloadpacket}"] = None
        result = func(*args, **named)
        if formula is not None:
            self.total += formula(*args, **named, out_val=result)
        return result

    def _innermost(self) -> str:
        """The name of the module that runs, e.g. "Net.encoder.1: "; empty outside of modules."""
        if not self.running:
            return ""
        outermost, innermost = self.running[0], self.running[-1]
        path = next((name for name, module in outermost.named_modules() if module is innermost), "")
        return ".".join(filter(None, (type(outermost).__name__, path))) + ": "


@contextlib.contextmanager
def _noting_modules(running: list[nn.Module]) -> Iterator[None]:
    """Keep the modules that run, the outermost first."""

    def leave(*_: Any) -> None:
        running.pop()

    enter_hook = register_module_forward_pre_hook(lambda module, _: running.append(module))
    leave_hook = register_module_forward_hook(leave, always_call=True)
    try:
        yield
    finally:
        enter_hook.remove()
        leave_hook.remove()


@cache
def _formulas() -> Mapping[Any, Formula]:
    """Operation to the formula of its cost: those of torch, and those that it lacks."""
    from torch.utils.flop_counter import flop_registry

    aten = torch.ops.aten
    own: dict[Any, Formula] = {
        aten.mv: lambda matrix, *_, **__: 2 * matrix.numel(),
        aten.addmv: lambda _, matrix, *__, **___: 2 * matrix.numel(),
        aten.dot: lambda one, *_, **__: 2 * one.numel(),
        aten.vdot: lambda one, *_, **__: 2 * one.numel(),
        aten._addmm_activation: lambda _, one, other, **__: 2 * one.shape[0] * one.shape[1] * other.shape[1],
        aten.mkldnn_rnn_layer: lambda inputs, one, other, *_, **__: _recurrent(inputs, (one, other)),
        aten._cudnn_rnn: lambda inputs, weights, *_, **__: _recurrent(inputs, weights),
    }
    return {**flop_registry, **own}


def _recurrent(inputs: Tensor, weights: Any) -> int:
    """2 operations for every weight of a matrix and step, of inputs `[steps, n, width]` or packed `[steps, width]`."""
    products = sum(int(weight.numel()) for weight in weights if weight.dim() > 1)
    return 2 * math.prod(inputs.shape[:-1]) * products
