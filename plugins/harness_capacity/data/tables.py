"""Small published tables of numbers, embedded in scikit-learn, for classifiers."""

from __future__ import annotations

from typing import Literal

import numpy as np

from harness.api import Examples, order_by_hash

TableName = Literal["breast_cancer", "wine"]
_SHARE_TEST, _SHARE_VALIDATION = 0.3, 0.3


def table(name: TableName = "breast_cancer", split: Literal["train", "validation", "test", "all"] = "test") -> Examples:
    """A published table of measurements and classes of scikit-learn; no download.

    `breast_cancer`: 569 biopsies, 30 measurements of cell nuclei, malignant or benign (Street, Wolberg & Mangasarian
    1993). `wine`: 178 wines, 13 measurements, three growers (Forina et al. 1991). The split is fixed: rows are ordered
    by the sha256 of their measurements; 30 % are the test set, 30 % the validation set. Inputs have mean 0 and
    deviation 1 over the training rows.

    Args:
        name: which table.
        split: which part.
    """
    from sklearn.datasets import load_breast_cancer, load_wine

    raw = (load_breast_cancer if name == "breast_cancer" else load_wine)()
    measured = np.ascontiguousarray(raw.data, dtype=np.float64)
    order = order_by_hash([row.tobytes() for row in measured])
    test, validation = (round(share * len(order)) for share in (_SHARE_TEST, _SHARE_VALIDATION))
    parts = {
        "test": order[:test],
        "validation": order[test : test + validation],
        "train": order[test + validation :],
        "all": order,
    }
    training = measured[parts["train"]]
    inputs = ((measured - training.mean(axis=0)) / training.std(axis=0)).astype(np.float32)
    rows = parts[split]
    return Examples(
        ids=[f"{name}-{i:03d}" for i in rows],
        columns={"inputs": inputs[rows], "labels": raw.target[rows].astype(np.int64)},
        facts={
            "classes": [str(label) for label in raw.target_names],
            "features": list(map(str, raw.feature_names)),
            "box": [float(np.floor(inputs.min())), float(np.ceil(inputs.max()))],
        },
    )
