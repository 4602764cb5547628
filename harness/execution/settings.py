"""Settings of Python and of torch that numbers depend on, and how each is put back."""

from __future__ import annotations

import locale
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from harness.instruments.checksums import checksum
from harness.instruments.object_state import SameObject
from harness.isolation import Fault, isolated

_TINY = 5e-324
"""The smallest positive number; 0 where the processor flushes denormal numbers."""
_SWITCHES = (
    *("mkldnn_enabled", "nnpack_enabled", "cudnn_enabled", "cudnn_benchmark", "cudnn_deterministic"),
    *("cudnn_allow_tf32", "cublas_allow_tf32", "cublas_allow_fp16_reduced_precision_reduction"),
    *("cublas_allow_bf16_reduced_precision_reduction", "flash_sdp_enabled", "mem_efficient_sdp_enabled"),
    *("math_sdp_enabled", "cudnn_sdp_enabled", "deterministic_fill_uninitialized_memory"),
)
_DEVICES = ("cpu", "cuda")
_ALL = slice(None)
_LIMITS = tuple(getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_"))
COMPUTATION = "the results of a small computation"
UNKNOWN = object()
"""The value of a setting of a module that is not imported."""


@dataclass(frozen=True)
class Setting:
    """A setting of the process.

    Attributes:
        name: in plain words.
        read: returns its value.
        restore: sets a value that was read before; None where that cannot be done.
    """

    name: str
    read: Callable[[], Any]
    restore: Callable[[Any], object] | None = None

    def value(self) -> Any:
        """Its value; what went wrong where it cannot be read, in words."""
        value = isolated(self.read)
        return value.reason if isinstance(value, Fault) else value


def python_settings() -> list[Setting]:
    """The settings of the process that are no matter of torch."""
    return [
        Setting("the working directory", os.getcwd, os.chdir),
        Setting("flushing of denormal numbers", lambda: _TINY * 1.0 == 0, _set_flushing),
    ]


def torch_settings() -> list[Setting]:
    """The settings of torch, which must be imported."""
    import torch
    from torch.overrides import _get_current_function_mode_stack as function_modes
    from torch.utils._python_dispatch import _get_current_dispatch_mode_stack as dispatch_modes

    return [
        Setting("grad mode", torch.is_grad_enabled, torch.set_grad_enabled),
        Setting("inference mode", torch.is_inference_mode_enabled),
        Setting("the default dtype", torch.get_default_dtype, torch.set_default_dtype),
        # A device that is set, even that of before, is a mode of functions.
        Setting("the default device", _default_device, torch.set_default_device),
        Setting("modes of torch functions", lambda: [SameObject(mode) for mode in function_modes()]),
        Setting("modes of torch dispatch", lambda: [SameObject(mode) for mode in dispatch_modes()]),
        Setting("autocast", _autocast, _set_autocast),
        Setting("detection of anomalies", torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
        Setting("deterministic algorithms", _determinism, _set_determinism),
        Setting(
            "the precision of matrix products",
            torch.get_float32_matmul_precision,
            torch.set_float32_matmul_precision,
        ),
        Setting("switches of torch's backends", _switches, _set_switches),
        Setting("hooks of saved tensors", lambda: torch._C._autograd._top_saved_tensors_default_hooks(False)),
        Setting("hooks of all modules", lambda: _global_hooks("torch.nn.modules.module"), _set_global_hooks),
        Setting("hooks of all optimisers", lambda: _global_hooks("torch.optim.optimizer"), _set_global_hooks),
        Setting("settings of torch.compile", _compile_settings),
        # Last, for whatever is not in this list.
        Setting(COMPUTATION, _small_computation),
    ]


def _set_flushing(value: bool) -> None:
    import torch

    torch.set_flush_denormal(value)


def _default_device() -> Any:
    from torch.overrides import _get_current_function_mode_stack
    from torch.utils._device import DeviceContext

    stack = _get_current_function_mode_stack()
    return next((mode.device for mode in reversed(stack) if isinstance(mode, DeviceContext)), None)


def _autocast() -> Any:
    import torch

    torch.autocast_increment_nesting()
    nesting = torch.autocast_decrement_nesting()
    return nesting, [(each, torch.is_autocast_enabled(each), torch.get_autocast_dtype(each)) for each in _DEVICES]


def _set_autocast(value: Any) -> None:
    import torch

    nesting, devices = value
    while _autocast()[0] > nesting:
        torch.autocast_decrement_nesting()
    for device, is_enabled, dtype in devices:
        torch.set_autocast_enabled(device, is_enabled)
        torch.set_autocast_dtype(device, dtype)
    torch.clear_autocast_cache()


def _determinism() -> tuple[bool, bool]:
    import torch

    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _set_determinism(value: tuple[bool, bool]) -> None:
    import torch

    torch.use_deterministic_algorithms(value[0], warn_only=value[1])


def _switches() -> dict[str, Any]:
    import torch

    return {name: getattr(torch._C, f"_get_{name}")() for name in _SWITCHES if hasattr(torch._C, f"_get_{name}")}


def _set_switches(value: Mapping[str, Any]) -> None:
    import torch

    now = _switches()
    for name in (name for name in value if now[name] != value[name]):
        setter = getattr(torch._C, f"_set_{name}", None) or getattr(torch._C, f"_set_sdp_use_{name[:-12]}")
        setter(*value[name]) if isinstance(value[name], tuple) else setter(value[name])


def _global_hooks(module: str) -> Any:
    """The hooks that hold for all modules or optimisers, by where torch keeps them."""
    tables = vars(sys.modules[module]) if module in sys.modules else {}
    kept = {name: value for name, value in tables.items() if name.startswith("_global_")}
    return module, {
        name: [(key, SameObject(hook)) for key, hook in value.items()] if isinstance(value, dict) else value
        for name, value in kept.items()
    }


def _set_global_hooks(value: Any) -> None:
    module, kept = value
    for name, entries in kept.items():
        table = getattr(sys.modules[module], name)
        if isinstance(table, dict):
            table.clear()
            table.update((key, hook.thing) for key, hook in entries)
        else:
            setattr(sys.modules[module], name, entries)


def _compile_settings() -> Any:
    config = sys.modules.get("torch._dynamo.config")
    return UNKNOWN if config is None else config.get_hash()


def _small_computation() -> Any:
    """The bits of a network of a few layers, of its gradient, and of drawn numbers."""
    import numpy as np
    import torch
    from torch.nn import functional

    inputs = torch.linspace(-1, 1, 2 * 3 * 25, dtype=torch.float32).reshape(2, 3, 5, 5).requires_grad_()
    kernel = torch.linspace(-0.5, 0.7, 4 * 27, dtype=torch.float32).reshape(4, 3, 3, 3)
    hidden = functional.relu(functional.conv2d(inputs, kernel, padding=1)).flatten(1)
    weight = torch.linspace(-0.2, 0.3, 3 * 100, dtype=torch.float32).reshape(3, 100)
    logits = functional.linear(hidden, weight).clamp(-50, 50)
    loss = functional.cross_entropy(logits, torch.tensor([0, 2]))
    (gradient,) = torch.autograd.grad(loss, inputs)
    drawn = torch.rand(4, generator=torch.Generator().manual_seed(0))
    with_numpy = np.random.default_rng(0).normal(size=4) @ np.exp(np.linspace(0, 1, 4))
    return [checksum(each.detach()) for each in (logits, loss, gradient, logits.softmax(dim=1), drawn)], with_numpy


@contextmanager
def own_settings() -> Iterator[None]:
    """Put back, quietly, what libraries set for themselves: variables of the environment, warnings, threads."""
    settings = [
        Setting("the environment", lambda: dict(os.environ), _set_environment),
        Setting("the search path of modules", lambda: list(sys.path), lambda value: sys.path.__setitem__(_ALL, value)),
        Setting("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
        Setting("the mask of new files", _mask, os.umask),
        Setting("a pending alarm", lambda: signal.getitimer(signal.ITIMER_REAL)[0] > 0, _stop_alarm),
        Setting("handlers of signals", _handlers, _set_handlers),
        Setting("limits of the process", _limits, _set_limits),
        Setting(
            "the locale", lambda: locale.setlocale(locale.LC_ALL), lambda value: locale.setlocale(locale.LC_ALL, value)
        ),
        Setting("the standard streams", lambda: [sys.stdin, sys.stdout, sys.stderr], _set_streams),
        Setting("the least level of logging", lambda: logging.root.manager.disable, logging.disable),
        *_numpy_settings(),
        *_thread_settings(),
    ]
    import warnings

    before = [setting.value() for setting in settings]
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        try:
            yield
        finally:
            for setting, value in zip(settings, before, strict=True):
                if setting.value() != value and setting.restore is not None:
                    setting.restore(value)


def _numpy_settings() -> list[Setting]:
    import numpy as np

    return [
        Setting("NumPy's errors", np.geterr, lambda value: np.seterr(**value)),
        Setting("NumPy's printing", np.get_printoptions, lambda value: np.set_printoptions(**value)),
    ]


def _thread_settings() -> list[Setting]:
    if "torch" not in sys.modules:
        return []
    import torch

    return [Setting("threads", torch.get_num_threads, torch.set_num_threads)]


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _stop_alarm(value: bool) -> None:
    if not value:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _handlers() -> dict[int, Any]:
    return {number: signal.getsignal(number) for number in signal.valid_signals()}


def _set_handlers(value: Mapping[int, Any]) -> None:
    """Put handlers back; only the main thread may, and None is one that Python has not set."""
    for number, handler in value.items():
        if handler is not None and signal.getsignal(number) is not handler:
            with suppress(ValueError):
                signal.signal(number, handler)


def _limits() -> dict[int, int]:
    return {limit: resource.getrlimit(limit)[0] for limit in _LIMITS}


def _set_limits(value: Mapping[int, int]) -> None:
    """Put soft limits back, as far as hard ones let it."""
    for limit, soft in value.items():
        now, hard = resource.getrlimit(limit)
        if now != soft:
            with suppress(ValueError, OSError):
                resource.setrlimit(limit, (soft, hard))


def _set_streams(value: Sequence[Any]) -> None:
    sys.stdin, sys.stdout, sys.stderr = value


def _set_environment(value: Mapping[str, str]) -> None:
    for name in [name for name in os.environ if name not in value]:
        with suppress(KeyError):
            del os.environ[name]
    os.environ.update(value)
