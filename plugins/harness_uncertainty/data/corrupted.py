"""Corrupted data: any image set under a corruption, as a dataset and as an attack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import torch
from annotated_types import Ge, Le
from torch import Tensor

from harness.api import ComponentOf, Context, Dataset, DatasetWrapper, InvalidOutput, LabelledInputs, ReadAnew, Threat
from harness_uncertainty.data.corruptions import SEVERITIES, Kind, corrupt

Severity = Annotated[int, Ge(1), Le(SEVERITIES)]


class Corrupted(DatasetWrapper):
    """Images of another dataset under one corruption of one of five severities; ids, labels, groups, facts are theirs.

    Every example is corrupted, right or wrong, so accuracy, calibration, coverage and detection can be measured under
    shift by any task. Sweep `severity` for a curve.

    Args:
        dataset: where the images come from.
        kind: what is done to them.
        severity: 1 is light, 5 heavy.
        draw: the number of the random draw of noise and rotation.
    """

    def __init__(
        self,
        dataset: Annotated[Dataset, ComponentOf("dataset")],
        kind: Kind,
        severity: Severity,
        draw: Annotated[int, Ge(0)] = 0,
    ) -> None:
        super().__init__(dataset)
        self._kind, self._severity = kind, severity
        self._ctx = Context(seed=draw, scope=("corruption",))

    @property
    def reads_anew(self) -> bool:
        """Whether the images to corrupt are read anew at every take."""
        return isinstance(self._dataset, ReadAnew) and self._dataset.reads_anew

    def take(self, indices: Sequence[int]) -> Mapping[str, Any]:
        """The columns with corrupted `inputs`. Raises InvalidOutput if they are no images."""
        columns = dict(self._dataset.take(indices))
        if "inputs" not in columns:
            raise InvalidOutput("the dataset to corrupt has no column 'inputs'")
        low, high = self._dataset.facts.get("box", (0.0, 1.0))
        inputs = torch.as_tensor(columns["inputs"]).float()
        ids = [self._dataset.ids[i] for i in indices]
        columns["inputs"] = corrupt(inputs, ids, self._kind, self._severity, self._ctx, low, high).numpy()
        return columns


class Corruption:
    """A corruption of images as an attack that searches for nothing: who is right without it, and still under it?

    Calibration under shift concerns all examples: for that there is the dataset `corrupted`, with the same images.

    Args:
        kind: what is done to the images.
        severity: 1 is light, 5 heavy.
        draw: the number of the random draw of noise and rotation.
    """

    pooled = True

    def __init__(self, kind: Kind, severity: Severity, draw: Annotated[int, Ge(0)] = 0) -> None:
        self._kind, self._severity = kind, severity
        self._ctx = Context(seed=draw, scope=("corruption",))
        self.threat = Threat(None, None)

    def perturb(self, model: object, batch: LabelledInputs, ctx: Context) -> Tensor:
        """Return the corrupted images."""
        if not len(batch):
            return batch.inputs
        parts = [
            corrupt(
                batch.inputs[start : start + ctx.batch_size].cpu(),
                batch.ids[start : start + ctx.batch_size],
                self._kind,
                self._severity,
                self._ctx,
                batch.low,
                batch.high,
            )
            for start in range(0, len(batch), ctx.batch_size)
        ]
        return torch.cat(parts).to(batch.inputs)
