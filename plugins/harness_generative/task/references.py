"""What samples are compared with: images, features that were stored, moments of features, or nothing but prompts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch

from harness.api import Dataset, InvalidOutput
from harness_generative.task.image_sets import Array, ImageSet

STORED = "stored"
"""The label of features for which no extractor is named."""

Held = Literal["images", "features", "moments", "nothing"]


@dataclass
class Reference:
    """The reference data of a cell.

    Attributes:
        data: where they come from.
        holds: what of the reference is known.
        images: the images, if there are any.
        features: features `[n, d]` that were stored.
        moments: arrays by name: the mean `[d]` and the covariance `[d, d]` of features.
    """

    data: Dataset
    holds: Held
    images: ImageSet | None = None
    features: Array | None = None
    moments: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Dataset) -> Reference:
        """The reference that a dataset is, by its columns: inputs, features, mean and covariance, or prompts.

        Raises:
            InvalidOutput: it has none of these, or images or features that are not finite.
        """
        columns = set(data.take([0]))
        if "inputs" in columns:
            return cls(data, "images", ImageSet.of(data, "the reference data"))
        if {"mean", "covariance"} <= columns:
            whole = data.take(range(len(data.ids)))
            moments = {name: np.asarray(whole[name], np.float64) for name in ("mean", "covariance")}
            return cls(data, "moments", moments=moments)
        if "features" in columns:
            features = checked_features(data.take(range(len(data.ids)))["features"], "the reference data")
            return cls(data, "features", features=features)
        if "prompts" in columns:
            return cls(data, "nothing")
        raise InvalidOutput(
            "the reference data lack the column 'inputs' (images), 'features', or 'prompts'; "
            f"they have {', '.join(sorted(columns))}"
        )

    @property
    def told(self) -> Dataset:
        """What the data say of each example beside its pixels, which are not read again."""
        return self.data if self.images is None else self.images.told

    @property
    def n(self) -> int | None:
        """How many examples it has, or prompts; None for moments, which do not say."""
        return None if self.holds == "moments" else len(self.data.ids)

    @property
    def n_compared(self) -> int | None:
        """How many examples samples are compared with."""
        return None if self.holds == "nothing" else self.n

    def arrays(self, label: str, d: int) -> dict[str, Any]:
        """The features of the reference under the label of their extractor, to be compared with samples of d features.

        Raises:
            InvalidOutput: it has another number of features.
        """
        if self.images is not None:
            return {f"reference_{label}": self.images.features[label]}
        if self.features is not None:
            _check_number(self.features.shape[1], d)
            return {f"reference_{label}": self.features}
        if self.moments:
            _check_number(len(self.moments["mean"]), d)
        return {f"reference_{name}_{label}": array for name, array in self.moments.items()}


def _check_number(of_reference: int, of_samples: int) -> None:
    if of_reference != of_samples:
        raise InvalidOutput(
            f"the reference was stored with {of_reference} features, the samples have {of_samples}; both must be those "
            "of one extractor"
        )


def checked_features(features: Any, name: str) -> Array:
    """Features `[n, d]` as float32. Raises InvalidOutput if they are of another shape or not finite."""
    array = np.asarray(torch.as_tensor(np.asarray(features)).float().numpy())
    if array.ndim != 2 or not array.shape[1]:
        raise InvalidOutput(f"the features of {name} have shape {list(array.shape)}, not [n, d]")
    if not np.isfinite(array).all():
        row = int(np.argmax(~np.isfinite(array).all(axis=1)))
        raise InvalidOutput(f"the features of {name} hold NaN or infinity, first in row {row}")
    return array
