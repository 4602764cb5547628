"""Signs of attack failure as numbers of examples, and the doubts that they raise, in words.

After Pintor et al. 2022, "Indicators of Attack Failure: Debugging and Improving Optimization of Adversarial Examples"
(arXiv:2106.09947). What takes several rows (black box beats white box, random beats gradient, non-monotone curves) is
for aggregates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness_classification.indicators.survivors import SurvivorCounts
from harness_classification.indicators.watch import HUGE_GRAD

WRONG_SHARE = 0.01
"""Largest share of the attacked examples that may survive although a point fools them, before it raises a doubt."""
MAX_SHARE = 0.05
"""Largest share of the attacked examples that may survive with another sign of failure, before it raises a doubt."""
STOCHASTIC = "stochastic model"
"""The name of the sign that a model does not answer the same question alike."""


SURPRISING_SHARE = 1 / 8
"""Largest share of the survivors asked that a search without gradients may fool, or whose gradient may mislead."""
UNFINISHED_SHARE = 1 / 2
"""Largest share of the survivors asked that more gradient steps may fool; `SURPRISING_SHARE` of a weak attack.

Cross-entropy on a linear model leaves a third of them to the margin.
"""
_COUNTS = ("attacked", "silent", "vanished", "elsewhere", "blind", "exploded", "short", "stuck", "survived")
NOTHING_ASKED = SurvivorCounts()


@dataclass(frozen=True)
class Signs:
    """Numbers of attacked examples that show a sign of failure.

    Attributes:
        attacked: how many examples were attacked.
        silent: survivors for which a point was looked at that fools the model, and another was returned.
        vanished: survivors for which a point fooled the model when the attack asked and not when the core did.
        elsewhere: survivors that fool the surrogate that they were made on.
        blind, exploded, short, stuck: survivors, as in `Seen`.
        survived: survivors; looked at under an unbounded budget only.
        unbounded: whether the budget is none.
        excess: how the budget is larger than the box, in words.
        unstable: predictions of those that change when the same inputs are given again, if any answer does.
        asked: what was found at a few survivors.
        stages: which stages fooled how many, in words, if those without gradients fooled more than is noise.
    """

    attacked: int
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
    unstable: str = ""
    asked: SurvivorCounts = NOTHING_ASKED
    stages: str = ""

    def doubts(self) -> tuple[str, ...]:
        """Why the attack may have failed: each reason is the name of a sign, a colon, and a text without semicolons."""
        return tuple(self._doubts())

    def _doubts(self) -> Iterator[str]:
        if not self.attacked:
            yield "nothing attacked: no example is right without attack (labels or preprocessing mixed up?)"
        if self.excess:
            yield f"budget above the box: {self.excess} (eps is in units of the inputs, such as 8/255)"
        if self.unstable:
            yield f"{STOCHASTIC}: {self.unstable}"
        signs = {
            "silent success": (self.silent, WRONG_SHARE, "survive only since a point that fools them was not returned"),
            "steps do not transfer": (
                self.vanished,
                WRONG_SHARE,
                "survive, and were fooled at the same point when the attack looked",
            ),
            "transfer fails": (self.elsewhere, MAX_SHARE, "survive, and fool the surrogate that they were made on"),
            "zero gradients": (self.blind, MAX_SHARE, "survive without a gradient (try another loss or a black box)"),
            "exploding gradients": (self.exploded, MAX_SHARE, f"survive, gradients not finite or above {HUGE_GRAD:g}"),
            "unreached budget": (self.short, MAX_SHARE, "survive, and the attack never used half of its budget"),
        }
        for name, (count, most, what) in signs.items():
            if count > most * self.attacked:
                yield f"{name}: {count} of {self.attacked} attacked examples {what}"
        if self.stuck > max(MAX_SHARE * self.attacked, self.survived / 2):
            yield f"loss not improving: {self.stuck} of {self.survived} survivors came no closer to being fooled"
        yield from _doubts_of_survivors(self.asked)
        if self.stages:
            yield f"black box stage finds more: {self.stages} (masked gradients? take more queries and restarts of it)"
        if self.unbounded and self.survived > WRONG_SHARE * self.attacked:
            yield f"unbounded budget: {self.survived} of {self.attacked} attacked examples survive any change"


def added_up(parts: Sequence[Signs]) -> Signs:
    """The signs on all examples, from those on parts of them."""
    counts = {name: sum(getattr(part, name) for part in parts) for name in _COUNTS}
    return replace(parts[0], **counts, unbounded=all(part.unbounded for part in parts))


def _doubts_of_survivors(counts: SurvivorCounts) -> Iterator[str]:
    if counts.surprising > max(1, SURPRISING_SHARE * counts.tested):
        yield (
            f"gradient misleads: at {counts.surprising} of {counts.tested} points tried, small steps do not change "
            "the margin as the gradient predicts (masked gradients? attack without them, such as by square)"
        )
    is_weak = counts.short or counts.unsure
    unfinished = counts.by_more_steps > max(1, (SURPRISING_SHARE if is_weak else UNFINISHED_SHARE) * counts.asked)
    if unfinished:
        remedy = "the softmax is flat, try loss margin or dlr" if counts.unsure else "take more or larger steps"
        yield (
            f"incomplete optimisation: {counts.by_more_steps} of {counts.asked} survivors tried are fooled by a few "
            f"more gradient steps on the margin ({remedy})"
        )
    # Where gradients lead on, that a search without them finds something says no more.
    explained = unfinished and counts.by_more_steps >= counts.by_scores
    if counts.by_scores > max(1, SURPRISING_SHARE * counts.asked) and not explained:
        yield (
            f"black box finds more: {counts.by_scores} of {counts.asked} survivors tried are fooled by a short search "
            "without gradients (masked gradients? attack without them, such as by square)"
        )
