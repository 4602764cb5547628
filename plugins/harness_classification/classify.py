"""Classification, clean and under attack: one record per example.

The core trusts no attack. It recomputes every distance, checks budget and box, classifies every returned input
again in eval mode, counts the passes itself, and verifies that the model was not changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from harness.api import (
    Attack,
    Averaging,
    Classifier,
    Context,
    Dataset,
    InvalidOutput,
    LabelledInputs,
    Outcome,
    Pooled,
    Threat,
)
from harness.api.instruments import LANES, CountedModel, left_unchanged, seeded
from harness_classification.attack_verification import (
    TOLERANCE,
    altered,
    another_model,
    hardest,
    verify_attack,
    views_given,
)
from harness_classification.class_names import in_order_of
from harness_classification.indicators.doubts import randomness, signs_of_failure
from harness_classification.indicators.signs import STOCHASTIC
from harness_classification.indicators.watch import AttackWatch
from harness_classification.labelled_inputs import labelled_inputs
from harness_classification.predictions import (
    Predictions,
    column,
    ends_in_sigmoid,
    no_logits,
    not_finite,
    outcomes,
    predict,
)
from harness_classification.sets_and_certificates import certificates, predicted_sets

DRAWS_OF_RANDOM_MODEL = 20
"""Passes that predictions are averaged over, under an attack that averages over the randomness of a model."""


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
        examples = labelled_inputs(data, ctx.device)
        classes = len(data.facts["classes"])
        model_in_order = in_order_of(data.facts["classes"], model)
        counted = CountedModel(model_in_order, classes, len(examples), ctx.device)
        with (
            left_unchanged(counted, inputs=examples.inputs, labels=examples.labels),
            seeded(ctx.derive_seed("task"), ctx.device),
        ):
            clean = predict(counted, examples.inputs, examples.labels, ctx.batch_size)
            doubts = no_logits(clean.logits[clean.valid], partial(ends_in_sigmoid, counted, examples.inputs))
            unstable = randomness(counted, examples, clean, ctx)
            draws = DRAWS_OF_RANDOM_MODEL if unstable and isinstance(attack, Averaging) and attack.averages else 1
            if draws > 1:
                clean = predict(counted, examples.inputs, examples.labels, ctx.batch_size, draws)
            correct = clean.valid & (clean.prediction == examples.labels)
            columns = _clean_columns(examples, clean, correct)
            groups = {f"group.{name}": list(members) for name, members in data.groups.items()}
            if attack is None:
                columns["outcome"] = outcomes(clean.valid, correct, None)
                more = {**predicted_sets(model, examples, classes, ctx), **certificates(model, examples, classes, ctx)}
                return Outcome(
                    {**columns, **more, **groups},
                    {"threat": None},
                    artifacts={"logits": clean.logits.cpu().numpy()},
                    problems=not_finite("clean", clean.valid, examples.ids),
                    doubts=(*doubts, *([f"{STOCHASTIC}: {unstable}"] if unstable else [])),
                )
            threat = attack.threat
            targets = _targets(examples, classes, ctx) if threat.targeted else None
            # The attack has another object in its hands than the one that judges it.
            attacked = CountedModel(model_in_order, classes, len(examples), ctx.device).eval().requires_grad_(False)
            watch = attacked.observer = AttackWatch(replace(examples), targets, threat, TOLERANCE)
            parts = attacked.parts()
            adversarial = _attacked(attacked, attack, examples, targets, torch.nonzero(correct).flatten(), ctx)
            attacked.check_inputs()
            adversarial_columns, problems, returned = verify_attack(
                counted, examples, targets, adversarial, clean, correct, threat, ctx, draws
            )
            problems += altered(attacked, parts)
            adversarial_columns |= _passes(attacked)
            adversarial_columns |= views_given(counted, attack, examples, targets, adversarial, correct, ctx)
            if not unstable:
                fooled = correct.new_tensor([outcome == "fooled" for outcome in adversarial_columns["outcome"]])
                problems += another_model(counted, examples, adversarial, clean, returned, fooled, ctx)
            signs, indicators = signs_of_failure(
                counted, watch, adversarial, clean, returned, adversarial_columns, attack, unstable, ctx
            )
        problems = (*not_finite("clean", clean.valid, examples.ids), *problems)
        n_passes = float(sum(adversarial_columns[name].sum() for name in ("forward_passes", "backward_passes")))
        n_attacked = int(correct.sum())
        return Outcome(
            records={**columns, **adversarial_columns, **indicators, **groups},
            protocol={"threat": {name: getattr(threat, name) for name in Threat.__slots__}},
            artifacts=hardest(examples, adversarial, adversarial_columns),
            display={"threat": str(threat)},
            cost={"passes": n_passes / n_attacked if n_attacked else 0.0},
            problems=problems,
            doubts=(*doubts, *signs.doubts()),
        )


def _targets(examples: LabelledInputs, classes: int, ctx: Context) -> Tensor:
    """A target class other than the true one for every example, the same for every attack under the same seed."""
    # The scope of the context names the attack; targets must not depend on it.
    drawn = Context(seed=ctx.seed, device=ctx.device).uniform(examples.ids, (), "targets")
    return (examples.labels + 1 + (drawn * (classes - 1)).long().clamp(max=classes - 2)) % classes


def _attacked(
    counted: CountedModel, attack: Attack, examples: LabelledInputs, targets: Tensor | None, rows: Tensor, ctx: Context
) -> Tensor:
    """The inputs that the attack returned for the examples in `rows`, the clean inputs for all others."""
    adversarial = examples.inputs.clone()
    pooled = isinstance(attack, Pooled) and attack.pooled
    chunks = [rows] if pooled else _chunks(rows, len(examples), ctx.chunk)
    done = 0
    for number, chunk in enumerate(chunks):
        if not len(chunk):
            continue
        batch = LabelledInputs(
            ids=[examples.ids[i] for i in chunk.tolist()],
            inputs=examples.inputs[chunk].clone(),
            labels=examples.labels[chunk].clone(),
            targets=None if targets is None else targets[chunk].clone(),
            low=examples.low,
            high=examples.high,
        )
        with (
            counted.attacked_batch(chunk, LANES if pooled else 1),
            seeded(ctx.derive_seed("chunk", number), ctx.device),
        ):
            returned = attack.perturb(counted, batch, ctx)
        adversarial[chunk] = _checked_shape(returned, examples.inputs[chunk], attack)
        counted.eval().requires_grad_(False)
        done += len(chunk)
        ctx.progress(done, len(rows))
    return adversarial


def _passes(attacked: CountedModel) -> dict[str, Any]:
    """The passes that the attack took, as record columns."""
    counters = {"forward_passes": attacked.forward_passes, "backward_passes": attacked.backward_passes}
    return {name: counter.total().cpu().numpy() for name, counter in counters.items()}


def _chunks(rows: Tensor, n: int, size: int) -> list[Tensor]:
    """The rows by chunks of positions, so that the examples of a batch do not depend on the batch size."""
    return [rows[(rows >= start) & (rows < start + size)] for start in range(0, n, size)]


def _checked_shape(returned: Any, clean: Tensor, attack: Attack) -> Tensor:
    name = type(attack).__name__
    if not isinstance(returned, Tensor):
        raise InvalidOutput(f"attack {name} returned a {type(returned).__name__}, not a tensor")
    if returned.shape != clean.shape:
        raise InvalidOutput(f"attack {name} returned shape {list(returned.shape)}, expected {list(clean.shape)}")
    if returned.dtype != clean.dtype:
        raise InvalidOutput(f"attack {name} returned {returned.dtype}, expected {clean.dtype}")
    return returned.detach().to(clean.device)


def _clean_columns(examples: LabelledInputs, clean: Predictions, correct: Tensor) -> dict[str, Any]:
    is_valid = clean.valid.tolist()
    return {
        "id": list(examples.ids),
        "label": examples.labels.cpu().numpy(),
        "correct": column(correct, is_valid),
        "clean_prediction": column(clean.prediction, is_valid),
        "clean_confidence": column(clean.confidence, is_valid),
        "clean_margin": column(clean.margin, is_valid),
        "clean_loss": column(clean.loss, is_valid),
    }
