"""Signs that an attack has failed rather than that a model is robust, watched while the attack runs.

After Pintor et al. 2022, "Indicators of Attack Failure: Debugging and Improving Optimization of Adversarial Examples"
(arXiv:2106.09947). What one cell can know is measured here, in the passes that the attack makes anyway; what takes
several rows (black box beats white box, random beats gradient, non-monotone curves) is for aggregates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import torch
from torch import Tensor

from harness.api import LabelledInputs, Threat
from harness.api.instruments import distance, logit_margin, per_example

HUGE = 1e8
"""A gradient beyond this, per unit of the inputs, explodes; so does one that is not finite."""
FAR_INSIDE = 0.5
"""An attack that never went this far towards the edge of what its budget allows did not use the budget."""
KNOWN_WRONG = 0.01
"""Share of the attacked examples above which survivors that should not have survived raise a doubt."""
TOLERATED = 0.05
"""Share of the attacked examples above which survivors that show another sign raise a doubt."""
STOCHASTIC = "stochastic model"
"""The name of the sign that a model does not answer the same question alike."""
_MAX_NOTES = 512


class AttackWatch:
    """Notes for every example what the attack saw: gradients, how far it went, and the best point it looked at.

    Nothing here waits for the device. Passes whose rows cannot be told apart leave their examples unknown.

    Args:
        examples: all examples, as the attack is judged by.
        targets: `[n]`, for a targeted threat.
        threat: what the attack declares.
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
        self._counts = torch.zeros((n, 3), device=device)
        self._noted: list[tuple[Tensor, Tensor | None, Tensor]] = []
        self._held: _Held | None = None

    def watched(self, inputs: Tensor, batch: Tensor, places: Tensor | None) -> Tensor:
        """The inputs of a pass, through which their gradient is seen if one is taken.

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
        """Count the gradients noted; in one go, since counting takes longer than noting."""
        for _, alike in groupby(self._noted, key=lambda noted: (id(noted[0]), id(noted[1]), len(noted[2]))):
            notes = list(alike)
            batch, places, _ = notes[0]
            largest = torch.stack([noted[2] for noted in notes])
            seen = torch.full_like(largest[0], len(notes))
            counts = torch.stack([seen, (largest == 0).sum(dim=0), (~(largest <= HUGE)).sum(dim=0)], dim=1)
            if places is None:
                places, counts = batch, counts.mean(dim=0, keepdim=True).expand(len(batch), -1)
            self._counts.index_add_(0, places, counts)
        self._noted = []

    @torch.no_grad()
    def note_pass(self, inputs: Tensor, logits: Tensor, batch: Tensor, places: Tensor | None) -> None:
        """What the attack saw in a pass: `inputs` `[m, ...]` and their `logits` `[m, classes]`; otherwise as above."""
        if places is None or inputs.shape[1:] != self._best.shape[1:]:
            self._unknown[batch] = True
            return
        held = self._held
        if held is None or held.places is not places:
            held = self._hold(places)
        inputs, logits = inputs.detach().to(self._best.dtype), logits.detach().float()
        slack = self._slack_of(logits, held.chosen)
        better = slack < held.slack
        if self.threat.norm is not None:
            far = distance(inputs - held.clean, str(self.threat.norm), exact=False)
            held.reached = torch.maximum(held.reached, far.nan_to_num(nan=0.0))
            if self.threat.eps is not None:
                better &= far <= self.threat.eps + self.tolerance
        held.slack = torch.where(better, slack, held.slack)
        held.best = torch.where(per_example(better, inputs), inputs, held.best)

    def _hold(self, places: Tensor) -> _Held:
        """What is known of the examples at these places, to be added to as long as the batch stays the same."""
        self._let_go()
        clean, chosen = self.examples.inputs[places], self._chosen[places]
        self._held = _Held(places, clean, chosen, self._slack[places], clean, torch.zeros_like(self._reached[places]))
        return self._held

    @torch.no_grad()
    def _let_go(self) -> None:
        """Put what was held to the rest."""
        held, self._held = self._held, None
        if held is None:
            return
        places, nowhere = held.places, len(self._slack) - 1
        closer = held.slack < self._slack[places]
        self._slack.scatter_reduce_(0, torch.where(closer, places, nowhere), held.slack, "amin")
        # An example may be there more than once.
        best = closer & (held.slack == self._slack[places])
        self._best[torch.where(best, places, nowhere)] = held.best
        self._reached.scatter_reduce_(0, places, held.reached, "amax")

    def _slack_of(self, logits: Tensor, chosen: Tensor) -> Tensor:
        """What success still takes, in logits; negative where the attack has succeeded."""
        margin = logit_margin(logits, chosen)
        return margin if self.targets is None else -margin

    def points(self) -> tuple[Tensor, Tensor]:
        """The best points seen within budget and box, `[n, ...]`, and which of them looked like successes."""
        self._let_go()
        best, slack = self._best[:-1], self._slack[:-1]
        inside = ((best >= self.examples.low - self.tolerance) & (best <= self.examples.high + self.tolerance)).flatten(
            1
        )
        return best, inside.all(dim=1) & (slack < 0) & ~self._unknown

    def seen(self, adversarial: Tensor, clean_logits: Tensor, logits: Tensor) -> Seen:
        """What became of the attack, given the points `[n, ...]` that it returned and the logits there."""
        self._add_up()
        self._let_go()
        gradients, zero, exploding = self._counts.unbind(dim=1)
        followed = gradients > 0
        eps, norm = self.threat.eps, self.threat.norm
        inputs = self.examples.inputs
        farthest = torch.maximum(inputs - self.examples.low, self.examples.high - inputs)
        # Where no norm bounds an attack something else does, such as the largest turn of an image.
        reached, short, unbounded, excess = None, torch.zeros_like(followed), False, ""
        if norm is not None:
            reached = torch.maximum(self._reached.double(), distance(adversarial - inputs, norm)).cpu()
            if eps is not None:
                corner = distance(farthest, norm)
                unbounded = bool((corner <= eps).all())
                width = self.examples.high - self.examples.low
                diameter = float(distance(torch.full_like(inputs[:1], width), norm))
                if eps > diameter + self.tolerance:
                    excess = f"eps {eps:g} is above {diameter:g}, the largest {norm} distance between two inputs"
                allowed = corner.clamp(max=eps)
                short = (reached.to(allowed.device) < FAR_INSIDE * allowed) & ~self._unknown & (eps > 0)
                short &= not self.threat.minimal
        before = self._slack_of(clean_logits, self._chosen)
        after = torch.minimum(self._slack_of(logits, self._chosen), self._slack[:-1])
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
        )


@dataclass
class _Held:
    """The batch of the last pass: which examples `[m]`, their inputs and classes, and the best seen of each so far."""

    places: Tensor
    clean: Tensor
    chosen: Tensor
    slack: Tensor
    best: Tensor
    reached: Tensor


@dataclass(frozen=True)
class Seen:
    """What was seen of an attack; truth values and counts `[n]`.

    Attributes:
        zero_gradients, exploding_gradients: how many gradients were zero everywhere; not finite or beyond `HUGE`.
        blind, exploded: at least half of the gradients were.
        reached: the largest distance from the clean input that was looked at or returned; None without a norm.
        short: that never was half of what budget and box allow.
        stuck: a gradient was taken, and no point looked at was closer to success than the clean input.
        unbounded: the budget lets every input become any other.
        excess: how the budget goes beyond that, in words; empty if it does not.
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


@dataclass(frozen=True)
class Signs:
    """Shares that raise doubts, each of the attacked examples.

    Attributes:
        attacked: how many examples were attacked.
        unstable: predictions of those that change when the same inputs are given again, if any answer does.
        silent: survivors for which a point was looked at that fools the model, and another was returned.
        vanished: survivors for which a point fooled the model when the attack asked and not when the core did.
        elsewhere: survivors that fool the surrogate that they were made on.
        blind, exploded, short, stuck: survivors, as in `Seen`.
        survived: survivors; looked at under an unbounded budget only.
        unbounded: whether the budget is none.
        excess: how the budget is larger than the box, in words.
    """

    attacked: int
    unstable: str
    silent: int
    vanished: int
    elsewhere: int
    blind: int
    exploded: int
    short: int
    stuck: int
    survived: int
    unbounded: bool
    excess: str

    def doubts(self) -> tuple[str, ...]:
        """Why the attack may have failed, in words: each the name of a sign, a colon, and more without a semicolon."""
        return tuple(self._doubts())

    def _doubts(self) -> Iterator[str]:
        if not self.attacked:
            yield "nothing attacked: no example is right without attack (labels or preprocessing mixed up?)"
        if self.excess:
            yield f"budget above the box: {self.excess} (eps is in units of the inputs, such as 8/255)"
        if self.unstable:
            yield f"{STOCHASTIC}: {self.unstable}"
        told = {
            "silent success": (self.silent, KNOWN_WRONG, "survive only since a point that fools them was not returned"),
            "steps do not transfer": (
                self.vanished,
                KNOWN_WRONG,
                "survive, and were fooled at the same point when the attack looked",
            ),
            "transfer fails": (self.elsewhere, TOLERATED, "survive, and fool the surrogate that they were made on"),
            "zero gradients": (self.blind, TOLERATED, "survive without a gradient (try another loss or a black box)"),
            "exploding gradients": (self.exploded, TOLERATED, f"survive, gradients not finite or above {HUGE:g}"),
            "unreached budget": (self.short, TOLERATED, "survive, and the attack never used half of its budget"),
        }
        for name, (count, most, what) in told.items():
            if count > most * self.attacked:
                yield f"{name}: {count} of {self.attacked} attacked examples {what}"
        if self.stuck > max(TOLERATED * self.attacked, self.survived / 2):
            yield f"loss not improving: {self.stuck} of {self.survived} survivors came no closer to being fooled"
        if self.unbounded and self.survived > KNOWN_WRONG * self.attacked:
            yield f"unbounded budget: {self.survived} of {self.attacked} attacked examples survive any change"
