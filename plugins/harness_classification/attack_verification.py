"""Verification of an attack: whether the inputs that it returned keep to its threat and fool the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.api import Attack, Context, InvalidOutput, LabelledInputs, Threat, Viewed
from harness.api.instruments import DISTANCES, CountedModel, distance, per_example
from harness_classification.predictions import Predictions, column, not_finite, outcomes, predict

TOLERANCE = 1e-6
"""Round-off allowed beyond a budget or the box, in units of the inputs (2e-8 is usual in float32)."""

MAX_ROUND_OFF = 1e-3
"""How far logits may move, relative to the largest, where an input is computed in another batch."""

OTHERS_ASKED_AGAIN = 64
"""How many clean inputs that the attack did not change the class of are classified again after it."""

HARDEST = 8
"""How many fooled examples are kept as arrays; all of them would fill the disk."""


def verify_attack(
    counted: CountedModel,
    examples: LabelledInputs,
    targets: Tensor | None,
    adversarial: Tensor,
    clean: Predictions,
    correct: Tensor,
    threat: Threat,
    ctx: Context,
    draws: int = 1,
) -> tuple[dict[str, Any], tuple[str, ...], Predictions]:
    """Columns of the records, problems, and the predictions for the returned inputs `adversarial` `[n, ...]`.

    Distances, budget and box are measured here; only examples that are `correct` (bool `[n]`) count as attacked. A
    random model is classified by its mean over `draws`.
    """
    finite = adversarial.flatten(1).isfinite().all(dim=1)
    points = where_finite(adversarial, examples.inputs, finite)
    returned = predict(counted, points, examples.labels, ctx.batch_size, draws)
    valid = clean.valid & returned.valid & finite
    difference = adversarial - examples.inputs
    distances = {norm: distance(difference, norm) for norm in DISTANCES}
    del difference
    outside_box = finite & (
        (adversarial < examples.low - TOLERANCE) | (adversarial > examples.high + TOLERANCE)
    ).flatten(1).any(dim=1)
    beyond = torch.zeros_like(correct)
    if threat.norm is not None and threat.eps is not None:
        beyond = finite & (distances[threat.norm] > threat.eps + TOLERANCE)
    broken = outside_box | (beyond & (not threat.minimal))
    hit = returned.prediction == targets if targets is not None else returned.prediction != examples.labels
    success = correct & valid & ~outside_box & ~beyond & hit
    robust = correct & valid & ~broken & ~success
    known = (valid & ~broken).tolist()
    columns = {
        "target": column(targets, known) if targets is not None else [None] * len(examples),
        "outcome": outcomes(valid & ~broken, correct, success),
        # Success is defined for attacked examples only: those the clean model gets right.
        "success": [s if k and c else None for s, c, k in zip(success.tolist(), correct.tolist(), known, strict=True)],
        "robust": column(robust, known),
        "adversarial_prediction": column(returned.prediction, known),
        "adversarial_confidence": column(returned.confidence, known),
        "adversarial_margin": column(returned.margin, known),
        "adversarial_loss": column(returned.loss, known),
        **{norm: column(values, finite.tolist()) for norm, values in distances.items()},
    }
    problems = [*not_finite("adversarial", returned.valid & finite, examples.ids)]
    if broken.any():
        problems.append(_budget_problem(broken, outside_box, adversarial, distances, threat, examples))
    return columns, tuple(problems), returned


def where_finite(points: Tensor, others: Tensor, finite: Tensor) -> Tensor:
    """Points `[n, ...]` where `finite` `[n]` is true, others elsewhere; no copy if it is true everywhere."""
    return points if bool(finite.all()) else torch.where(per_example(finite, points), points, others)


def altered(attacked: CountedModel, parts: Mapping[str, object]) -> tuple[str, ...]:
    """The problem that an attack has put other parts into the model that it was given; empty if it has not."""
    now = CountedModel.parts(attacked)
    changed = [name for name in {**parts, **now} if now.get(name) is not parts.get(name)]
    return (f"the attack has changed the model that it was given: {', '.join(changed)}",) if changed else ()


def another_model(
    counted: CountedModel,
    examples: LabelledInputs,
    adversarial: Tensor,
    clean: Predictions,
    returned: Predictions,
    fooled: Tensor,
    ctx: Context,
) -> tuple[str, ...]:
    """The problems that the model is another one after the attack than before; not for a model that draws.

    Inputs that `fooled` the model (bool `[n]`) must have been changed. Clean inputs are classified again, of all that
    were fooled and of some others, which costs at most one clean pass.
    """
    problems = []
    unmoved = fooled & (adversarial == examples.inputs).flatten(1).all(dim=1)
    unmoved &= _answers_otherwise(clean.logits, returned.logits)
    if unmoved.any():
        first = examples.ids[int(torch.nonzero(unmoved)[0])]
        problems.append(f"{int(unmoved.sum())} inputs fool the model although they were not changed, first {first!r}")
    asked = fooled.clone()
    asked[torch.nonzero(clean.valid & ~fooled).flatten()[:OTHERS_ASKED_AGAIN]] = True
    rows = torch.nonzero(asked).flatten()
    again = predict(counted, examples.inputs[rows], examples.labels[rows], ctx.batch_size)
    changed = int(_answers_otherwise(clean.logits[rows], again.logits).sum())
    if changed:
        problems.append(f"{changed} of {len(rows)} clean inputs are given another class after the attack than before")
    return tuple(problems)


def _answers_otherwise(before: Tensor, after: Tensor) -> Tensor:
    """Which logits `[n, classes]` of the same inputs are of another class, by more than round-off: bool `[n]`."""
    apart = (after - before).abs().amax(dim=1) > MAX_ROUND_OFF * (1 + before.abs().amax(dim=1))
    return apart & (after.argmax(dim=1) != before.argmax(dim=1))


def _budget_problem(
    broken: Tensor,
    outside_box: Tensor,
    adversarial: Tensor,
    distances: Mapping[str, Tensor],
    threat: Threat,
    examples: LabelledInputs,
) -> str:
    first = examples.ids[int(torch.nonzero(broken)[0])]
    what = f"{int(broken.sum())} of {len(examples)} returned inputs break the rules, first {first!r}"
    if outside_box.any():
        low, high = float(adversarial.min()), float(adversarial.max())
        return f"{what}: they reach from {low:.6g} to {high:.6g}, outside the box [{examples.low:g}, {examples.high:g}]"
    worst = float(distances[str(threat.norm)].max())
    return f"{what}: {threat.norm} distance up to {worst:.6g}, declared {threat}"


def views_given(
    counted: CountedModel,
    attack: Attack,
    examples: LabelledInputs,
    targets: Tensor | None,
    adversarial: Tensor,
    correct: Tensor,
    ctx: Context,
) -> dict[str, Any]:
    """How often the model predicts which class on fresh views of attacked examples. Raises InvalidOutput."""
    if not isinstance(attack, Viewed):
        return {}
    # Fresh draws, so that an attack is not tested on the views that it was made for.
    view_ctx = ctx.scoped("judge views")
    counts = torch.zeros((4, len(examples)), dtype=torch.long, device=examples.inputs.device)
    for draw in range(attack.views):
        for row, inputs in enumerate((examples.inputs, adversarial)):
            viewed = attack.view(inputs, examples, draw, view_ctx)
            if viewed.shape != inputs.shape or not bool(viewed.isfinite().all()):
                raise InvalidOutput(f"views of attack {type(attack).__name__} are not finite or of another shape")
            predictions = predict(counted, viewed.detach().to(inputs), examples.labels, ctx.batch_size)
            is_true = predictions.valid & (predictions.prediction == examples.labels)
            counts[row] += is_true
            if row and targets is not None:
                counts[2] += predictions.valid & (predictions.prediction == targets)
            counts[3] += predictions.valid if row else 0
    clean_true, is_true, is_target, valid = counts
    attacked = correct.tolist()
    return {
        "views": column(valid, attacked),
        "views_true": column(is_true, attacked),
        "views_target": column(is_target, attacked) if targets is not None else [None] * len(examples),
        "views_other": column(valid - is_true - is_target, attacked),
        "clean_views_true": column(clean_true, attacked),
    }


class HardestExamples:
    """The fooled examples with the most confident predictions so far: clean, adversarial, and their rows."""

    def __init__(self) -> None:
        self._kept: list[tuple[float, str, int, Tensor, Tensor]] = []

    def add(self, start: int, examples: LabelledInputs, adversarial: Tensor, columns: Mapping[str, Any]) -> None:
        """Look at the next examples, the first of which has row `start`, with their record columns."""
        confidence = columns["adversarial_confidence"]
        fooled = [
            (-float(confidence[i]), examples.ids[i], start + i) for i, hit in enumerate(columns["success"]) if hit
        ]
        new = [
            (*known, examples.inputs[known[2] - start].cpu().clone(), adversarial[known[2] - start].cpu().clone())
            for known in sorted(fooled)[:HARDEST]
        ]
        self._kept = sorted([*self._kept, *new], key=lambda kept: kept[:2])[:HARDEST]

    def arrays(self) -> dict[str, Any]:
        """The artifacts of the cell; none if no example was fooled."""
        if not self._kept:
            return {}
        _, _, rows, clean, adversarial = zip(*self._kept, strict=True)
        return {
            "hardest_rows": np.array(rows),
            "hardest_clean": torch.stack(clean).numpy(),
            "hardest_adversarial": torch.stack(adversarial).numpy(),
        }
