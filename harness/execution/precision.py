"""Numerical settings of torch, and the execution of a model in half precision, compiled or with channels last."""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import MethodType
from typing import TYPE_CHECKING, Any

from harness.contract.cells import Use
from harness.contract.errors import HarnessError
from harness.contract.execution import Execution
from harness.instruments.late_torch import applied, is_module, is_tensor, when_imported

if TYPE_CHECKING:
    import torch
    from torch import nn

_CPP_COMPILERS = ("g++", "clang++", "c++", "cl")


def pin_numerics(threads: int) -> None:
    """Make torch compute in full float32 and in the same way every time, with this many threads on the CPU.

    By default a GPU may round the inputs of a convolution to 10 bits (TF32) and choose its algorithm by timing.
    Where torch is not imported, it is pinned when it is.
    """

    def pin() -> None:
        import torch

        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True

    when_imported(pin)


def threads(n: int) -> AbstractContextManager[None]:
    """Let torch compute with this many threads on the CPU inside, and with as many as before after it."""

    def limit() -> Callable[[], None]:
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(n)
        return functools.partial(torch.set_num_threads, before)

    return applied(limit)


def tf32_where_asked(model: Use | None, device: str) -> AbstractContextManager[None]:
    """Let a GPU compute in TF32 inside, if a model or what it wraps asks for it; after it as before."""

    def allow() -> Callable[[], None]:
        import torch

        before = (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32)
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32 = True

        def forbid() -> None:
            torch.set_float32_matmul_precision(before[0])
            torch.backends.cudnn.allow_tf32 = before[1]

        return forbid

    return applied(allow) if _computes_in_tf32(model, device) else nullcontext()


def _computes_in_tf32(model: Use | None, device: str) -> bool:
    """Whether it is asked for on a device that has it; elsewhere float32 stays as it is."""
    return device.startswith("cuda") and any(use.execution.tf32 for use in _executed(model))


def run_as(model: Any, execution: Execution, device: str) -> None:
    """Change in place how a model's forward pass is executed; its class and what else it offers stay.

    Raises:
        HarnessError: it is no torch module, or there is no compiler for what is asked.
    """
    if not is_module(model):
        raise HarnessError(f"`execution` is for torch modules; the model is a {type(model).__name__}")
    import torch

    if execution.channels_last:
        model.to(memory_format=torch.channels_last)
    kind = device.partition(":")[0]
    if execution.precision != "float32":
        run = _in_precision(type(model).forward, getattr(torch, execution.precision), kind)
        # A bound method rather than a closure over the model, so that a deep copy runs its own weights.
        model.forward = MethodType(run, model)
    if execution.compile:
        _check_compiler(kind)
        # Without a pool of compiling processes, which would outlive the cell.
        model.compile(options={"compile_threads": 1})


def reduced_precision(model: Use | None, device: str) -> str:
    """Return the precisions below float32 in which a model or what it wraps is executed; empty if there are none."""
    precisions = {use.execution.precision for use in _executed(model)} - {"float32"}
    return "+".join(sorted(precisions | ({"tf32"} if _computes_in_tf32(model, device) else set())))


def execution_text(model: Use | None) -> str:
    """Return how a model or what it wraps is executed, as tables show it; empty for plain float32."""
    return "; ".join(sorted({str(use.execution) for use in _executed(model)} - {""}))


def _executed(model: Use | None) -> list[Any]:
    return [use for use in (model.nested() if model else []) if use.execution is not None]


def _in_precision(forward: Callable[..., Any], dtype: torch.dtype, kind: str) -> Callable[..., Any]:
    import torch

    @functools.wraps(forward)
    def run(self: nn.Module, *arguments: Any, **named: Any) -> Any:
        with torch.autocast(kind, dtype=dtype):
            output = forward(self, *arguments, **named)
        return output.float() if is_tensor(output) else output

    return run


def _check_compiler(kind: str) -> None:
    """Raise HarnessError if there is no compiler, before torch fails in the middle of a run."""
    if kind == "cuda" and importlib.util.find_spec("triton") is None:
        raise HarnessError("`compile: true` needs triton on a GPU, which is not installed; leave it out")
    named = os.environ.get("CXX", "")
    if kind == "cpu" and not any(shutil.which(name) for name in (named, *_CPP_COMPILERS) if name):
        raise HarnessError(
            "`compile: true` needs a C++ compiler on the CPU, and there is none; install g++ or leave it out"
        )
