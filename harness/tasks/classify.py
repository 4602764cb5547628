"""Classification, clean and under attack: one record per example.

The core trusts no attack. It recomputes every distance, checks budget and box, classifies every returned input
again in eval mode, counts the passes itself, and verifies that the model was not changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.contract.context import Context
from harness.contract.data import Dataset
from harness.contract.errors import InvalidOutput
from harness.contract.protocols import (
    Attack,
    Certified,
    Classifier,
    LabelledInputs,
    Outcome,
    SetPredictor,
    Threat,
    Viewed,
)
from harness.engine.building import seeded
from harness.tasks.counting import LANES, CountedModel
from harness.tasks.distances import DISTANCES, distance
from harness.tasks.indicators import AttackWatch, Signs
from harness.tasks.unchanged import left_unchanged

TOLERANCE = 1e-6
"""Round-off allowed beyond a budget or the box, in units of the inputs (2e-8 is usual in float32)."""


LOOKED_AT_TWICE = 64
"""How many inputs a model is given a second time, to see whether it answers the same."""

HARDEST = 8
"""How many fooled examples are kept as arrays; all of them would fill the disk."""


@dataclass(frozen=True)
class Judgement:
    """What the model makes of n inputs; rows that are not finite have `valid` False.

    Attributes:
        prediction: `[n]`, int64.
        confidence: `[n]`, the largest softmax probability.
        margin: `[n]`, the logit of the true class minus the largest other logit; positive means correct.
        loss: `[n]`, cross-entropy in nats.
        valid: `[n]`, whether all logits are finite.
        logits: `[n, classes]`, 0 where not valid.
    """

    prediction: Tensor
    confidence: Tensor
    margin: Tensor
    loss: Tensor
    valid: Tensor
    logits: Tensor


class Classify:
    """Predict a class for every example, clean and, if there is an attack, under attack.

    Inputs must lie in the box of the dataset (`facts["box"]`, by default [0, 1]); `facts["classes"]` names the
    classes. Examples that the model gets wrong without attack are not attacked.
    """

    def run(self, model: Classifier, data: Dataset, attack: Attack | None, ctx: Context) -> Outcome:
        """One record per example, with its clean and adversarial prediction.

        Columns: id, label, outcome (clean_wrong, correct, fooled, robust, error), correct, clean_prediction,
        clean_confidence, clean_margin, clean_loss, group.<name>. Without attack, for a model that predicts sets:
        covered, set_size and nominal_coverage; for one that certifies: certified_prediction (None where it abstains),
        certified_radius, certificate_norm and certificate_alpha. Under attack: target, success, robust,
        adversarial_prediction, adversarial_confidence, adversarial_margin, adversarial_loss, linf, l2, l1, l0,
        forward_passes and backward_passes, and what was seen of the attack: zero_gradients and exploding_gradients
        (how many of its gradients), silent_success (it looked at a point that fools the model and returned another)
        and reached (how far it went, in the norm of the threat); for an attack that stands for views also views,
        views_true, views_target, views_other and clean_views_true. Without attack the array `logits` `[n, classes]`
        is kept.
        """
        examples = _labelled(data, ctx.device)
        classes = len(data.facts["classes"])
        counted = CountedModel(model, classes, len(examples), ctx.device)
        with left_unchanged(counted), seeded(ctx.derive_seed("task"), ctx.device):
            clean = judge(counted, examples.inputs, examples.labels, ctx.batch_size)
            correct = clean.valid & (clean.prediction == examples.labels)
            columns = _clean_columns(examples, clean, correct)
            groups = {f"group.{name}": list(column) for name, column in data.groups.items()}
            if attack is None:
                columns["outcome"] = _outcomes(clean.valid, correct, None)
                said = {**_sets(model, examples, classes, ctx), **_certificates(model, examples, classes, ctx)}
                return Outcome(
                    {**columns, **said, **groups},
                    {"threat": None},
                    artifacts={"logits": clean.logits.cpu().numpy()},
                    problems=_invalid("clean", clean.valid, examples.ids),
                )
            threat = attack.threat
            targets = _targets(examples, classes, ctx) if threat.targeted else None
            counted.watch = AttackWatch(examples, targets, threat, TOLERANCE)
            adversarial = _attacked(counted, attack, examples, targets, torch.nonzero(correct).flatten(), ctx)
            adversarial_columns, problems, returned = _judge_attack(
                counted, examples, targets, adversarial, clean, correct, threat, ctx
            )
            adversarial_columns |= _views(counted, attack, examples, targets, adversarial, correct, ctx)
            signs, indicators = _signs(counted, adversarial, clean, returned, adversarial_columns, attack, ctx)
        problems = (*_invalid("clean", clean.valid, examples.ids), *problems)
        passes = counted.forward_passes.total() + counted.backward_passes.total()
        attacked = int(correct.sum())
        return Outcome(
            records={**columns, **adversarial_columns, **indicators, **groups},
            protocol={"threat": {name: getattr(threat, name) for name in Threat.__slots__}},
            artifacts=_hardest(examples, adversarial, adversarial_columns),
            cost={"passes": float(passes.sum()) / attacked if attacked else 0.0},
            problems=problems,
            doubts=signs.doubts(),
        )


def _labelled(data: Dataset, device: str) -> LabelledInputs:
    """All examples on the device, checked. Raises InvalidOutput."""
    columns = data.take(range(len(data.ids)))
    missing = [name for name in ("inputs", "labels") if name not in columns]
    if missing or "classes" not in data.facts:
        lacking = " and ".join(
            [*(f"column {name!r}" for name in missing), *(["fact 'classes'"] if "classes" not in data.facts else [])]
        )
        raise InvalidOutput(f"the dataset lacks {lacking}, which classification needs")
    inputs, labels = torch.as_tensor(columns["inputs"]), torch.as_tensor(columns["labels"])
    low, high = data.facts.get("box", (0.0, 1.0))
    if not inputs.is_floating_point():
        raise InvalidOutput(f"inputs are {inputs.dtype}; they must be floating point within [{low:g}, {high:g}]")
    if not bool(torch.isfinite(inputs).all()):
        raise InvalidOutput("inputs are not finite")
    if float(inputs.min()) < low or float(inputs.max()) > high:
        raise InvalidOutput(
            f"inputs reach from {float(inputs.min()):g} to {float(inputs.max()):g}, outside the box [{low:g}, {high:g}]"
        )
    classes = len(data.facts["classes"])
    if labels.is_floating_point() or int(labels.min()) < 0 or int(labels.max()) >= classes:
        raise InvalidOutput(f"labels must be whole numbers from 0 to {classes - 1}")
    return LabelledInputs(
        list(data.ids), inputs.float().to(device), labels.long().to(device), None, float(low), float(high)
    )


@torch.no_grad()
def judge(model: CountedModel, inputs: Tensor, labels: Tensor, batch_size: int) -> Judgement:
    """Classify inputs `[n, ...]` in eval mode, whatever mode a plugin left the model in."""
    model.eval()
    parts = [model(inputs[i : i + batch_size]).float() for i in range(0, len(inputs), batch_size)]
    logits = torch.cat(parts) if parts else inputs.new_zeros((0, model.classes))
    valid = logits.isfinite().all(dim=1)
    logits = torch.where(valid[:, None], logits, torch.zeros_like(logits))
    exact = logits.double() if logits.device.type != "mps" else logits
    own = exact.gather(1, labels[:, None]).squeeze(1)
    others = exact.scatter(1, labels[:, None], float("-inf"))
    return Judgement(
        prediction=logits.argmax(dim=1),
        confidence=exact.softmax(dim=1).amax(dim=1),
        margin=own - others.amax(dim=1),
        loss=torch.nn.functional.cross_entropy(exact, labels, reduction="none"),
        valid=valid,
        logits=logits,
    )


@torch.no_grad()
def _sets(model: Classifier, examples: LabelledInputs, classes: int, ctx: Context) -> dict[str, Any]:
    """What a model that predicts sets says: whether a set holds the true class, and its size. Raises InvalidOutput."""
    if not isinstance(model, SetPredictor):
        return {}
    inputs, labels = examples.inputs, examples.labels
    parts = [model.contains(inputs[i : i + ctx.batch_size]) for i in range(0, len(inputs), ctx.batch_size)]
    sets = torch.cat(parts)
    if sets.shape != (len(inputs), classes) or sets.dtype != torch.bool:
        raise InvalidOutput(
            f"the model's sets are {sets.dtype} {list(sets.shape)}, expected bool [{len(inputs)}, {classes}]"
        )
    covered = sets.gather(1, labels[:, None]).squeeze(1)
    return {
        "covered": covered.cpu().numpy(),
        "set_size": sets.sum(dim=1).cpu().numpy(),
        "nominal_coverage": [float(model.coverage)] * len(inputs),
    }


@torch.no_grad()
def _certificates(model: Classifier, examples: LabelledInputs, classes: int, ctx: Context) -> dict[str, Any]:
    """What a model that certifies proves of every example. Raises InvalidOutput."""
    if not isinstance(model, Certified):
        return {}
    found = model.certify(examples.inputs, examples.ids, ctx.scoped("certify"))
    prediction, radius = found.prediction.cpu(), found.radius.cpu().double()
    n = len(examples)
    if prediction.shape != (n,) or radius.shape != (n,) or prediction.is_floating_point():
        raise InvalidOutput(
            f"the model's certificates are {prediction.dtype} {list(prediction.shape)} and radii {list(radius.shape)}, "
            f"expected whole numbers and radii [{n}]"
        )
    if int(prediction.min()) < -1 or int(prediction.max()) >= classes or not bool((radius >= 0).all()):
        raise InvalidOutput(f"a certificate names a class from 0 to {classes - 1}, or -1, and a radius of at least 0")
    abstains = prediction < 0
    if bool((radius[abstains] > 0).any()):
        raise InvalidOutput("a model that abstains certifies nothing; its radius must be 0")
    return {
        "certified_prediction": [None if p < 0 else p for p in prediction.tolist()],
        "certified_radius": radius.numpy(),
        "certificate_norm": [found.norm] * n,
        "certificate_alpha": [float(found.alpha)] * n,
    }


def _targets(examples: LabelledInputs, classes: int, ctx: Context) -> Tensor:
    """A target class other than the true one for every example, the same for every attack under the same seed."""
    if classes < 2:
        raise InvalidOutput("a targeted attack needs at least 2 classes")
    # The scope of the context names the attack; targets must not depend on it.
    drawn = Context(seed=ctx.seed, device=ctx.device).uniform(examples.ids, (), "targets")
    return (examples.labels + 1 + (drawn * (classes - 1)).long().clamp(max=classes - 2)) % classes


def _attacked(
    counted: CountedModel, attack: Attack, examples: LabelledInputs, targets: Tensor | None, rows: Tensor, ctx: Context
) -> Tensor:
    """The attack's answer for the examples in `rows`, the clean input for all others."""
    adversarial = examples.inputs.clone()
    pooled = bool(getattr(attack, "pooled", False))
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


def _chunks(rows: Tensor, n: int, size: int) -> list[Tensor]:
    """The rows by chunks of positions, so that an example's company does not depend on the batch size."""
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


def _judge_attack(
    counted: CountedModel,
    examples: LabelledInputs,
    targets: Tensor | None,
    adversarial: Tensor,
    clean: Judgement,
    correct: Tensor,
    threat: Threat,
    ctx: Context,
) -> tuple[dict[str, Any], tuple[str, ...], Judgement]:
    finite = adversarial.flatten(1).isfinite().all(dim=1)
    verdict = judge(
        counted, torch.where(_like(finite, adversarial), adversarial, examples.inputs), examples.labels, ctx.batch_size
    )
    valid = clean.valid & verdict.valid & finite
    distances = {norm: distance(adversarial - examples.inputs, norm) for norm in DISTANCES}
    outside_box = finite & (
        (adversarial < examples.low - TOLERANCE) | (adversarial > examples.high + TOLERANCE)
    ).flatten(1).any(dim=1)
    beyond = torch.zeros_like(correct)
    if threat.norm is not None and threat.eps is not None:
        beyond = finite & (distances[threat.norm] > threat.eps + TOLERANCE)
    broken = outside_box | (beyond & (not threat.minimal))
    hit = verdict.prediction == targets if targets is not None else verdict.prediction != examples.labels
    success = correct & valid & ~outside_box & ~beyond & hit
    robust = correct & valid & ~broken & ~success
    known = (valid & ~broken).tolist()
    columns = {
        "target": _column(targets, known) if targets is not None else [None] * len(examples),
        "outcome": _outcomes(valid & ~broken, correct, success),
        # Success is defined for attacked examples only: those the clean model gets right.
        "success": [s if k and c else None for s, c, k in zip(success.tolist(), correct.tolist(), known, strict=True)],
        "robust": _column(robust, known),
        "adversarial_prediction": _column(verdict.prediction, known),
        "adversarial_confidence": _column(verdict.confidence, known),
        "adversarial_margin": _column(verdict.margin, known),
        "adversarial_loss": _column(verdict.loss, known),
        **{norm: _column(values, finite.tolist()) for norm, values in distances.items()},
        "forward_passes": counted.forward_passes.total().cpu().numpy(),
        "backward_passes": counted.backward_passes.total().cpu().numpy(),
    }
    problems = [*_invalid("adversarial", verdict.valid & finite, examples.ids)]
    if broken.any():
        problems.append(_budget_problem(broken, outside_box, adversarial, distances, threat, examples))
    return columns, tuple(problems), verdict


def _signs(
    counted: CountedModel,
    adversarial: Tensor,
    clean: Judgement,
    returned: Judgement,
    columns: Mapping[str, Any],
    attack: Attack,
    ctx: Context,
) -> tuple[Signs, dict[str, Any]]:
    """The indicators of attack failure, and the record columns that say what they rest on."""
    watch = counted.watch
    assert watch is not None
    examples, device = watch.examples, adversarial.device
    finite = _like(adversarial.flatten(1).isfinite().all(dim=1), adversarial)
    seen = watch.seen(torch.where(finite, adversarial, examples.inputs), clean.logits, returned.logits)
    survived = torch.tensor([outcome == "robust" for outcome in columns["outcome"]], device=device)
    attacked = torch.tensor([success is not None for success in columns["success"]], device=device)
    points, looked_fooled = watch.points()
    asked = torch.nonzero(survived & looked_fooled).flatten()
    again = judge(counted, points[asked], examples.labels[asked], ctx.batch_size)
    wanted = watch.targets
    hit = again.prediction != examples.labels[asked] if wanted is None else again.prediction == wanted[asked]
    silent = torch.zeros_like(survived)
    silent[asked] = hit & again.valid
    n_attacked = int(attacked.sum())
    signs = Signs(
        attacked=n_attacked,
        unstable="" if getattr(attack, "averages", False) else _unstable(counted, examples, clean, ctx),
        silent=int(silent.sum()),
        vanished=len(asked) - int(silent.sum()),
        blind=int((seen.blind & survived).sum()),
        exploded=int((seen.exploded & survived).sum()),
        short=int((seen.short & survived).sum()),
        stuck=int((seen.stuck & survived).sum()),
        survived=int(survived.sum()),
        unbounded=seen.unbounded,
    )
    known = attacked.tolist()
    return signs, {
        "zero_gradients": seen.zero_gradients.cpu().numpy(),
        "exploding_gradients": seen.exploding_gradients.cpu().numpy(),
        "silent_success": _column(silent, known),
        "reached": [None] * len(known) if seen.reached is None else _column(seen.reached, known),
    }


def _unstable(counted: CountedModel, examples: LabelledInputs, clean: Judgement, ctx: Context) -> str:
    """How the model's answer to the first examples differs when it is asked again; empty if it does not."""
    first = slice(0, min(len(examples), LOOKED_AT_TWICE))
    again = judge(counted, examples.inputs[first], examples.labels[first], ctx.batch_size)
    before = clean.logits[first]
    # Round-off of a device that adds up in another order is no randomness.
    apart = (again.logits - before).abs().amax(dim=1) > 1e-3 * (1 + before.abs().amax(dim=1))
    if not apart.any():
        return ""
    changed = int((again.prediction != clean.prediction[first]).sum())
    return f"asked twice, it answers {int(apart.sum())} of {len(before)} inputs otherwise and changes {changed} classes"


def _views(
    counted: CountedModel,
    attack: Attack,
    examples: LabelledInputs,
    targets: Tensor | None,
    adversarial: Tensor,
    correct: Tensor,
    ctx: Context,
) -> dict[str, Any]:
    """How often the model gives which class to fresh views of attacked examples. Raises InvalidOutput."""
    if not isinstance(attack, Viewed):
        return {}
    # Draws of their own, so that an attack is not judged on the views that it was made for.
    judging = ctx.scoped("judge views")
    counts = torch.zeros((4, len(examples)), dtype=torch.long, device=examples.inputs.device)
    for draw in range(attack.views):
        for row, inputs in enumerate((examples.inputs, adversarial)):
            viewed = attack.view(inputs, examples, draw, judging)
            if viewed.shape != inputs.shape or not bool(viewed.isfinite().all()):
                raise InvalidOutput(f"views of attack {type(attack).__name__} are not finite or of another shape")
            given = judge(counted, viewed.detach().to(inputs), examples.labels, ctx.batch_size)
            is_true = given.valid & (given.prediction == examples.labels)
            counts[row] += is_true
            if row and targets is not None:
                counts[2] += given.valid & (given.prediction == targets)
            counts[3] += given.valid if row else 0
    clean_true, is_true, is_target, valid = counts
    attacked = correct.tolist()
    return {
        "views": _column(valid, attacked),
        "views_true": _column(is_true, attacked),
        "views_target": _column(is_target, attacked) if targets is not None else [None] * len(examples),
        "views_other": _column(valid - is_true - is_target, attacked),
        "clean_views_true": _column(clean_true, attacked),
    }


def _hardest(examples: LabelledInputs, adversarial: Tensor, columns: Mapping[str, Any]) -> dict[str, Any]:
    """The fooled examples that the model is surest of, to be looked at: clean, adversarial, and which they are."""
    confidence = columns["adversarial_confidence"]
    fooled = [i for i, success in enumerate(columns["success"]) if success]
    chosen = sorted(fooled, key=lambda i: (-float(confidence[i]), examples.ids[i]))[:HARDEST]
    if not chosen:
        return {}
    return {
        "hardest_rows": np.array(chosen),
        "hardest_clean": examples.inputs[chosen].cpu().numpy(),
        "hardest_adversarial": adversarial[chosen].cpu().numpy(),
    }


def _budget_problem(
    broken: Tensor,
    outside_box: Tensor,
    adversarial: Tensor,
    distances: Mapping[str, Tensor],
    threat: Threat,
    examples: LabelledInputs,
) -> str:
    first = examples.ids[int(torch.nonzero(broken)[0])]
    told = f"{int(broken.sum())} of {len(examples)} returned inputs break the rules, first {first!r}"
    if outside_box.any():
        low, high = float(adversarial.min()), float(adversarial.max())
        return f"{told}: they reach from {low:.6g} to {high:.6g}, outside the box [{examples.low:g}, {examples.high:g}]"
    worst = float(distances[str(threat.norm)].max())
    return f"{told}: {threat.norm} distance up to {worst:.6g}, declared {threat}"


def _clean_columns(examples: LabelledInputs, clean: Judgement, correct: Tensor) -> dict[str, Any]:
    known = clean.valid.tolist()
    return {
        "id": list(examples.ids),
        "label": examples.labels.cpu().numpy(),
        "correct": _column(correct, known),
        "clean_prediction": _column(clean.prediction, known),
        "clean_confidence": _column(clean.confidence, known),
        "clean_margin": _column(clean.margin, known),
        "clean_loss": _column(clean.loss, known),
    }


def _column(values: Tensor, known: Sequence[bool]) -> list[Any] | np.ndarray[Any, Any]:
    """Values as a record column, None where they are not known."""
    if all(known):
        return np.asarray(values.cpu().numpy())
    return [value if k else None for value, k in zip(values.tolist(), known, strict=True)]


def _outcomes(valid: Tensor, correct: Tensor, success: Tensor | None) -> list[str]:
    names = []
    succeeded = [None] * len(correct) if success is None else success.tolist()
    for is_valid, is_correct, is_fooled in zip(valid.tolist(), correct.tolist(), succeeded, strict=True):
        if not is_valid:
            names.append("error")
        elif not is_correct:
            names.append("clean_wrong")
        else:
            names.append("correct" if is_fooled is None else "fooled" if is_fooled else "robust")
    return names


def _invalid(what: str, valid: Tensor, ids: Sequence[str]) -> tuple[str, ...]:
    if bool(valid.all()):
        return ()
    first = ids[int(torch.nonzero(~valid)[0])]
    return (f"{int((~valid).sum())} of {len(ids)} {what} outputs are not finite, first for example {first!r}",)


def _like(mask: Tensor, values: Tensor) -> Tensor:
    return mask.reshape(-1, *([1] * (values.dim() - 1)))
