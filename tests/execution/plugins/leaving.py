"""A plugin whose attack leaves something behind in the process, or edits what it was given."""

from __future__ import annotations

import builtins
import json
import locale
import logging
import os
import random
import resource
import signal
import sys
import tempfile
import types
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from harness.api import Component, Context, hookimpl
from harness.api.instruments import LANES as LANES

GAIN = 1.0
TABLE: dict[str, Any] = {"gain": 1.0}


@hookimpl
def harness_components() -> Iterable[Component]:
    return [Component("attack", "leaving", f"{__name__}:Leaving", "Leaves something behind.")]


class Leaving:
    """Leaves something behind.

    Args:
        how: what.
    """

    def __init__(self, how: str) -> None:
        self._how = how

    def perturb(self, model: Any) -> None:
        """Leave it."""
        LEFT[self._how](model)


class Mode(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


class Dispatch(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


def patched(owner: Any, name: str) -> Callable[[Any], None]:
    """Put another function there, which does what the first one did."""

    def patch(model: Any) -> None:
        before = getattr(owner, name)
        setattr(owner, name, lambda *given, **named: before(*given, **named))

    return patch


def other_code(model: Any) -> None:
    def draw(self: Any, *names: Any) -> Any:
        return np.random.default_rng(0)

    Context.rng.__code__ = draw.__code__


def other_implementation(model: Any) -> None:
    """Register another kernel, which no function of Python shows."""
    library = torch.library.Library("aten", "IMPL")
    library.impl("relu", lambda tensor: tensor.clamp(min=0) * 1.5, "CPU")
    KEPT.append(library)


KEPT: list[Any] = []
SERIOUS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "autocast": ("autocast", lambda _: torch.autocast("cpu").__enter__()),
    "autocast switched on": ("autocast", lambda _: torch.set_autocast_enabled("cpu", True)),
    "grad mode": ("grad mode", lambda _: torch.set_grad_enabled(False)),
    "inference mode": ("inference mode", lambda _: KEPT.append(torch.inference_mode()) or KEPT[-1].__enter__()),
    "dtype": ("the default dtype", lambda _: torch.set_default_dtype(torch.float64)),
    "device": ("the default device", lambda _: torch.set_default_device("meta")),
    "device of before": ("the default device", lambda _: torch.set_default_device("cpu")),
    "function mode": ("modes of torch functions", lambda _: Mode().__enter__()),
    "dispatch mode": ("modes of torch dispatch", lambda _: Dispatch().__enter__()),
    "deterministic": ("deterministic algorithms", lambda _: torch.use_deterministic_algorithms(True, warn_only=True)),
    "matmul": ("the precision of matrix products", lambda _: torch.set_float32_matmul_precision("medium")),
    "mkldnn": ("switches of torch's backends", lambda _: torch._C._set_mkldnn_enabled(False)),
    "benchmark": ("switches of torch's backends", lambda _: setattr(torch.backends.cudnn, "benchmark", True)),
    "attention": ("switches of torch's backends", lambda _: torch.backends.cuda.enable_math_sdp(False)),
    "anomalies": ("detection of anomalies", lambda _: torch.autograd.set_detect_anomaly(True)),
    "saved tensors": (
        "hooks of saved tensors",
        lambda _: torch.autograd.graph.saved_tensors_hooks(lambda x: x, lambda x: x).__enter__(),
    ),
    "global hook": (
        "hooks of all modules",
        lambda _: nn.modules.module.register_module_forward_hook(lambda m, i, o: None),
    ),
    "global parameter hook": (
        "hooks of all modules",
        lambda _: nn.modules.module.register_module_parameter_registration_hook(lambda m, n, p: None),
    ),
    "optimiser hook": (
        "hooks of all optimisers",
        lambda _: sys.modules["torch.optim.optimizer"].register_optimizer_step_pre_hook(lambda *_: None),
    ),
    "relu": ("torch.nn.functional.relu", patched(functional, "relu")),
    "gelu for relu": ("torch.nn.functional.relu", lambda _: setattr(functional, "relu", functional.gelu)),
    "tensor method": ("torch.Tensor.clamp", patched(torch.Tensor, "clamp")),
    "own tensor method": ("torch.Tensor.backward", patched(torch.Tensor, "backward")),
    "layer": ("torch.nn.modules.activation.ReLU.forward", patched(nn.ReLU, "forward")),
    "call of modules": ("torch.nn.modules.module.Module.__call__", patched(nn.Module, "__call__")),
    "numpy": ("numpy.mean", patched(np, "mean")),
    "builtin": ("builtins.sum", patched(builtins, "sum")),
    "context": ("harness.contract.context.Context.uniform", patched(Context, "uniform")),
    "code of the context": ("harness.contract.context.Context.rng", other_code),
    "json": ("json.dumps", patched(json, "dumps")),
    "core": (
        "harness.instruments.checksums.checksum",
        lambda model: patched(sys.modules["harness.instruments.checksums"], "checksum")(model),
    ),
    "constant of the core": (
        "harness.instruments.counted_model.LANES",
        lambda _: sys.modules["harness.instruments.counted_model"].__dict__.update(LANES=1),
    ),
    "constant of a plugin": ("leaving.GAIN", lambda _: sys.modules[__name__].__dict__.update(GAIN=2.0)),
    "table of a plugin": ("leaving.TABLE", lambda _: TABLE.update(gain=2.0)),
    "module": ("random", lambda _: sys.modules.update(random=types.ModuleType("random"))),
    "folder": ("the working directory", lambda _: os.chdir(tempfile.gettempdir())),
    "denormals": ("flushing of denormal numbers", lambda _: torch.set_flush_denormal(True)),
    "class of the model": ("Plain.forward", lambda model: patched(type(model), "forward")(model)),
}
"""How, what its row says, and what is done."""
QUIET: dict[str, Callable[[Any], Any]] = {
    "seeds": lambda _: (random.seed(1), np.random.seed(1), torch.manual_seed(1)),
    "threads": lambda _: torch.set_num_threads(2),
    "warnings": lambda _: warnings.simplefilter("error"),
    "numpy errors": lambda _: np.seterr(all="raise"),
    "numpy printing": lambda _: np.set_printoptions(precision=1),
    "environment": lambda _: os.environ.update(HOME="/nowhere", NEW="1"),
    "less environment": lambda _: os.environ.pop("PATH"),
    "recursion": lambda _: sys.setrecursionlimit(sys.getrecursionlimit() + 10),
    "mask": lambda _: os.umask(0o777),
    "path": lambda _: sys.path.insert(0, "/nowhere"),
    "alarm": lambda _: signal.alarm(1000),
    "handlers": lambda _: signal.signal(signal.SIGTERM, signal.SIG_IGN),
    "limits": lambda _: resource.setrlimit(resource.RLIMIT_NOFILE, (16, resource.getrlimit(resource.RLIMIT_NOFILE)[1])),
    "locale": lambda _: locale.setlocale(locale.LC_ALL, "C.UTF-8" if locale.setlocale(locale.LC_ALL) == "C" else "C"),
    "streams": lambda _: setattr(sys, "stdout", None),
    "logging": lambda _: logging.disable(logging.CRITICAL),
}
LEFT = {**{how: leave for how, (_, leave) in SERIOUS.items()}, **QUIET}
