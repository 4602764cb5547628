"""Adversarial suffixes: texts appended to a request so that the answer begins as an obeying one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np
import numpy.typing as npt
from annotated_types import Ge

from harness.api import Context, DifferentiableLanguageModel, LanguageModel, NotApplicable, TextBatch
from harness_language.guardrails.suffix_search import Target, goal_gradient, goal_nll, target_of, usable_tokens

Suffix = tuple[int, ...]
Propose = Callable[[Target, Suffix, np.random.Generator], list[Suffix]]


_DRAWS = 100
"""How often a suffix is drawn before it is given up that one survives being written and read again."""


@dataclass(frozen=True)
class UnsearchedSuffix:
    """A suffix of random tokens that nobody searched for: the control of `random_suffix` and `gcg`.

    A model that falls to it falls to any suffix, and what a search finds then shows nothing about the search. As with
    these, only requests with a goal are attacked.

    Args:
        length: how many tokens the suffix has at most.
    """

    length: Annotated[int, Ge(1)] = 20

    def rewrite(self, model: LanguageModel, batch: TextBatch, ctx: Context) -> Sequence[Sequence[str]]:
        """One candidate for each text. Raises HarnessError if no suffix fits, NotApplicable if no text has a goal."""
        usable = usable_tokens(model)

        def drawn(model: LanguageModel, target: Target, rng: np.random.Generator, ctx: Context) -> Suffix:
            draws = (tuple(rng.choice(usable, size=len(target.start)).tolist()) for _ in range(_DRAWS))
            return next((suffix for suffix in draws if target.survives(model, suffix)), target.start)

        return _attacked(model, batch, ctx, self.length, drawn)


@dataclass(frozen=True)
class RandomSuffix:
    """Random search for the suffix with the most likely goal (Andriushchenko et al. 2024, arXiv:2404.02151).

    Each step tries some suffixes that differ from the best one so far in a few tokens, and keeps the best of all. Only
    requests with a goal are attacked; others come back as they are. A search ends early once every token of the goal is
    the likeliest.

    Args:
        length: how many tokens the suffix has at most.
        steps: the number of rounds.
        batch: how many suffixes each round tries.
        changes: in how many tokens they differ from the best one so far.
    """

    length: Annotated[int, Ge(1)] = 20
    steps: Annotated[int, Ge(1)] = 40
    batch: Annotated[int, Ge(1)] = 64
    changes: Annotated[int, Ge(1)] = 2

    def rewrite(self, model: LanguageModel, batch: TextBatch, ctx: Context) -> Sequence[Sequence[str]]:
        """One candidate for each text. Raises HarnessError if no suffix fits, NotApplicable if no text has a goal."""
        usable = usable_tokens(model)

        def propose(target: Target, best: Suffix, rng: np.random.Generator) -> list[Suffix]:
            return [self._changed(best, usable, rng) for _ in range(self.batch)]

        return _attacked(model, batch, ctx, self.length, partial(_search, propose, self.steps, from_best=True))

    def _changed(self, suffix: Suffix, usable: npt.NDArray[np.int64], rng: np.random.Generator) -> Suffix:
        new = np.array(suffix)
        places = rng.choice(len(suffix), size=min(self.changes, len(suffix)), replace=False)
        new[places] = rng.choice(usable, size=len(places))
        return tuple(new.tolist())


@dataclass(frozen=True)
class GreedyCoordinateGradient:
    """A suffix found by gradients: GCG tries the tokens that they find promising (Zou et al. 2023, algorithm 1).

    Each step takes, for each place of the suffix, the tokens with the most negative gradient of the goal's negative
    log-likelihood, tries some suffixes with one of them in one place, and goes on from the best of these. Tokens that
    would not survive being written and read again are left out. Only requests with a goal are attacked; others come
    back as they are. A search ends early once every token of the goal is the likeliest.

    Args:
        length: how many tokens the suffix has at most.
        steps: the number of gradients.
        batch: how many suffixes each step tries.
        top_k: how many tokens for each place.
    """

    length: Annotated[int, Ge(1)] = 20
    steps: Annotated[int, Ge(1)] = 40
    batch: Annotated[int, Ge(1)] = 64
    top_k: Annotated[int, Ge(1)] = 32

    def rewrite(self, model: DifferentiableLanguageModel, batch: TextBatch, ctx: Context) -> Sequence[Sequence[str]]:
        """One candidate for each text. Raises HarnessError if no suffix fits, NotApplicable if no text has a goal."""
        usable = usable_tokens(model)

        def propose(target: Target, now: Suffix, rng: np.random.Generator) -> list[Suffix]:
            gradient = goal_gradient(model, target, now, ctx.device)[:, usable]
            promising = usable[np.argsort(gradient, axis=1, kind="stable")[:, : self.top_k]]
            places = rng.integers(len(now), size=self.batch)
            chosen = promising[places, rng.integers(promising.shape[1], size=self.batch)]
            return [(*now[:at], int(token), *now[at + 1 :]) for at, token in zip(places, chosen, strict=True)]

        return _attacked(model, batch, ctx, self.length, partial(_search, propose, self.steps, from_best=False))


def _attacked(
    model: LanguageModel,
    batch: TextBatch,
    ctx: Context,
    length: int,
    search: Callable[[LanguageModel, Target, np.random.Generator, Context], Suffix],
) -> list[list[str]]:
    """The texts with the suffixes that a search finds, where there is a goal.

    Raises:
        NotApplicable: there is none at all, so that nothing would be attacked.
    """
    if all(goal is None for goal in batch.goals):
        raise NotApplicable("no request has a goal to search for; of a file, name their column with `goals:`")
    texts = []
    for done, (name, text, goal) in enumerate(zip(batch.ids, batch.texts, batch.goals, strict=True), start=1):
        if goal is None:
            texts.append([text])
        else:
            target = target_of(model, text, goal, batch.template, length)
            texts.append([text + target.text(model, search(model, target, ctx.rng("suffix", name), ctx))])
        ctx.progress(done, len(batch))
    return texts


def _search(
    propose: Propose,
    steps: int,
    model: LanguageModel,
    target: Target,
    rng: np.random.Generator,
    ctx: Context,
    *,
    from_best: bool,
) -> Suffix:
    """The tried suffix with the most likely goal.

    Args:
        from_best: whether each step starts from the best so far, or from the best of the last step.
    """
    nlls, reached = goal_nll(model, target, [target.start], ctx.device, ctx.batch_size)
    now = best = target.start
    least = nlls[0]
    for _ in range(0 if reached[0] else steps):
        # Sorted, so that of equals the same one is taken whatever the order.
        tried = sorted({suffix for suffix in propose(target, now, rng) if target.survives(model, suffix)})
        if not tried:
            continue
        nlls, reached = goal_nll(model, target, tried, ctx.device, ctx.batch_size)
        best_index = int(nlls.argmin())
        if nlls[best_index] < least:
            best, least = tried[best_index], nlls[best_index]
        now = best if from_best else tried[best_index]
        if reached.any():
            return tried[int(np.flatnonzero(reached)[0])]
    return best
