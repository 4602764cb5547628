"""Random generators, device and folders of a component: all it may depend on beyond its parameters."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

    from harness.contract.data import Dataset


def derive_seed(seed: int, *names: str | int) -> int:
    """Return a 63-bit seed that depends on exactly the given names, in their order.

    Two draws share a stream only if they name the same things, so neither the batch nor the order of
    execution can change what is drawn.
    """
    return next(_derive_seeds((seed, *names[:-1]), names[-1:])) if names else next(_derive_seeds((), (seed,)))


def _derive_seeds(first: Sequence[str | int], lasts: Sequence[str | int]) -> Iterator[int]:
    """Seeds of `[*first, last]` for each last name: the sha256 of the list as JSON, hashing what they share once."""
    shared = json.dumps(list(first), separators=(",", ":"))[:-1] + ("," if first else "")
    common = hashlib.sha256(shared.encode())
    for last in lasts:
        whole = common.copy()
        whole.update(f"{_as_json(last)}]".encode())
        yield int.from_bytes(whole.digest()[:8], "big") >> 1


def _as_json(name: str | int) -> str:
    # The encoder itself, since json.dumps costs more than the hash, and noise is drawn for every example.
    return json.encoder.encode_basestring_ascii(name) if isinstance(name, str) else json.dumps(name)


def _ignore_progress(done: int, total: int) -> None:
    return None


def _fitted_to_nothing() -> Mapping[str, Dataset]:
    return {}


@dataclass(frozen=True, slots=True)
class Context:
    """The device, seed, batch size and folder of a component. There is no other source of randomness or place to write.

    Attributes:
        device: a torch device string such as "cpu" or "cuda:0".
        seed: the seed of the cell.
        batch_size: number of examples to process at once; results must not depend on it.
        chunk: number of examples to give at once to code whose results do depend on it; part of the cell.
        scratch: a folder for temporary files, removed after the cell.
        progress: call it with (done, total) now and then during long work.
        scope: names put before those of every generator.
        fitted_to: gives the training split of every trained component of the cell, by its kind and label; the data are
            only loaded when it is called.
    """

    device: str = "cpu"
    seed: int = 0
    batch_size: int = 128
    chunk: int = 64
    scratch: Path = Path()
    progress: Callable[[int, int], None] = field(default=_ignore_progress)
    scope: tuple[str, ...] = ()
    fitted_to: Callable[[], Mapping[str, Dataset]] = field(default=_fitted_to_nothing)

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
        return self._per_example("uniform_", ids, shape, names)

    def normal(self, ids: Sequence[str], shape: Sequence[int], *names: str | int) -> torch.Tensor:
        """Standard normal draws, otherwise as `uniform`."""
        return self._per_example("normal_", ids, shape, names)

    def _per_example(
        self, fill: str, ids: Sequence[str], shape: Sequence[int], names: tuple[str | int, ...]
    ) -> torch.Tensor:
        import torch

        is_cuda = self.device.startswith("cuda")
        out = torch.empty((len(ids), *shape), pin_memory=is_cuda)
        generator = torch.Generator()
        seeds = _derive_seeds((self.seed, *self.scope, *names), ids)
        for row, seed in zip(out.unbind() if len(ids) else (), seeds, strict=True):
            getattr(row, fill)(generator=generator.manual_seed(seed))
        # From pinned memory the host need not wait for the copy.
        return out.to(self.device, non_blocking=is_cuda)
