"""Small labelled images made up for tests."""

from __future__ import annotations

import numpy as np

from harness.api import Examples


def images(n: int = 200, classes: int = 4, seed: int = 0, prefix: str = "e") -> Examples:
    """Random images of 4 x 4 pixels, their labels in turn."""
    inputs = np.random.default_rng(seed).random((n, 1, 4, 4)).astype(np.float32)
    columns = {"inputs": inputs, "labels": np.arange(n) % classes}
    return Examples(
        [f"{prefix}{i}" for i in range(n)],
        columns,
        {"side": ["left", "right"] * (n // 2)},
        {"classes": [str(c) for c in range(classes)], "box": [0.0, 1.0]},
    )
