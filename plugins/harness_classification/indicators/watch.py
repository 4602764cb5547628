"""What an attack did to each example, recorded while it runs, in the passes that it makes anyway.

After Pintor et al. 2022, "Indicators of Attack Failure: Debugging and Improving Optimization of Adversarial Examples"
(arXiv:2106.09947).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import groupby

import torch
from torch import Tensor

from harness.api import LabelledInputs, Threat
from harness.api.instruments import distance, logit_margin, per_example

HUGE_GRAD = 1e8
"""A gradient beyond this, per unit of the inputs, explodes; so does one that is not finite."""
MIN_SHARE_OF_BUDGET = 0.5
"""An attack that never went this far towards the edge of what its budget allows did not use the budget."""
_MAX_NOTES = 512
_ROWS_AT_ONCE = 64
"""Of all examples, where what is made of them is needed for a moment only."""


class AttackWatch:
    """Records for every example what the attack saw: gradients, how far it went, and the best point it looked at.

    Nothing here waits for the device. Passes whose rows cannot be told apart leave their examples unknown.

    Args:
        examples: all examples, with their true classes.
        targets: `[n]`, for a targeted threat.
        threat: the declared threat of the attack.
        tolerance: round-off allowed beyond the budget and the box.
    """

    def __init__(self, examples: LabelledInputs, targets: Tensor | None, threat: Threat, tolerance: float) -> None:
        self.examples, self.targets, self.threat, self.tolerance = examples, targets, threat, tolerance
        n, device = len(examples), examples.inputs.device
        self._chosen = examples.labels if targets is None else targets
        # The last place is for what is not to be kept, so that nothing needs to be counted on the way.
        self._slack = torch.full((n + 1,), float("inf"), device=device)
        self._best = torch.cat([examples.inputs, examples.inputs.new_zeros((1, *examples.inputs.shape[1:]))])
        self._reached = torch.zeros(n, device=device)
        self._unknown = torch.zeros(n, dtype=torch.bool, device=device)
        self._moved_first = torch.zeros(n, dtype=torch.bool, device=device)
        self._counts = torch.zeros((n, 3), device=device)
        self._noted: list[tuple[Tensor, Tensor | None, Tensor]] = []
        self._notes: _BatchNotes | None = None

    def watched(self, inputs: Tensor, batch: Tensor, places: Tensor | None) -> Tensor:
        """The inputs of a pass, with a hook that records their gradient if one is taken.

        Args:
            inputs: `[m, ...]`.
            batch: the attacked examples.
            places: `[m]`, which of all examples the inputs are; None if that cannot be told.
        """
        if not (inputs.requires_grad and torch.is_grad_enabled()):
            return inputs
        # A view, since a hook on the attack's own tensor would stay there.
        viewed = inputs.view_as(inputs)
        viewed.register_hook(partial(self._note_gradient, batch, places))
        return viewed

    @torch.no_grad()
    def _note_gradient(self, batch: Tensor, places: Tensor | None, gradient: Tensor) -> None:
        self._noted.append((batch, places, gradient.flatten(1).abs().amax(dim=1)))
        if len(self._noted) >= _MAX_NOTES:
            self._add_up()

    def _add_up(self) -> None:
        """Count the recorded gradients all at once, since counting takes longer than recording."""
        for _, alike in groupby(self._noted, key=lambda noted: (id(noted[0]), id(noted[1]), len(noted[2]))):
            notes = list(alike)
            batch, places, _ = notes[0]
            largest = torch.stack([noted[2] for noted in notes])
            seen = torch.full_like(largest[0], len(notes))
            counts = torch.stack([seen, (largest == 0).sum(dim=0), (~(largest <= HUGE_GRAD)).sum(dim=0)], dim=1)
            if places is None:
                places, counts = batch, counts.mean(dim=0, keepdim=True).expand(len(batch), -1)
            self._counts.index_add_(0, places, counts)
        self._noted = []

    @torch.no_grad()
    def note_pass(self, inputs: Tensor, logits: Tensor, batch: Tensor, places: Tensor | None) -> None:
        """Record a pass: its `inputs` `[m, ...]` and their `logits` `[m, classes]`; otherwise as above."""
        if places is None or inputs.shape[1:] != self._best.shape[1:]:
            self._unknown[batch] = True
            return
        notes = self._notes
        if notes is None or notes.places is not places:
            notes = self._start_notes(places, inputs)
        inputs, logits = inputs.detach().to(self._best.dtype), logits.detach().float()
        slack = self._logits_to_success(logits, notes.chosen)
        better = slack < notes.slack
        if self.threat.norm is not None:
            far = distance(inputs - notes.clean, str(self.threat.norm), exact=False)
            notes.reached = torch.maximum(notes.reached, far.nan_to_num(nan=0.0))
            if self.threat.eps is not None:
                better &= far <= self.threat.eps + self.tolerance
        notes.slack = torch.where(better, slack, notes.slack)
        notes.best = torch.where(per_example(better, inputs), inputs, notes.best)

    def _start_notes(self, places: Tensor, inputs: Tensor) -> _BatchNotes:
        """Begin notes on the examples at these places, which are added to as long as the batch stays the same."""
        self._store_notes()
        clean, chosen, reached = self.examples.inputs[places], self._chosen[places], self._reached[places]
        self._moved_first[places] |= (inputs.detach() != clean).flatten(1).any(dim=1)
        self._notes = _BatchNotes(places, clean, chosen, self._slack[places], clean, torch.zeros_like(reached))
        return self._notes

    @torch.no_grad()
    def _store_notes(self) -> None:
        """Merge the notes on the last batch into those on all examples."""
        notes, self._notes = self._notes, None
        if notes is None:
            return
        places, nowhere = notes.places, len(self._slack) - 1
        closer = notes.slack < self._slack[places]
        self._slack.scatter_reduce_(0, torch.where(closer, places, nowhere), notes.slack, "amin")
        # An example may be there more than once.
        best = closer & (notes.slack == self._slack[places])
        self._best[torch.where(best, places, nowhere)] = notes.best
        self._reached.scatter_reduce_(0, places, notes.reached, "amax")

    def _logits_to_success(self, logits: Tensor, chosen: Tensor) -> Tensor:
        """How many logits are missing for success; negative where the attack has succeeded."""
        margin = logit_margin(logits, chosen)
        return margin if self.targets is None else -margin

    def points(self) -> tuple[Tensor, Tensor]:
        """The best points seen within budget and box, `[n, ...]`, and which of them looked like successes."""
        self._store_notes()
        best, slack = self._best[:-1], self._slack[:-1]
        inside = ((best >= self.examples.low - self.tolerance) & (best <= self.examples.high + self.tolerance)).flatten(
            1
        )
        return best, inside.all(dim=1) & (slack < 0) & ~self._unknown

    def seen(self, adversarial: Tensor, clean_logits: Tensor, logits: Tensor) -> Seen:
        """Summarise the attack, given the points `[n, ...]` that it returned and the logits there."""
        self._add_up()
        self._store_notes()
        gradients, zero, exploding = self._counts.unbind(dim=1)
        followed = gradients > 0
        eps, norm = self.threat.eps, self.threat.norm
        inputs = self.examples.inputs
        # Where no norm bounds an attack something else does, such as the largest turn of an image.
        reached, short, unbounded, excess = None, torch.zeros_like(followed), False, ""
        if norm is not None:
            reached = torch.maximum(self._reached.double(), distance(adversarial - inputs, norm)).cpu()
            if eps is not None:
                corner = torch.cat([distance(self._farthest(part), norm) for part in inputs.split(_ROWS_AT_ONCE)])
                unbounded = bool((corner <= eps).all())
                width = self.examples.high - self.examples.low
                diameter = float(distance(torch.full_like(inputs[:1], width), norm))
                if eps > diameter + self.tolerance:
                    excess = f"eps {eps:g} is above {diameter:g}, the largest {norm} distance between two inputs"
                allowed = corner.clamp(max=eps)
                short = (reached.to(allowed.device) < MIN_SHARE_OF_BUDGET * allowed) & ~self._unknown & (eps > 0)
                short &= not self.threat.minimal
        before = self._logits_to_success(clean_logits, self._chosen)
        after = torch.minimum(self._logits_to_success(logits, self._chosen), self._slack[:-1])
        stuck = followed & ~self._unknown & (after >= before - 1e-6 * (1 + before.abs()))
        # What seeks the smallest distance comes from outside the budget, and need not have been within it.
        stuck &= not (self.threat.minimal and eps is not None) and eps != 0
        return Seen(
            zero_gradients=zero,
            exploding_gradients=exploding,
            blind=followed & (zero >= gradients / 2),
            exploded=followed & (exploding >= gradients / 2),
            reached=reached,
            short=short,
            stuck=stuck,
            unbounded=unbounded and not self.threat.minimal,
            excess=excess,
            one_step=self._is_one_step(gradients, reached),
        )

    def _farthest(self, inputs: Tensor) -> Tensor:
        """How far the box allows each element to move."""
        return torch.maximum(inputs - self.examples.low, self.examples.high - inputs)

    def _is_one_step(self, gradients: Tensor, reached: Tensor | None) -> bool:
        """Whether no example was given more than one gradient, that at its clean input, and a full step."""
        eps = self.threat.eps
        if reached is None or eps is None or bool(self._unknown.any()):
            return False
        followed = (gradients > 0).cpu()
        full = reached[followed] >= 0.9 * eps
        return bool((gradients <= 1).all()) and not bool(self._moved_first.any()) and bool(full.all())


@dataclass
class _BatchNotes:
    """The batch of the last pass: which examples `[m]`, their inputs and classes, and the best seen of each so far."""

    places: Tensor
    clean: Tensor
    chosen: Tensor
    slack: Tensor
    best: Tensor
    reached: Tensor


@dataclass(frozen=True)
class Seen:
    """Summary of what an attack did; truth values and counts `[n]`.

    Attributes:
        zero_gradients, exploding_gradients: how many gradients were zero everywhere; not finite or beyond `HUGE_GRAD`.
        blind, exploded: at least half of the gradients were.
        reached: the largest distance from the clean input that was looked at or returned; None without a norm.
        short: that never was half of what budget and box allow.
        stuck: a gradient was taken, and no point looked at was closer to success than the clean input.
        unbounded: the budget lets every input become any other.
        excess: how the budget goes beyond that, in words; empty if it does not.
        one_step: the attack takes one full step from the clean input.
    """

    zero_gradients: Tensor
    exploding_gradients: Tensor
    blind: Tensor
    exploded: Tensor
    reached: Tensor | None
    short: Tensor
    stuck: Tensor
    unbounded: bool
    excess: str
    one_step: bool = False
