"""An attack on the examples of a dataset, window after window, and what is told of all of them together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from harness.api import Attack, Context, InvalidOutput, LabelledInputs, Pooled
from harness.api.instruments import LANES, CountedModel, seeded, tensors_left_unchanged
from harness_classification.attack_verification import (
    TOLERANCE,
    HardestExamples,
    altered,
    another_model,
    verify_attack,
    views_given,
)
from harness_classification.indicators.doubts import SignsOfWindows, indicators
from harness_classification.indicators.signs import Signs
from harness_classification.indicators.watch import AttackWatch
from harness_classification.judge import Judge, clean_columns
from harness_classification.windows import Window, Windows


@dataclass
class AttackedWindows:
    """Attacks windows and judges what the attack returns.

    Attributes:
        judge: classifies; the attack is given another object around the same model.
        attack: the attack.
        windows: those that are added.
        ctx: its draws, its device.
        columns: record columns of each window so far.
        clean_valid: which clean outputs are finite, of each window.
        problems: rules that were broken, of each window in which any was.
        hardest: the fooled examples with the most confident predictions.
    """

    judge: Judge
    attack: Attack
    windows: Windows
    ctx: Context
    columns: list[Mapping[str, Any]] = field(default_factory=list)
    clean_valid: list[Tensor] = field(default_factory=list)
    problems: list[tuple[str, ...]] = field(default_factory=list)
    hardest: HardestExamples = field(default_factory=HardestExamples)
    _signs: SignsOfWindows = field(init=False)

    def __post_init__(self) -> None:
        self._signs = SignsOfWindows(self.judge.counted, self.attack, self.ctx)

    def add(self, window: Window) -> None:
        """Attack the next window and judge it. Raises InvalidOutput."""
        with tensors_left_unchanged(inputs=window.examples.inputs, labels=window.examples.labels):
            self._add(window)

    def _add(self, window: Window) -> None:
        examples, counted, attack, ctx = window.examples, self.judge.counted, self.attack, self.ctx
        clean = self.judge.clean(examples)
        correct = clean.valid & (clean.prediction == examples.labels)
        targets = _targets(examples, counted.classes, ctx) if attack.threat.targeted else None
        attacked, watch, adversarial, problems = self._attacked(window, targets, correct)
        columns, broken, returned = verify_attack(
            counted, examples, targets, adversarial, clean, correct, attack.threat, ctx, self.judge.draws
        )
        columns |= _passes(attacked)
        columns |= views_given(counted, attack, examples, targets, adversarial, correct, ctx)
        problems = (*broken, *problems)
        if not self.judge.unstable:
            fooled = correct.new_tensor([outcome == "fooled" for outcome in columns["outcome"]])
            problems += another_model(counted, examples, adversarial, clean, returned, fooled, ctx)
        found = indicators(
            counted, watch, adversarial, clean, returned, columns, attack, bool(self.judge.unstable), ctx
        )
        self._signs.add(found)
        self.hardest.add(window.start, examples, adversarial, columns)
        self.clean_valid.append(clean.valid)
        self.problems += [problems] if problems else []
        self.columns.append({**clean_columns(examples, clean, correct), **columns, **found.columns})

    def _attacked(
        self, window: Window, targets: Tensor | None, correct: Tensor
    ) -> tuple[CountedModel, AttackWatch, Tensor, tuple[str, ...]]:
        """What the attack had in its hands, what was seen of it, the inputs it returned, and whether it cheated."""
        examples, counted = window.examples, self.judge.counted
        attacked = CountedModel(counted.model, counted.classes, len(examples), self.ctx.device)
        attacked.eval().requires_grad_(False)
        watch = attacked.observer = AttackWatch(replace(examples), targets, self.attack.threat, TOLERANCE)
        parts = attacked.parts()
        rows = torch.nonzero(correct).flatten()
        adversarial = _perturbed(attacked, self.attack, window, targets, rows, self._in_progress(window))
        attacked.check_inputs()
        return attacked, watch, adversarial, altered(attacked, parts)

    def _in_progress(self, window: Window) -> Context:
        """The context of a window: its progress is a part of that of all, its batches are small beside it."""
        size, start, n = len(window.examples), window.start, len(self.windows)

        def report(done: int, total: int) -> None:
            self.ctx.progress(start + round(size * done / max(total, 1)), n)

        at_once = min(self.ctx.batch_size, self.windows.most_at_once)
        return replace(self.ctx, progress=report, batch_size=at_once)

    def signs(self) -> Signs:
        """The signs of failure of the attack on all windows."""
        return self._signs.all(self.judge.unstable)

    def all_problems(self) -> tuple[str, ...]:
        """The problems of the first window that has any, and how many more have."""
        more = len(self.problems) - 1
        told = () if more < 1 else (f"and {more} more windows of examples have problems",)
        return (*self.problems[0], *told) if self.problems else ()


def _targets(examples: LabelledInputs, classes: int, ctx: Context) -> Tensor:
    """A target class other than the true one for every example, the same for every attack under the same seed."""
    # The scope of the context names the attack; targets must not depend on it.
    drawn = Context(seed=ctx.seed, device=ctx.device).uniform(examples.ids, (), "targets")
    return (examples.labels + 1 + (drawn * (classes - 1)).long().clamp(max=classes - 2)) % classes


def _perturbed(
    counted: CountedModel, attack: Attack, window: Window, targets: Tensor | None, rows: Tensor, ctx: Context
) -> Tensor:
    """The inputs that the attack returned for the examples in `rows`, the clean inputs for all others."""
    examples = window.examples
    pooled = isinstance(attack, Pooled) and attack.pooled
    chunks = [rows] if pooled else _chunks(rows, len(examples), ctx.chunk)
    answers: list[tuple[Tensor, Tensor]] = []
    done = 0
    for number, chunk in enumerate(chunks, window.start // ctx.chunk):
        if not len(chunk):
            continue
        batch = LabelledInputs(
            ids=[examples.ids[i] for i in chunk.tolist()],
            # Copies, since they are chosen by an index.
            inputs=examples.inputs[chunk],
            labels=examples.labels[chunk],
            targets=None if targets is None else targets[chunk],
            low=examples.low,
            high=examples.high,
        )
        with (
            counted.attacked_batch(chunk, LANES if pooled else 1),
            seeded(ctx.derive_seed("chunk", number), ctx.device),
        ):
            returned = attack.perturb(counted, batch, ctx)
        answers.append((chunk, _checked(returned, (len(chunk), *examples.inputs.shape[1:]), examples.inputs, attack)))
        counted.eval().requires_grad_(False)
        done += len(chunk)
        ctx.progress(done, len(rows))
    # Not before the attack, which needs the memory.
    adversarial = examples.inputs.clone()
    for chunk, answer in answers:
        adversarial[chunk] = answer
    return adversarial


def _passes(attacked: CountedModel) -> dict[str, Any]:
    """The passes that the attack took, as record columns."""
    counters = {"forward_passes": attacked.forward_passes, "backward_passes": attacked.backward_passes}
    return {name: counter.total().cpu().numpy() for name, counter in counters.items()}


def _chunks(rows: Tensor, n: int, size: int) -> list[Tensor]:
    """The rows by chunks of positions, so that the examples of a batch do not depend on the batch size."""
    return [rows[(rows >= start) & (rows < start + size)] for start in range(0, n, size)]


def _checked(returned: Any, shape: tuple[int, ...], clean: Tensor, attack: Attack) -> Tensor:
    name = type(attack).__name__
    if not isinstance(returned, Tensor):
        raise InvalidOutput(f"attack {name} returned a {type(returned).__name__}, not a tensor")
    if returned.shape != shape:
        raise InvalidOutput(f"attack {name} returned shape {list(returned.shape)}, expected {list(shape)}")
    if returned.dtype != clean.dtype:
        raise InvalidOutput(f"attack {name} returned {returned.dtype}, expected {clean.dtype}")
    return returned.detach().to(clean.device)
