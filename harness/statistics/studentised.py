"""Quantiles of studentised means by the bootstrap, which minds skewness where Student's t does not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from harness.statistics.quantiles import LEVEL, student_quantile

Floats = npt.NDArray[np.float64]
_MAX_WEIGHTS_PER_BLOCK = 2_000_000
_MAX_RESAMPLED = 20_000
"""With more values Student's t is right for any skewness that they show."""
_NO_SPREAD = 1e-6
"""Relative size of a standard error that round-off can make."""


def studentised_quantiles(
    deviations: Floats, freedom: int, rng: np.random.Generator, draws: int, level: float = LEVEL
) -> tuple[float, float]:
    """The sizes of the lower and of the upper quantile of a studentised mean, each at least Student's.

    The bootstrap-t (Efron 1979; Hall 1988): values are drawn with replacement, and each mean is studentised by its own
    standard error.

    Args:
        deviations: `[n]`, the values less their mean.
        freedom: degrees of freedom of Student's t.
        rng: the source of the draws.
        draws: number of bootstrap draws.
        level: the nominal coverage.
    """
    n, student = len(deviations), student_quantile(freedom, level)
    if n > _MAX_RESAMPLED:
        return student, student
    columns = np.stack([deviations, deviations**2], axis=1)
    sums = np.concatenate([block @ columns for block in _weights(n, draws, rng)])
    means = sums[:, 0] / n
    errors = np.sqrt(np.maximum(0.0, sums[:, 1] - n * means**2) / (n - 1) / n)
    resolved = errors > _NO_SPREAD * np.abs(deviations).max()
    if not resolved.any():
        return student, student
    low, high = np.quantile(means[resolved] / errors[resolved], [0.5 - level / 2, 0.5 + level / 2])
    return max(student, float(-low)), max(student, float(high))


def _weights(n: int, draws: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Multinomial weights `[draws, n]` in blocks: how often each value comes up among n drawn with replacement."""
    per_block = max(1, _MAX_WEIGHTS_PER_BLOCK // n)
    for start in range(0, draws, per_block):
        size = min(per_block, draws - start)
        # Counting positions is three times as fast as drawing the counts.
        positions = rng.integers(0, n, size=(size, n)) + n * np.arange(size)[:, None]
        yield np.bincount(positions.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)
