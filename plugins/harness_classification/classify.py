"""Classification, clean and under attack: one record per example.

The core trusts no attack. It recomputes every distance, checks budget and box, classifies every returned input
again in eval mode, counts the passes itself, and verifies that the model was not changed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from harness.api import Attack, Classifier, Context, Dataset, Outcome, shown_facts
from harness.api.instruments import left_unchanged, seeded, tensors_left_unchanged
from harness_classification.attacked_windows import AttackedWindows
from harness_classification.class_names import in_order_of
from harness_classification.columns import joined
from harness_classification.indicators.signs import STOCHASTIC
from harness_classification.judge import Judge, clean_columns
from harness_classification.predictions import not_finite, outcomes
from harness_classification.sets_and_certificates import certificates, predicted_sets
from harness_classification.windows import Window, Windows, attack_windows, clean_windows


class Classify:
    """Predict a class for every example, clean and, if there is an attack, under attack.

    Inputs must lie in the box of the dataset (`facts["box"]`, by default [0, 1]); `facts["classes"]` names the
    classes. Examples that the model gets wrong without attack are not attacked. Under an attack that averages over the
    randomness of a model, a random model is classified by its mean probabilities over 20 draws.

    Data: columns `inputs` (`[n, ...]`, floating point within the box) and `labels` (positions of classes), maybe
    `groups`; the fact `classes` (their names), maybe `box`.
    """

    columns: Sequence[str] = (
        *("id", "label", "outcome", "correct", "group.*"),
        *(f"clean_{what}" for what in ("prediction", "confidence", "margin", "loss")),
    )
    columns_with: Mapping[str, tuple[str, ...]] = {
        "attack": (
            *("target", "success", "robust", "linf", "l2", "l1", "l0", "forward_passes", "backward_passes"),
            *(f"adversarial_{what}" for what in ("prediction", "confidence", "margin", "loss")),
            *("views", "views_true", "views_target", "views_other", "clean_views_true"),
            *("zero_gradients", "exploding_gradients", "silent_success", "reached", "fooled_by"),
        )
    }
    columns_without: Mapping[str, tuple[str, ...]] = {
        "attack": (
            *("covered", "set_size", "nominal_coverage", "calibration_size"),
            *("certified_prediction", "certified_radius", "certificate_norm", "certificate_alpha"),
        )
    }

    def run(self, model: Classifier, data: Dataset, attack: Attack | None, ctx: Context) -> Outcome:
        """One record per example, with its clean and adversarial prediction.

        Columns: id, label, outcome (clean_wrong, correct, fooled, robust, error), correct, clean_prediction,
        clean_confidence, clean_margin, clean_loss, group.<name>. Without attack, for a model that predicts sets:
        covered, set_size, nominal_coverage and (None where it does not say) calibration_size; for one that certifies:
        certified_prediction (None where it abstains), certified_radius, certificate_norm and certificate_alpha. Under
        attack: target, success, robust,
        adversarial_prediction, adversarial_confidence, adversarial_margin, adversarial_loss, linf, l2, l1, l0,
        forward_passes and backward_passes, and what was seen of the attack: zero_gradients and exploding_gradients
        (how many of its gradients), silent_success (it looked at a point that fools the model and returned another)
        and reached (how far it went, in the norm of the threat); for an attack of several stages fooled_by, the name
        of the stage that fooled the example; for an attack that stands for views also views,
        views_true, views_target, views_other and clean_views_true. Without attack the array `logits` `[n, classes]`
        is kept.
        """
        windows = clean_windows(data, ctx) if attack is None else attack_windows(data, ctx)
        names = data.facts["classes"]
        judge = Judge(in_order_of(names, model), len(names), attack, ctx)
        with left_unchanged(judge.counted), seeded(ctx.derive_seed("task"), ctx.device):
            outcome = _clean(model, windows, judge, ctx) if attack is None else _attacked(windows, judge, attack, ctx)
        groups = {f"group.{name}": list(members) for name, members in data.groups.items()}
        display = {**outcome.display, **shown_facts(data)}
        return replace(outcome, records={**outcome.records, **groups}, display=display)


def _clean(model: Classifier, windows: Windows, judge: Judge, ctx: Context) -> Outcome:
    # By `map`, since the variable of a loop would hold a window while the next one is read.
    parts = list(map(partial(_clean_window, model, judge, ctx), windows))
    columns, valid, logits = zip(*parts, strict=True)
    unstable = (f"{STOCHASTIC}: {judge.unstable}",) if judge.unstable else ()
    return Outcome(
        joined(columns),
        {"threat": None},
        artifacts={"logits": torch.cat(logits).numpy()},
        problems=not_finite("clean", torch.cat(valid), windows.ids),
        doubts=(*judge.no_logits(), *unstable),
    )


def _clean_window(
    model: Classifier, judge: Judge, ctx: Context, window: Window
) -> tuple[dict[str, Any], Tensor, Tensor]:
    """The record columns of some examples, which of their outputs are finite, and their logits."""
    examples, classes = window.examples, judge.counted.classes
    with tensors_left_unchanged(inputs=examples.inputs, labels=examples.labels):
        clean = judge.clean(examples)
        own = {**predicted_sets(model, examples, classes, ctx), **certificates(model, examples, classes, ctx)}
    correct = clean.valid & (clean.prediction == examples.labels)
    columns = clean_columns(examples, clean, correct)
    return {**columns, "outcome": outcomes(clean.valid, correct, None), **own}, clean.valid, clean.logits.cpu()


def _attacked(windows: Windows, judge: Judge, attack: Attack, ctx: Context) -> Outcome:
    attacked = AttackedWindows(judge, attack, windows, ctx)
    deque(map(attacked.add, windows), maxlen=0)
    columns, signs, threat = joined(attacked.columns), attacked.signs(), attack.threat
    n_passes = float(sum(columns[name].sum() for name in ("forward_passes", "backward_passes")))
    n_attacked = int(sum(1 for each in columns["correct"] if each))
    return Outcome(
        records=columns,
        protocol={"threat": asdict(threat)},
        artifacts=attacked.hardest.arrays(),
        display={"threat": str(threat)},
        cost={"passes": n_passes / n_attacked if n_attacked else 0.0},
        problems=(*not_finite("clean", torch.cat(attacked.clean_valid), windows.ids), *attacked.all_problems()),
        doubts=(*judge.no_logits(), *signs.doubts()),
    )
