"""Features that the task stored beside the records of a cell, by the label of their extractor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from harness.api import InvalidOutput, NotApplicable, Records

Side = Literal["generated", "reference", "train"]
Float64s = npt.NDArray[np.float64]
_NO_FEATURES = {
    "moments": "the reference is given by the mean and covariance of its features, and this needs the features",
    "nothing": "the data are prompts without reference images to compare with",
}


class FeatureMetric:
    """Base of metrics of stored features.

    Args:
        features: label of an extractor of the task; the first by default.
    """

    columns: Sequence[str] = ("id",)
    direction = "min"
    unit = ""

    def __init__(self, features: str | None = None) -> None:
        self.features = features


@dataclass(frozen=True, slots=True)
class StoredArray:
    """An array on disk; two are equal if the file was not written in between, so it can key a cache."""

    path: Path
    modified_ns: int
    size: int

    @classmethod
    def of(cls, records: Records, side: Side, label: str) -> StoredArray:
        """The features of one side of the cell.

        Raises:
            KeyError: the task left no such array.
            NotApplicable: the reference is not known by its features.
        """
        if side == "reference" and (reason := _NO_FEATURES.get(str(records.protocol.get("reference")))):
            raise NotApplicable(reason)
        path = None if records.folder is None else records.folder / "artifacts" / f"{side}_{label}.npy"
        if path is None or not path.is_file():
            raise KeyError(f"the cell left no array '{side}_{label}'")
        stat = path.stat()
        return cls(path, stat.st_mtime_ns, stat.st_size)

    def load(self) -> npt.NDArray[Any]:
        """The array, mapped into memory so that no copy of it is held."""
        array: npt.NDArray[Any] = np.load(self.path, mmap_mode="r", allow_pickle=False)
        return array


def label_of(records: Records, features: str | None) -> str:
    """The label of the wanted extractor, or of the task's first.

    Raises:
        InvalidOutput: the task has no extractor of that label, or none at all.
        NotApplicable: it needed none, since there is no reference to compare with.
    """
    labels = list(records.protocol.get("features") or {})
    if not labels and records.protocol.get("reference") == "nothing":
        raise NotApplicable(_NO_FEATURES["nothing"])
    if not labels:
        raise InvalidOutput("the task extracted no features; name an extractor under `features`")
    if features is not None and features not in labels:
        raise InvalidOutput(f"the task has no features {features!r}; it has {', '.join(labels)}")
    return labels[0] if features is None else features


def feature_array(records: Records, side: Side, features: str | None) -> npt.NDArray[np.floating[Any]]:
    """Features `[n, d]` of one side, float32 as the task stored them, by the label of their extractor.

    Of some samples of a cell, such as those of a group, theirs; the other sides stay whole.

    Raises:
        InvalidOutput: the task has no extractor of that label.
        KeyError: the task has no such side, e.g. no training data to compare with.
    """
    array = StoredArray.of(records, side, label_of(records, features)).load()
    if side != "generated" or records.kept is None or len(array) != len(records.kept):
        return array
    return np.asarray(array[records.kept])


def reference_moments(records: Records, features: str | None) -> tuple[Float64s, Float64s] | None:
    """Mean `[d]` and covariance `[d, d]` of the features of the reference, where it is given by them; else None."""
    if records.protocol.get("reference") != "moments":
        return None
    label = label_of(records, features)
    mean, covariance = (records_array(records, f"reference_{name}_{label}") for name in ("mean", "covariance"))
    return mean, covariance


def records_array(records: Records, name: str) -> Float64s:
    """An array of the whole cell, also where these are some of its records. Raises KeyError if there is none."""
    array: Float64s = replace(records, kept=None).artifact(name)
    return array
