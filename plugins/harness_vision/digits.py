"""The embedded default data: scikit-learn's copy of the UCI handwritten digits."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Le

from harness.api import Examples, HarnessError, order_by_hash

_TEST, _VALIDATION, _TUNING = 360, 359, 179


def digits(
    split: Literal["train", "validation", "tuning", "calibration", "test", "held_out"] = "test",
    classes: list[Annotated[int, Ge(0), Le(9)]] | None = None,
) -> Examples:
    """Handwritten digits of scikit-learn: 1797 grey images of 8x8 pixels with 17 levels, 10 classes, no download.

    The split is fixed: images are ordered by the sha256 of their pixels; the first 360 are the test set, the
    next 359 the validation set, the other 1078 the training set.

    Args:
        split: which part; `tuning` and `calibration` are the two halves of the validation set, `held_out` is test and
            validation set together.
        classes: keep only the images of these digits, e.g. to hold out others as unknown; there still are ten classes.

    Raises:
        HarnessError: no class is kept.
    """
    from sklearn.datasets import load_digits

    raw = load_digits()
    pixels = raw.images.astype(np.uint8)
    order = order_by_hash([image.tobytes() for image in pixels])
    parts = {
        "test": order[:_TEST],
        "validation": order[_TEST : _TEST + _VALIDATION],
        "tuning": order[_TEST : _TEST + _TUNING],
        "calibration": order[_TEST + _TUNING : _TEST + _VALIDATION],
        "train": order[_TEST + _VALIDATION :],
        "held_out": order[: _TEST + _VALIDATION],
    }
    if classes is not None and not classes:
        raise HarnessError("digits: `classes` is an empty list; name the digits to keep, or leave it out")
    chosen = [i for i in parts[split] if classes is None or raw.target[i] in classes]
    return Examples(
        ids=[f"digit-{i:04d}" for i in chosen],
        columns={
            "inputs": (pixels[chosen].astype(np.float32) / 16.0)[:, None],
            "labels": raw.target[chosen].astype(np.int64),
        },
        facts={"classes": [str(name) for name in raw.target_names], "box": [0.0, 1.0], "levels": 17},
    )
