"""Calibration error of more answers than fit in memory, as a reference for the one of all at once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from harness_uncertainty.metrics.calibration import bins_of


@dataclass
class BinTotals:
    """Totals of bins of equal width, added up block by block.

    Counts are int64 and sums float64: in float32, counts stop at 2^24.
    """

    bins: int = 15
    counts: npt.NDArray[np.int64] = field(init=False)
    correct: npt.NDArray[np.int64] = field(init=False)
    confidence: npt.NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.counts, self.correct = np.zeros(self.bins, np.int64), np.zeros(self.bins, np.int64)
        self.confidence = np.zeros(self.bins)

    def add(self, confidence: npt.NDArray[np.float64], correct: npt.NDArray[np.bool_]) -> None:
        """Add a block: confidences `[n]`, and whether each answer is right `[n]`."""
        of_row = bins_of(confidence, self.bins, "equal_width")
        self.counts += np.bincount(of_row, minlength=self.bins)
        self.correct += np.bincount(of_row[correct], minlength=self.bins)
        self.confidence += np.bincount(of_row, confidence, self.bins)

    @property
    def error(self) -> float:
        """The expected calibration error of all blocks; NaN before any."""
        n = int(self.counts.sum())
        return float(np.abs(self.correct - self.confidence).sum() / n) if n else float("nan")
