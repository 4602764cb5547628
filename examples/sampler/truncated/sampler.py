"""The truncation trick of generators that make a sample in one pass."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le
from harness.api import Context, OneShot, SampleBatch
from torch import Tensor


class Truncated:
    """One pass of a generator from noise that is made smaller: better samples, less variety (Brock et al. 2019).

    Args:
        scale: what the noise is multiplied by; 1 leaves it as it is, 0 makes all samples equal.
    """

    def __init__(self, scale: Annotated[float, Ge(0), Le(1)] = 0.7) -> None:
        self._scale = scale

    def sample(self, model: OneShot, batch: SampleBatch, ctx: Context) -> Tensor:
        """Return what the model makes of the smaller noise."""
        return model.generate(self._scale * batch.noise, batch.conditions)
