"""Which examples of a pool are done, read on the host without waiting for the device."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


def on_device(values: npt.NDArray[Any], device: torch.device) -> Tensor:
    """Copy values to the device; the copy may still be running on return, since the host does not wait for it."""
    tensor = torch.from_numpy(values)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


class CompletionFlags:
    """Which examples of a pool are done. An example that is done stays done, so a flag that is read late is still true.

    A device that works on its own is told to copy the flags after each step, and the host reads those of the step
    before, which have arrived while the device was busy with this one: an example that is done costs one more pass,
    and the device never idles. Elsewhere the host reads the flags of this step.

    Args:
        examples: how many there are.
        device: where the flags are.
        late: read the flags of each step one step later; by default on CUDA only.
    """

    def __init__(self, examples: int, device: torch.device, late: bool | None = None) -> None:
        self._done = torch.zeros(examples, dtype=torch.bool, device=device)
        self._late = device.type == "cuda" if late is None else late
        self._copies = [torch.zeros(examples, dtype=torch.bool, pin_memory=device.type == "cuda") for _ in range(2)]
        self._arrays = [copy.numpy() for copy in self._copies]
        self._arrived: list[torch.cuda.Event | None] = [None, None]
        self._steps = 0

    def set(self, rows: Tensor, done: Tensor) -> Tensor:
        """Mark examples `[m]` as done where `done` `[m]`; return which are done, by this or an earlier step, `[m]`."""
        if self._late:
            done = done | self._done[rows]
        self._done[rows] = done
        return done

    def read(self) -> npt.NDArray[np.bool_]:
        """Return which examples are reported as done `[n]`, on the host; call it once a step."""
        now = self._steps % 2
        self._steps += 1
        self._copies[now].copy_(self._done, non_blocking=self._late)
        if not self._late:
            return self._arrays[now]
        if self._done.is_cuda:
            # On the stream that copies: the current device may be another than that of the flags.
            event = self._arrived[now] = torch.cuda.Event()
            event.record(torch.cuda.current_stream(self._done.device))
            before = self._arrived[1 - now]
            if before is not None:
                before.synchronize()
        return self._arrays[1 - now]
