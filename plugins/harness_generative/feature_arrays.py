"""The feature arrays that the task leaves beside its records."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from harness.api import InvalidOutput, Records

Side = Literal["generated", "reference", "train"]


def feature_label(records: Records, wanted: str | None) -> str:
    """The label of the extractor to use: the one wanted, or the task's first.

    Raises:
        InvalidOutput: the task has no extractor of that label.
    """
    known = list(records.protocol.get("features") or ())
    label = wanted if wanted is not None else next(iter(known), None)
    if label is None:
        raise InvalidOutput("the task extracted no features; name an extractor under `features`")
    if label not in known:
        raise InvalidOutput(f"the task has no features {label!r}; it has {', '.join(known) or 'none'}")
    return label


def feature_array(records: Records, side: Side, wanted: str | None) -> npt.NDArray[np.floating[Any]]:
    """Features `[n, d]` of one side, float32 as the task stored them.

    Raises:
        InvalidOutput: the task has no extractor of that label.
        KeyError: the task has no such side, e.g. no training data to compare with.
    """
    return records.artifact(f"{side}_{feature_label(records, wanted)}")
