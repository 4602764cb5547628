"""Two circles of points that no straight line separates."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Le
from harness.api import Examples

_N = 200
_RADII = np.array([0.2, 0.35])


def make_points(split: Literal["train", "test"] = "test", noise: Annotated[float, Ge(0), Le(0.1)] = 0.03) -> Examples:
    """Points on two circles in the unit square; which circle is the class. No straight line separates them.

    Args:
        split: which part; their points are drawn apart from each other.
        noise: how far a point may lie from its circle.
    """
    rng = np.random.default_rng(["train", "test"].index(split))
    labels = np.arange(_N) % 2
    radius = _RADII[labels] + rng.uniform(-noise, noise, _N)
    angle = rng.uniform(0, 2 * np.pi, _N)
    points = 0.5 + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return Examples(
        ids=[f"{split}-{i:03d}" for i in range(_N)],
        # On a grid, so that they are the same on every machine, to the last bit.
        columns={"inputs": (np.round(points * 2**12) / 2**12).astype(np.float32), "labels": labels},
        groups={"half": np.where(points[:, 0] < 0.5, "left", "right").tolist()},
        facts={"classes": ["inner", "outer"], "box": [0.0, 1.0]},
    )
