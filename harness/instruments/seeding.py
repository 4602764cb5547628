"""Global random state for library code that draws from it, and the digest of a model's weights."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def seeded(seed: int, device: str) -> Iterator[None]:
    """Run under a global random state of its own, for library code that draws from it; the old one returns after."""
    devices = [torch.device(device)] if device.startswith("cuda") else []
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng(devices=devices):
        random.seed(seed)
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)  # noqa: NPY002


def state_digest(model: object) -> str:
    """The hash of a model's parameters and buffers; empty for what is no torch module."""
    if not isinstance(model, torch.nn.Module):
        return ""
    hasher = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        array = tensor.detach().to("cpu").contiguous()
        hasher.update(f"{name}|{array.dtype}|{tuple(array.shape)}|".encode())
        hasher.update(array.reshape(-1).view(torch.uint8).numpy().data if array.numel() else b"")
    return hasher.hexdigest()
