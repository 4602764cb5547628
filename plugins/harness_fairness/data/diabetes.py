"""Diabetes progression of 442 patients, embedded in scikit-learn: real, small, with sex and age."""

from __future__ import annotations

from typing import Literal

import numpy as np

from harness.api import Examples, order_by_hash

_TEST, _VALIDATION = 148, 74
_AGE_BANDS = ("under 40", "40 to 54", "55 and over")
_AGE, _SEX = 0, 1


def diabetes(split: Literal["train", "validation", "test", "all"] = "test") -> Examples:
    """Disease progression of 442 patients of scikit-learn, by sex and age; no download.

    Ten measurements at baseline and the disease progression a year later (Efron et al. 2004), for `regress`.

    The groups are `sex` (1 and 2, as published: which is which is not documented) and `age_band`. With 148 patients to
    test on, most gaps between them cannot be resolved. The split is fixed: patients are ordered by the sha256 of their
    measurements. Inputs have mean 0 and deviation 1 over the training patients.

    Args:
        split: which part: 220 train, 74 validation, 148 test.
    """
    from sklearn.datasets import load_diabetes

    raw = load_diabetes(scaled=False)
    measured = np.ascontiguousarray(raw.data, dtype=np.float64)
    order = order_by_hash([row.tobytes() for row in measured])
    parts = {
        "test": order[:_TEST],
        "validation": order[_TEST : _TEST + _VALIDATION],
        "train": order[_TEST + _VALIDATION :],
        "all": order,
    }
    training = measured[parts["train"]]
    inputs = ((measured - training.mean(axis=0)) / training.std(axis=0)).astype(np.float32)
    chosen = parts[split]
    band = np.digitize(measured[:, _AGE], (40, 55))
    return Examples(
        ids=[f"patient-{i:03d}" for i in chosen],
        columns={"inputs": inputs[chosen], "targets": raw.target[chosen].astype(np.float64)},
        groups={
            "sex": [f"{measured[i, _SEX]:g}" for i in chosen],
            "age_band": [_AGE_BANDS[band[i]] for i in chosen],
        },
        facts={"unit": "", "features": list(raw.feature_names)},
    )
