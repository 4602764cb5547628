"""The random numbers of a corruption: keyed by its kind and the example, and shared by the severities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.api import Context


@dataclass(frozen=True)
class Draws:
    """The random numbers of a batch; those of an image do not depend on the other images.

    Attributes:
        ctx: its generators.
        ids: the ids of the examples.
        kind: the kind of the corruption, which every stream is named after.
    """

    ctx: Context
    ids: Sequence[str]
    kind: str

    def normal(self, *shape: int, name: str = "") -> Tensor:
        """Standard normal, `[len(ids), *shape]`."""
        return self.ctx.normal(self.ids, shape, *self._names(name))

    def uniform(self, *shape: int, name: str = "") -> Tensor:
        """Uniform in [0, 1), `[len(ids), *shape]`."""
        return self.ctx.uniform(self.ids, shape, *self._names(name))

    def poisson(self, rates: Tensor) -> Tensor:
        """Poisson counts with these means, `[len(ids), ...]`."""
        drawn = [
            torch.poisson(rate, generator=self.ctx.generator(self.kind, one))
            for rate, one in zip(rates, self.ids, strict=True)
        ]
        return torch.stack(drawn) if drawn else rates

    def _names(self, name: str) -> tuple[str, ...]:
        return (self.kind, name) if name else (self.kind,)
