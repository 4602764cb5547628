"""Regression: one record per example, with the prediction, its error, and its uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.api import Context, Dataset, InvalidOutput, Outcome, Prediction, Regressor
from harness.api.instruments import column_tensor, left_unchanged

Array = npt.NDArray[np.float64]


class Regress:
    """Predict a number for every example (columns `inputs` and `targets` of the data).

    Data: columns `inputs` (`[n, ...]`) and `targets` (numbers), maybe `groups`; maybe the fact
    `unit` of the targets.
    """

    columns: Sequence[str] = (
        *("id", "target", "prediction", "error", "deviation", "low", "high", "level"),
        "group.*",
    )

    def run(self, model: Regressor, data: Dataset, ctx: Context) -> Outcome:
        """One record per example.

        Columns: id, target, prediction, error (prediction minus target), deviation (predictive standard deviation),
        low and high (of an interval for the target), level (the interval's nominal coverage), group.<name>; what the
        model does not say is None. All but the level in the units of the targets.
        """
        inputs, targets = _columns(data)
        parts: list[dict[str, Array]] = []
        levels: set[float | None] = set()
        with left_unchanged(model, inputs=inputs), torch.no_grad():
            for start in range(0, len(inputs), ctx.batch_size):
                batch = inputs[start : start + ctx.batch_size].to(ctx.device)
                made = model.predict(batch)
                if not isinstance(made, Prediction):
                    raise InvalidOutput(f"the model predicted a {type(made).__name__}, not a Prediction")
                parts.append(_checked(made, len(batch)))
                levels.add(made.level)
                ctx.progress(start + len(batch), len(inputs))
        if len({frozenset(part) for part in parts}) > 1 or len(levels) > 1:
            raise InvalidOutput("the model says something else of its uncertainty from batch to batch")
        outputs = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        n, prediction = len(targets), outputs.pop("mean")
        finite = np.isfinite(prediction)
        columns: dict[str, Any] = {
            "id": list(data.ids),
            "target": targets,
            "prediction": _or_none(prediction, finite),
            "error": _or_none(prediction - targets, finite),
            **{name: outputs.get(name, [None] * n) for name in ("deviation", "low", "high")},
            "level": [levels.pop()] * n,
            **{f"group.{name}": list(column) for name, column in data.groups.items()},
        }
        first, broken = data.ids[int(np.argmin(finite))], int((~finite).sum())
        return Outcome(
            columns,
            {"unit": data.facts.get("unit", "")},
            problems=() if finite.all() else (f"{broken} of {n} predictions are not finite, first for {first!r}",),
        )


def _columns(data: Dataset) -> tuple[Tensor, Array]:
    """Inputs and targets, checked. Raises InvalidOutput."""
    columns = data.take(range(len(data.ids)))
    missing = [name for name in ("inputs", "targets") if name not in columns]
    if missing:
        raise InvalidOutput(f"the dataset lacks the column {missing[0]!r}, which regression needs")
    inputs = column_tensor(columns["inputs"], "inputs")
    targets = column_tensor(columns["targets"], "targets").double().cpu().numpy()
    if not inputs.is_floating_point() or not bool(torch.isfinite(inputs).all()):
        raise InvalidOutput("inputs must be finite floating point numbers")
    if targets.ndim != 1 or not np.isfinite(targets).all():
        raise InvalidOutput(f"targets must be one finite number per example; they have shape {list(targets.shape)}")
    return inputs.float(), targets


def _checked(made: Prediction, n: int) -> dict[str, Array]:
    """The fields of a prediction as arrays `[n]`. Raises InvalidOutput."""
    arrays: dict[str, Array] = {}
    for name in ("mean", "deviation", "low", "high"):
        values = getattr(made, name)
        if values is None:
            continue
        if not isinstance(values, Tensor) or values.shape != (n,):
            got = list(values.shape) if isinstance(values, Tensor) else type(values).__name__
            raise InvalidOutput(f"the model's {name} is {got}, expected [{n}]")
        arrays[name] = values.double().cpu().numpy()
        if name != "mean" and not np.isfinite(arrays[name]).all():
            raise InvalidOutput(f"the model's {name} is not finite everywhere")
    if "mean" not in arrays:
        raise InvalidOutput("the model predicted no mean")
    if "deviation" in arrays and (arrays["deviation"] <= 0).any():
        raise InvalidOutput("the model's deviation must be positive")
    if ("low" in arrays) != ("high" in arrays) or ("low" in arrays and (arrays["low"] > arrays["high"]).any()):
        raise InvalidOutput("the model's interval needs both ends, the low one below the high one")
    if "low" in arrays and made.level is None:
        raise InvalidOutput("the model gives an interval without its nominal coverage `level`")
    return arrays


def _or_none(values: Array, known: npt.NDArray[np.bool_]) -> Any:
    return values if known.all() else [float(v) if k else None for v, k in zip(values, known, strict=True)]
