"""Nearest neighbours among feature vectors (stand-in)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def nearest(
    queries: npt.NDArray[np.float32], references: npt.NDArray[np.float32], k: int, *, exclude_self: bool = False
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """Distances and rows, by brute force."""
    a, b = queries.astype(float), references.astype(float)
    d = (
        ((a[:, None] - b[None]) ** 2).sum(-1)
        if len(a) * len(b) * a.shape[1] < 2e8
        else np.stack([((x - b) ** 2).sum(-1) for x in a])
    )
    if exclude_self:
        np.fill_diagonal(d, np.inf)
    order = np.argsort(d, axis=1, kind="stable")[:, :k]
    return np.sqrt(np.take_along_axis(d, order, 1)), order
