"""Out-of-distribution detection: how unsure a classifier is of data like its own, and of other data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import torch
from torch import Tensor

from harness.api import Classifier, ComponentOf, Context, Dataset, InvalidOutput, Outcome, Uncertain
from harness.api.instruments import column_tensor, left_unchanged, plain_outputs
from harness_classification.predictions import no_logits


class Detect:
    """Tell data like a classifier's own from other data.

    Score every example of the data (in distribution) and of other data (out of distribution).

    All scores are higher where the model is less sure: `max_softmax` (minus the largest probability; Hendrycks & Gimpel
    2017), `entropy` (of the softmax, in nats), `energy` (minus the logsumexp of the logits; Liu et al. 2020), and those
    that the model itself offers (`uncertainty`), such as mutual information or the Mahalanobis distance.

    Data: the column `inputs` (`[n, ...]`, as `classify` wants them), in both sets of one shape.

    Args:
        out: data that are not of the distribution, with inputs of the same shape.
    """

    columns: Sequence[str] = ("id", "source", "score.*")

    records_of = "examples of both sets"

    def __init__(self, out: Annotated[Dataset, ComponentOf("dataset")]) -> None:
        self._out = out

    def run(self, model: Classifier, data: Dataset, ctx: Context) -> Outcome:
        """One record per example of both sets.

        Columns: id (prefixed with in/ or out/), source ("in" or "out"), score.<name>.
        """
        sets = {"in": _inputs(data, "the data"), "out": _inputs(self._out, "the other data")}
        if sets["in"].shape[1:] != sets["out"].shape[1:]:
            shapes = [list(inputs.shape[1:]) for inputs in sets.values()]
            raise InvalidOutput(f"the data have inputs {shapes[0]}, the other data {shapes[1]}; they must be alike")
        ids = [f"in/{name}" for name in data.ids] + [f"out/{name}" for name in self._out.ids]
        inputs = torch.cat(list(sets.values()))
        with left_unchanged(model, inputs=inputs), torch.no_grad():
            parts, outputs = [], []
            for start in range(0, len(inputs), ctx.batch_size):
                batch = inputs[start : start + ctx.batch_size].to(ctx.device)
                logits = _logits(model, batch)
                outputs.append(logits[logits.isfinite().all(dim=1)].cpu())
                parts.append(_scores(model, batch, logits))
                ctx.progress(min(start + ctx.batch_size, len(inputs)), len(inputs))
        scores = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        broken = [name for name, values in scores.items() if not bool(values.isfinite().all())]
        columns: dict[str, Any] = {"id": ids, "source": ["in"] * len(data.ids) + ["out"] * len(self._out.ids)}
        for name, values in scores.items():
            finite = values.isfinite().tolist()
            columns[f"score.{name}"] = [v if k else None for v, k in zip(values.tolist(), finite, strict=True)]
        problems = (f"scores {', '.join(broken)} are not finite for some examples",) if broken else ()
        return Outcome(columns, {"out": len(self._out.ids)}, problems=problems, doubts=no_logits(torch.cat(outputs)))


def _inputs(data: Dataset, name: str) -> Tensor:
    columns = data.take(range(len(data.ids)))
    if "inputs" not in columns:
        raise InvalidOutput(f"{name} lack the column 'inputs'")
    inputs = column_tensor(columns["inputs"], f"the inputs of {name}")
    if not inputs.is_floating_point() or not bool(torch.isfinite(inputs).all()):
        raise InvalidOutput(f"the inputs of {name} must be finite floating point numbers")
    return inputs.float()


def _logits(model: Classifier, inputs: Tensor) -> Tensor:
    """Logits `[n, classes]`, in float64 where there is any. Raises InvalidOutput."""
    logits = plain_outputs(model(inputs), inputs.device)
    if not isinstance(logits, Tensor):
        raise InvalidOutput(f"the model returned a {type(logits).__name__}; expected logits [n, classes]")
    if logits.dim() != 2 or len(logits) != len(inputs):
        raise InvalidOutput(f"the model's logits are {list(logits.shape)} for {len(inputs)} inputs")
    return logits.double() if logits.device.type != "mps" else logits.float()


def _scores(model: Classifier, inputs: Tensor, logits: Tensor) -> Mapping[str, Tensor]:
    """Name to values `[n]`, float64 on the CPU; higher is less sure. Raises InvalidOutput."""
    log_probabilities = logits.log_softmax(dim=1)
    probabilities = log_probabilities.exp()
    scores = {
        "max_softmax": -probabilities.amax(dim=1),
        "entropy": -torch.special.xlogy(probabilities, probabilities).sum(dim=1),
        "energy": -logits.logsumexp(dim=1),
    }
    if isinstance(model, Uncertain):
        for name, values in model.uncertainty(inputs).items():
            if values.shape != (len(inputs),):
                raise InvalidOutput(f"the model's score {name!r} is {list(values.shape)}, expected [{len(inputs)}]")
            scores[name] = values.double()
    return {name: values.cpu() for name, values in scores.items()}
