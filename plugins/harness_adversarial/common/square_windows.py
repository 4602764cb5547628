"""The windows of Square attack: their size at each query, and the bumps that fill them in L2."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

_HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Queries, of 10000, after which the share of changed pixels is halved (Andriushchenko et al. 2020, section 5)."""

Sides = npt.NDArray[np.int_]


def window_sides(height: int, width: int, queries: int, share: float, smallest: int, odd: bool) -> tuple[Sides, Sides]:
    """Rows and columns of the window at each query, `[queries]` each.

    Args:
        height, width: of the image.
        queries: the number of queries; the schedule is stretched to them.
        share: the share of the pixels that the first window covers.
        smallest: the least side, if the image is as large.
        odd: enlarge even sides by 1.
    """
    done = np.arange(queries) * 10000 // queries
    area = share / 2.0 ** np.searchsorted(_HALVINGS, done) * height * width
    side = np.maximum(np.rint(np.sqrt(area)).astype(int), smallest)
    side = side + (odd & (side % 2 == 0))
    rows = np.minimum(side, height)
    # An image less high than the window gets a wider window of the same area.
    columns = np.where(side > height, np.maximum(np.rint(area / height).astype(int), side), side)
    return rows, np.minimum(columns, width)


def bump(rows: int, columns: int) -> Tensor:
    """A hill `[rows, columns]` that falls off from its middle (equation 2)."""
    down, across = (torch.arange(side) - side // 2 for side in (rows, columns))
    ring = torch.maximum(down.abs()[:, None], across.abs()[None, :])
    top = max(rows, columns) // 2
    # Value at ring d: the sum of 1 / m^2 for m from d + 1 to top + 1.
    terms = 1.0 / torch.arange(1, top + 2) ** 2
    height: Tensor = terms.flip(0).cumsum(0).flip(0)[ring]
    return height


def opposed_bumps(rows: int, columns: int) -> Tensor:
    """Two hills one above the other `[rows, columns]`, the lower one negative, of L2 norm 1."""
    half = rows // 2
    both = torch.cat([bump(half, columns), -bump(rows - half, columns)])
    unit: Tensor = both / both.norm()
    return unit


@dataclass(frozen=True)
class BumpTable:
    """Opposed bumps for every size of window, above one another and side by side.

    Attributes:
        patches: `[sizes, 2, height, width]`, each in the upper left corner.
        index: `[queries]`, which size a query has.
    """

    patches: Tensor
    index: npt.NDArray[np.int_]

    @staticmethod
    def of(rows: Sides, columns: Sides, height: int, width: int, device: torch.device) -> BumpTable:
        """The table of the bumps for these windows."""
        sizes, index = np.unique(np.stack([rows, columns], axis=1), axis=0, return_inverse=True)
        patches = torch.zeros(len(sizes), 2, height, width)
        for i, (high, wide) in enumerate(sizes.tolist()):
            patches[i, 0, :high, :wide] = opposed_bumps(high, wide)
            patches[i, 1, :high, :wide] = opposed_bumps(wide, high).T
        return BumpTable(patches.to(device), index.reshape(-1))
