"""Whether stored samples were read on the scale that they were stored on, and lost nothing on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

DARK_SHARE = 0.5
"""Samples whose largest value is below this share of the largest value of the data were read on another scale."""


@runtime_checkable
class Stored(Protocol):
    """A model whose samples were stored on a scale of their own, such as whole numbers up to 255."""

    def scale_advice(self, largest: float, levels: int | None) -> str:
        """The largest value on that scale, and what would be the right one.

        Args:
            largest: the largest value of the samples, as a share of white.
            levels: the grey levels of the data that they are compared with, if known.
        """


@runtime_checkable
class Compressed(Protocol):
    """A model whose samples may have been stored with loss."""

    def lossy(self, rows: Sequence[int]) -> int:
        """How many of the samples at these positions were stored with loss, as JPEG does."""


@runtime_checkable
class Named(Protocol):
    """A model whose samples have names, such as those of their files."""

    def given_ids(self, rows: Sequence[int]) -> Sequence[str]:
        """The names of the samples at these positions."""


def first_name(model: object) -> str | None:
    """The name of the first of stored samples; None where they have none."""
    return model.given_ids([0])[0] if isinstance(model, Named) else None


def loss_doubts(model: object, n: int) -> tuple[str, ...]:
    """The doubt that some of n stored samples are not what the model made, since JPEG changed them."""
    lost = model.lossy(range(n)) if isinstance(model, Compressed) else 0
    if not lost:
        return ()
    return (
        f"samples stored as JPEG: {lost} of {n}; its traces count as the model's in every distance, save PNG files",
    )


def scale_doubts(model: object, samples: Tensor, brightest: float, facts: Mapping[str, Any]) -> tuple[str, ...]:
    """The doubt that stored samples `[n, ...]` were read on a wrong scale, since data reach up to `brightest`."""
    if not isinstance(model, Stored):
        return ()
    low, high = (float(end) for end in facts.get("box", (0.0, 1.0)))
    largest, expected = ((end - low) / (high - low) for end in (float(samples.max()), brightest))
    if largest >= DARK_SHARE * expected:
        return ()
    advice = model.scale_advice(largest, facts.get("levels"))
    return (f"samples far below white: {advice} (the data reach {expected:.0%} of white)",)
