"""A quick checksum of arrays and tensors, to tell whether their content was changed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.instruments.late_torch import is_tensor
from harness.isolation import Fault, isolated

if TYPE_CHECKING:
    from torch import Tensor

Checksum = tuple[object, ...]
_KEPT_BYTES = 4096
"""Content of so many bytes is kept as it is."""
_LANES = (503, 509)
"""Words of 8 bytes are added up in so many sums."""
_WORDS_AT_ONCE = 1 << 24


def checksum(values: Any) -> Checksum:
    """The type, the shape and a checksum of the content of an array or a tensor, on its device.

    It takes a quarter of the time of a cryptographic hash. No change by chance escapes it; one that was contrived may.
    """
    if is_tensor(values):
        found = isolated(lambda: _of_tensor(values))
        # Of tensors whose bytes cannot be had, such as those of other libraries, the count of changes.
        return (values.dtype, values.shape, values._version) if isinstance(found, Fault) else found
    array = np.asarray(values)
    content = repr(array.tolist()) if array.dtype.hasobject else _of_bytes(array)
    return array.dtype, array.shape, content


def _of_tensor(tensor: Tensor) -> Checksum:
    import torch

    kind: Checksum = tensor.dtype, tensor.shape, tensor.device
    if tensor.layout != torch.strided or tensor.is_meta or tensor.is_quantized:
        return (*kind, tensor._version)
    # Whatever modes of torch a plugin has left switched on.
    with torch.no_grad(), torch._C.DisableTorchFunction():
        bytes_ = tensor.detach().contiguous().reshape(-1).view(torch.uint8)
    if tensor.device.type == "cpu":
        return (*kind, _of_bytes(bytes_.numpy()))
    return (*kind, _on_device(bytes_))


def _of_bytes(array: npt.NDArray[Any]) -> bytes:
    if array.nbytes <= _KEPT_BYTES:
        return array.tobytes()
    raw = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    hasher = hashlib.sha256()
    # By rows of both lengths, from which the sums of each follow, so that the content is read once.
    both = _LANES[0] * _LANES[1]
    whole = len(raw) // (8 * both) * 8 * both
    rows = raw[:whole].view(np.int64).reshape(-1, both).sum(axis=0)
    for n in _LANES:
        end = len(raw) // (8 * n) * 8 * n
        # Sums of whole numbers wrap around. A swap of rows changes them: none has a multiple of both lengths.
        sums = rows.reshape(-1, n).sum(axis=0) + raw[whole:end].view(np.int64).reshape(-1, n).sum(axis=0)
        hasher.update(sums.tobytes() + raw[end:].tobytes())
    return hasher.digest()


def _on_device(raw: Tensor) -> tuple[int, int]:
    total, by_place = sums_of_bytes(raw).tolist()
    return int(total), int(by_place)


def sums_of_bytes(raw: Tensor) -> Tensor:
    """Two numbers, `[2]` on their device, that tell bytes `[n]` from others; there is nothing to be read off them.

    On a device the sum of the bytes taken as words, and their sum weighted by place, modulo 2**64. Nothing waits for
    the device.
    """
    return _sums_on_host(raw) if raw.device.type == "cpu" else _sums_on_device(raw)


def _sums_on_host(raw: Tensor) -> Tensor:
    """Without the numbers of the places, which take ten times as long to make as the sums."""
    import torch

    digest = hashlib.sha256(_of_bytes(raw.numpy())).digest()
    return torch.frombuffer(bytearray(digest[:16]), dtype=torch.int64)


def _sums_on_device(raw: Tensor) -> Tensor:
    import torch

    end = len(raw) // 8 * 8
    parts = [*raw[:end].view(torch.int64).split(_WORDS_AT_ONCE), raw[end:].to(torch.int64)]
    sums = torch.zeros(2, dtype=torch.int64, device=raw.device)
    start = 0
    for part in parts:
        weights = 2 * torch.arange(start, start + len(part), device=raw.device) + 1
        sums = sums + torch.stack([part.sum(), (part * weights).sum()])
        start += len(part)
    return sums
