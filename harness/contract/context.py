"""Randomness and surroundings of a component: everything it may depend on beyond its parameters."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def derive_seed(seed: int, *names: str | int) -> int:
    """A 63-bit seed that depends on exactly the given names, in their order.

    Two draws share a stream only if they name the same things, so neither the batch nor the order of
    execution can change what is drawn.
    """
    text = json.dumps([seed, *names], separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def _ignore_progress(done: int, total: int) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Context:
    """What a component is given to work with. There is no other source of randomness or place to write.

    Attributes:
        device: a torch device string such as "cpu" or "cuda:0".
        seed: the seed of the cell.
        batch_size: how many examples to process at once; results must not depend on it.
        chunk: how many examples to give at once to code whose results do depend on it; part of the cell.
        scratch: a folder for temporary files, removed after the cell.
        progress: call it with (done, total) now and then during long work.
        scope: names put before those of every generator.
    """

    device: str = "cpu"
    seed: int = 0
    batch_size: int = 128
    chunk: int = 64
    scratch: Path = Path()
    progress: Callable[[int, int], None] = field(default=_ignore_progress)
    scope: tuple[str, ...] = ()

    def scoped(self, *names: str) -> Context:
        """The same context with more names in its scope."""
        return replace(self, scope=(*self.scope, *names))

    def derive_seed(self, *names: str | int) -> int:
        """The seed of the stream with these names under this context's seed and scope."""
        return derive_seed(self.seed, *self.scope, *names)

    def rng(self, *names: str | int) -> np.random.Generator:
        """A numpy generator that depends on the seed, the scope and the names only."""
        return np.random.default_rng(self.derive_seed(*names))

    def generator(self, *names: str | int) -> torch.Generator:
        """A CPU torch generator that depends on the seed, the scope and the names only."""
        import torch

        return torch.Generator().manual_seed(self.derive_seed(*names))

    def uniform(self, ids: Sequence[str], shape: Sequence[int], *names: str | int) -> torch.Tensor:
        """Uniform draws in [0, 1), float32 `[len(ids), *shape]`; row i depends on `ids[i]`, never on its neighbours.

        Drawn on the CPU, since a GPU's stream depends on the card, then moved to the device.
        """
        import torch

        return self._per_example(torch.rand, ids, shape, names)

    def normal(self, ids: Sequence[str], shape: Sequence[int], *names: str | int) -> torch.Tensor:
        """Standard normal draws, otherwise as `uniform`."""
        import torch

        return self._per_example(torch.randn, ids, shape, names)

    def _per_example(
        self, draw: Callable[..., torch.Tensor], ids: Sequence[str], shape: Sequence[int], names: tuple[str | int, ...]
    ) -> torch.Tensor:
        import torch

        out = torch.empty((len(ids), *shape))
        generator = torch.Generator()
        for row, example_id in enumerate(ids):
            generator.manual_seed(self.derive_seed(*names, example_id))
            out[row] = draw(tuple(shape), generator=generator)
        return out.to(self.device)
