"""Global random state for library code that draws from it, and the digest of a model's weights."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from harness.instruments.late_torch import applied, is_module


@contextmanager
def seeded(seed: int, device: str) -> Iterator[None]:
    """Run under a global random state of its own, for library code that draws from it; the old one returns after."""
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002

    def seed_torch() -> Callable[[], None]:
        import torch

        stack = ExitStack()
        stack.enter_context(torch.random.fork_rng([torch.device(device)] if device.startswith("cuda") else []))
        torch.manual_seed(seed)
        return stack.close

    with applied(seed_torch):
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)  # noqa: NPY002


def state_digest(model: Any) -> str:
    """The hash of a model's parameters and buffers; empty for what is no torch module."""
    if not is_module(model):
        return ""
    import torch

    hasher = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        array = tensor.detach().to("cpu").contiguous()
        hasher.update(f"{name}|{array.dtype}|{tuple(array.shape)}|".encode())
        hasher.update(array.reshape(-1).view(torch.uint8).numpy().data if array.numel() else b"")
    return hasher.hexdigest()
