"""The random numbers of a corruption: keyed by its kind and the example, and shared by the severities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.api import Context

_BLOCK = 16


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
        """Standard normal, float64 `[len(ids), *shape]`.

        By Box & Muller 1958 in float64, eight pairs at a time as torch does it in float32, where the logarithm and the
        cosine of a processor differ from those of another in the seventh digit.
        """
        size = math.prod(shape)
        uniform = self.uniform(-(-size // _BLOCK) * _BLOCK, name=name).reshape(len(self.ids), -1, 2, _BLOCK // 2)
        radius, angle = (-2 * torch.log1p(-uniform[:, :, 0])).sqrt(), 2 * math.pi * uniform[:, :, 1]
        pairs = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=2)
        return pairs.reshape(len(self.ids), -1)[:, :size].reshape(len(self.ids), *shape)

    def uniform(self, *shape: int, name: str = "") -> Tensor:
        """Uniform in [0, 1), float64 `[len(ids), *shape]`."""
        return self.ctx.uniform(self.ids, shape, *self._names(name)).double()

    def poisson(self, rates: Tensor) -> Tensor:
        """Poisson counts with these means, `[len(ids), ...]`."""
        drawn = [
            torch.poisson(rate, generator=self.ctx.generator(self.kind, one))
            for rate, one in zip(rates, self.ids, strict=True)
        ]
        return torch.stack(drawn) if drawn else rates

    def _names(self, name: str) -> tuple[str, ...]:
        return (self.kind, name) if name else (self.kind,)
