"""The examples that are explained: inputs, labels, and the class to explain for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from harness.api import Context, Dataset, ExplainedInputs, InvalidOutput
from harness.api.instruments import CountedModel, column_tensor, whole_labels
from harness_capacity.explaining.pointing import known_causes

Explained = Literal["predicted", "label"]


@dataclass(frozen=True)
class Examples:
    """All examples of a cell.

    Attributes:
        ids: length n.
        inputs: `[n, ...]`, float32.
        labels: `[n]`, int64.
        predictions: `[n]`, the classes that the model gives.
        targets: `[n]`, the classes whose logits are explained.
        probability: `[n]`, float64, of the target.
        cause: bool `[n, positions]`, the positions that decide the class; None if the data do not say.
        low, high: the box of the data.
    """

    ids: list[str]
    inputs: Tensor
    labels: Tensor
    predictions: Tensor
    targets: Tensor
    probability: Tensor
    cause: Tensor | None
    low: float
    high: float

    @classmethod
    def of(cls, data: Dataset, model: CountedModel, explained: Explained, ctx: Context) -> Examples:
        """Read the data and predict its classes.

        Raises:
            InvalidOutput: the data lack inputs, labels or classes, or the model gives logits that are not finite.
        """
        columns = data.take(range(len(data.ids)))
        missing = [name for name in ("inputs", "labels") if name not in columns]
        if missing or "classes" not in data.facts:
            raise InvalidOutput(f"the dataset lacks {missing[0] if missing else 'classes'}, which explaining needs")
        inputs = column_tensor(columns["inputs"], "inputs").to(ctx.device).float()
        labels = whole_labels(columns["labels"]).to(ctx.device)
        if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < model.classes:
            raise InvalidOutput(
                f"labels go from {int(labels.min())} to {int(labels.max())}; classes are {model.classes}"
            )
        logits = all_logits(model, inputs, ctx)
        finite = logits.isfinite().all(dim=1)
        if not bool(finite.all()):
            first = data.ids[int((~finite).int().argmax())]
            raise InvalidOutput(f"{int((~finite).sum())} outputs of the model are not finite, first for {first!r}")
        predictions = logits.argmax(dim=1)
        targets = predictions if explained == "predicted" else labels
        probability = logits.double().softmax(dim=1).gather(1, targets[:, None])[:, 0]
        cause = known_causes(columns["cause"], data, inputs) if "cause" in columns else None
        low, high = data.facts.get("box", (0.0, 1.0))
        return cls(list(data.ids), inputs, labels, predictions, targets, probability, cause, float(low), float(high))

    def __len__(self) -> int:
        return len(self.ids)

    def chunks(self, size: int) -> Iterator[Tensor]:
        """Positions of the examples, `size` at a time."""
        yield from torch.arange(len(self), device=self.inputs.device).split(size)

    def batch(self, rows: Tensor) -> ExplainedInputs:
        """The examples at these positions."""
        ids = [self.ids[row] for row in rows.tolist()]
        return ExplainedInputs(ids, self.inputs[rows], self.targets[rows], self.low, self.high)


@torch.no_grad()
def all_logits(model: CountedModel, inputs: Tensor, ctx: Context) -> Tensor:
    """Logits `[n, classes]` of any number of inputs, a batch at a time."""
    parts = [model(batch).float() for batch in inputs.split(ctx.batch_size)] if len(inputs) else []
    return torch.cat(parts) if parts else inputs.new_zeros((0, model.classes))
