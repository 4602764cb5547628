"""Questions made up by rule: as many as wanted, no two alike, none of the training ones among those that judge."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from harness.api import Examples, HarnessError

Split = Literal["train", "held_out"]
HELD_OUT = 0.2
"""The share of all possible questions that no training split ever holds."""
_PATIENCE = 2000
"""Draws in a row without a new question after which there are taken to be none left."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it is drawn.

    Attributes:
        prompt: what the model is given.
        answer: what it should say.
        instance: what decides the split. Questions that give each other away, such as 1+2 and 2+1, share it.
        kind: within a level every kind is equally frequent, e.g. "true" and "false".
    """

    prompt: str
    answer: str
    instance: str
    kind: Hashable = None


Draw = Callable[[Random, int], Question | None]
"""A question of a level, all randomness from the generator; None if what was drawn is no question."""


def share_of(*names: str) -> float:
    """A number in [0, 1) that depends on the names only, the same on every machine."""
    drawn = hashlib.sha256("\0".join(names).encode()).digest()
    return int.from_bytes(drawn[:7], "big") / 2**56


def levels_of(given: int | Sequence[int], least: int, name: str, most: int = 64) -> list[int]:
    """The levels of difficulty that a parameter asks for: a number n means all from the least to n.

    Raises:
        HarnessError: there is none, or one lies outside of what is possible.
    """
    levels = list(range(least, given + 1)) if isinstance(given, int) else sorted(set(given))
    if not levels or levels[0] < least or levels[-1] > most:
        raise HarnessError(f"{name} must be from {least} to {most}, not {given}")
    return levels


def examples(
    draw: Draw,
    name: str,
    difficulty: str,
    asked: int | Sequence[int],
    *,
    n: int,
    split: Split,
    seed: int,
    answer_kind: Literal["number", "text", "boolean"],
    kinds: Sequence[Hashable] = (None,),
) -> Examples:
    """Draw n different questions, evenly over levels and kinds as far as there are enough, in a random order.

    Args:
        draw: draws a question.
        name: of the dataset, so that two do not share their splits.
        difficulty: what the levels are called; also the name of the group column.
        asked: the levels: all from 1 to a number, or those of a list.
        n: how many questions.
        split: decided by the hash of each instance, so that it depends neither on n nor on the seed.
        seed: another one draws others of the same split.
        answer_kind: what sort of value is to be found in an answer.
        kinds: those a question may have.

    Raises:
        HarnessError: there are not as many questions, or a level is outside of what is possible.
    """
    levels = levels_of(asked, 1, difficulty)
    pools = {
        (level, kind): _Pool(draw, Random(f"{name} {seed} {level} {i}"), name, split, level, kind)
        for level in levels
        for i, kind in enumerate(kinds)
    }
    quotas = _filled(list(pools.values()), n)
    if sum(quotas) < n:
        told = ", ".join(str(level) for level in levels)
        raise HarnessError(
            f"{name} has only {sum(quotas)} different questions in the split {split!r} with {difficulty} {told}; "
            f"{n} were asked for: lower n or raise {difficulty}"
        )
    chosen = [(pool.level, q) for pool, quota in zip(pools.values(), quotas, strict=True) for q in pool.found[:quota]]
    ordered = Random(seed).sample(chosen, len(chosen))
    return Examples(
        ids=[hashlib.sha256(question.prompt.encode()).hexdigest()[:16] for _, question in ordered],
        columns={"prompts": [q.prompt for _, q in ordered], "answers": [q.answer for _, q in ordered]},
        groups={difficulty: [level for level, _ in ordered]},
        facts={"answer_kind": answer_kind},
    )


class _Pool:
    """The questions of one level and kind that were found so far."""

    def __init__(
        self,
        draw: Draw,
        rng: Random,
        name: str,
        split: Split,
        level: int,
        kind: Hashable,
    ) -> None:
        self._draw, self._rng, self._name, self._split = draw, rng, name, split
        self.level, self.kind = level, kind
        self._seen: set[str] = set()
        self.found: list[Question] = []

    def grow(self, wanted: int) -> int:
        """Look for more until there are as many as wanted, or none are left; how many there are, at most `wanted`."""
        misses = 0
        while len(self.found) < wanted and misses < _PATIENCE:
            question = self._draw(self._rng, self.level)
            misses += 1
            if question is None or question.kind != self.kind or question.prompt in self._seen:
                continue
            self._seen.add(question.prompt)
            if (share_of(self._name, question.instance) < HELD_OUT) == (self._split == "held_out"):
                self.found.append(question)
                misses = 0
        return min(len(self.found), wanted)


def _filled(pools: Sequence[_Pool], n: int) -> list[int]:
    """How many questions each pool gives: the same for all, but what small ones lack falls to the others."""
    quotas = [0] * len(pools)
    open_pools = list(range(len(pools)))
    while open_pools and sum(quotas) < n:
        lacking = n - sum(quotas)
        still = []
        for place, i in enumerate(open_pools):
            share = lacking // len(open_pools) + (place < lacking % len(open_pools))
            wanted = quotas[i] + share
            quotas[i] = pools[i].grow(wanted)
            if quotas[i] == wanted:
                still.append(i)
        open_pools = still
    return quotas
