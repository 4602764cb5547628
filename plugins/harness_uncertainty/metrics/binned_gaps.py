"""Gaps between outcomes and probabilities in bins, and the interval for the sum of their sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.api import LEVEL, normal_quantile

Floats = npt.NDArray[np.float64]
Ends = tuple[float, float]
DRAWS = 1000
_TAIL = 0.02
"""Less than (1 - LEVEL) / 2, since the assumptions that are tried are not all there are."""
_LEAST_POWER = 0.16
_STANDARD_ERRORS = np.concatenate([np.linspace(8.0, 0.0, 33), np.linspace(-0.25, -4.0, 16)])
"""How far every gap is moved towards 0, or away from it where negative."""
_MULTIPLES = np.linspace(0.0, 3.0, 41)
"""By what a line of gaps is multiplied."""
_FRACTIONS = np.linspace(0.0, 1.25, 26)
"""By what the clear gaps are multiplied."""
_CLEAR = 1.64
"""A gap of so many standard errors may be the only kind there is."""
_LEAST_WEIGHT = 1e-3


@dataclass(frozen=True)
class BinnedGaps:
    """Gaps of the bins that hold anything.

    A gap d has the sampling variance (a + b d - d^2) / n, as a share of n has p (1 - p) / n.

    Attributes:
        gap: `[bins]`, mean outcome less mean probability.
        n: `[bins]`, outcomes in each.
        probability: `[bins]`, mean probability.
        a, b: `[bins]`, of the variance.
    """

    gap: Floats
    n: Floats
    probability: Floats
    a: Floats
    b: Floats

    @classmethod
    def of(cls, outcome: Floats, probability: Floats, of_row: npt.NDArray[np.int64]) -> BinnedGaps:
        """The gaps of outcomes 0 or 1 `[n]` with their probabilities `[n]`, in bins `[n]`.

        In a wide bin outcomes may vary by more than a common gap says; then that is added to their variance.
        """
        counts = np.bincount(of_row)
        used = counts > 0

        def mean(values: Floats) -> Floats:
            return np.asarray(np.bincount(of_row, values)[used] / counts[used])

        excess = outcome - probability
        gap, centre, a = mean(excess), mean(probability), mean(probability * (1 - probability))
        b = 1 - 2 * centre
        unexplained = mean(excess**2) - gap**2 - (a + b * gap - gap**2)
        return cls(gap, counts[used].astype(np.float64), centre, a + np.maximum(0, unexplained), b)

    @property
    def share(self) -> Floats:
        """`[bins]`, of all outcomes."""
        return np.asarray(self.n / self.n.sum())

    @property
    def total(self) -> float:
        """The calibration error: the mean size of the gaps, weighted by the shares."""
        return float(self.share @ np.abs(self.gap))

    def errors(self, gaps: Floats) -> Floats:
        """Standard errors if these were the true gaps."""
        return np.asarray(np.sqrt(np.maximum(self.a + self.b * gaps - gaps**2, 0) / self.n))

    def score_ends(self, z: float) -> tuple[Floats, Floats]:
        """The gaps that lie z of their own standard errors off: Wilson's interval, where probabilities are equal."""
        k = z * z / self.n
        middle = self.gap + k * self.b / 2
        half = np.sqrt(np.maximum(middle**2 - (1 + k) * (self.gap**2 - k * self.a), 0))
        return (middle - half) / (1 + k), (middle + half) / (1 + k)

    def interval(self, noise: Floats | None = None) -> Ends:
        """The range of true errors under which the observed one is not in the tails; see `ECE`.

        Args:
            noise: `[draws, bins]`, what gaps may be off by, in standard errors; by default independent between bins.
        """
        if len(self.gap) == 1 and noise is None:
            return self._of_one_bin()
        if noise is None:
            noise = np.random.default_rng(0).standard_normal((DRAWS, len(self.gap)))
        value, share = self.total, self.share
        calibrated = np.abs(noise * self.errors(np.zeros_like(self.gap))) @ share
        seen = max(value, float(np.quantile(calibrated, _LEAST_POWER)))
        plausible = [value]
        for assumed in self._assumptions():
            error = float(share @ np.abs(assumed))
            drawn = np.abs(assumed + noise * self.errors(assumed)) @ share
            # Better than calibrated models usually look: perfect calibration is what comes closest.
            if np.mean(drawn >= value) >= _TAIL and (error == 0 or np.mean(drawn <= seen) >= _TAIL):
                plausible.append(error)
        return min(plausible), min(1.0, max(plausible))

    def _of_one_bin(self) -> Ends:
        low, high = (float(end[0]) for end in self.score_ends(normal_quantile(LEVEL)))
        return (0.0 if low <= 0 <= high else min(abs(low), abs(high))), min(1.0, max(abs(low), abs(high)))

    def _assumptions(self) -> Iterator[Floats]:
        """Yield gaps `[bins]` that may be true: the observed ones moved, the clear ones alone, a line through all."""
        for z in _STANDARD_ERRORS:
            low, high = self.score_ends(abs(z))
            if z < 0:
                yield self._possible(np.where(self.gap >= 0, high, low))
            else:
                yield self._possible(np.where(self.gap >= 0, np.maximum(low, 0), np.minimum(high, 0)))
        clear = np.where(np.abs(self.gap) > _CLEAR * self.errors(np.zeros_like(self.gap)), self.gap, 0.0)
        for fraction in _FRACTIONS:
            yield self._possible(fraction * clear)
        for shape in (self._line(), self._log_odds()):
            for multiple in _MULTIPLES:
                yield self._possible(multiple * shape)

    def _possible(self, gaps: Floats) -> Floats:
        return np.clip(gaps, -self.probability, 1 - self.probability)

    def _line(self) -> Floats:
        """The gaps as a linear function of the probability, by weighted least squares."""
        return self._fitted(np.ones_like(self.gap), self.probability)

    def _log_odds(self) -> Floats:
        """The gaps of log odds that are shifted and stretched a little, as by a temperature, fitted likewise."""
        inside = np.clip(self.probability, _LEAST_WEIGHT**2, 1 - _LEAST_WEIGHT**2)
        spread = inside * (1 - inside)
        return self._fitted(spread, spread * np.log(inside / (1 - inside)))

    def _fitted(self, *features: Floats) -> Floats:
        weight = np.sqrt(self.n / np.maximum(self.a, _LEAST_WEIGHT))
        design = np.stack(features, axis=1)
        solved = np.linalg.lstsq(design * weight[:, None], self.gap * weight, rcond=1e-6)[0]
        return np.asarray(design @ solved)
