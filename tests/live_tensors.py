"""How much memory tensors take at once, counted operation by operation."""

from __future__ import annotations

import weakref
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveTensors(TorchDispatchMode):
    """Counts the bytes of all tensors that were given to or made by operations and are still there.

    Tensors that share a storage count once, and those that only the graph of gradients holds count too.

    Args:
        least: bytes of the storages that are counted; to look for many small ones takes long.

    Attributes:
        peak: the largest number of bytes after any operation.
    """

    def __init__(self, least: int = 1) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = 0
        self._least = least
        self._seen: dict[int, weakref.ref[Tensor]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made, new = func(*args, **(kwargs or {})), False
        for tensor in tree_leaves((args, kwargs, made)):
            if isinstance(tensor, Tensor) and tensor.untyped_storage().nbytes() >= self._least:
                self._seen[id(tensor)] = weakref.ref(tensor)
                new = True
        if new:
            self.peak = max(self.peak, self._live())
        return made

    def _live(self) -> int:
        self._seen = {key: ref for key, ref in self._seen.items() if ref() is not None}
        storages = [each.untyped_storage() for ref in self._seen.values() if (each := ref()) is not None]
        return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())
