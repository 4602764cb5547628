"""Simulated trials of verification, such as of faces, with error rates that are known exactly."""

from __future__ import annotations

from itertools import combinations
from statistics import NormalDist
from typing import Annotated

import numpy as np
import numpy.typing as npt
from annotated_types import Ge, Gt, Lt

from harness.api import Examples, InvalidOutput

GROUPS = ("a", "b")
Floats = npt.NDArray[np.float64]
Pairs = npt.NDArray[np.intp]


def verification_trials(
    identities: Annotated[int, Ge(3)] = 100,
    fmr: Annotated[float, Gt(0), Lt(1)] = 0.01,
    ratio: Annotated[float, Gt(0)] = 7.0,
    fnmr: Annotated[float, Gt(0), Lt(1)] = 0.03,
    shared: Annotated[float, Ge(0), Lt(1)] = 0.3,
    seed: int = 0,
) -> Examples:
    """Trials of a verifier that takes strangers of group `b` for one person `ratio` times as often as those of `a`.

    Every two identities of a group are an impostor trial, and each identity is a genuine one. Scores are normal with
    variance 1, and a threshold of 0 gives the rates that are declared. Trials that share an identity are not
    independent: some people are like everybody ("lambs" and "wolves" in Doddington et al. 1998). Columns: genuine,
    scores, first and second (the identities); group: `group`.

    Args:
        identities: how many in each group.
        fmr: the false match rate of group `a` at threshold 0.
        ratio: the false match rate of group `b` over that of `a`; five to ten was measured for faces of different
            origin (Grother et al. 2019, NISTIR 8280).
        fnmr: the false non-match rate of both groups at threshold 0.
        shared: the share of a score's variance that comes from the identities.
        seed: the seed of the draws.

    Raises:
        InvalidOutput: the rate of group `b` would not be below 1.
    """
    if fmr * ratio >= 1:
        raise InvalidOutput(f"a false match rate of {fmr:g} times {ratio:g} is {fmr * ratio:g}; it must be below 1")
    parts = [
        _trials(name, identities, rate, fnmr, shared, np.random.default_rng([seed, number]))
        for number, (name, rate) in enumerate(zip(GROUPS, (fmr, fmr * ratio), strict=True))
    ]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in ("genuine", "scores")}
    names = {name: [value for part in parts for value in part[name]] for name in ("first", "second", "group")}
    ids = [f"{first}:{second}" for first, second in zip(names["first"], names["second"], strict=True)]
    return Examples(ids, {**columns, "first": names["first"], "second": names["second"]}, {"group": names["group"]})


def _trials(
    group: str, identities: int, fmr: float, fnmr: float, shared: float, rng: np.random.Generator
) -> dict[str, Floats | list[str]]:
    """All impostor trials of a group, then its genuine ones."""
    strangers = np.array(list(combinations(range(identities), 2)))
    selves = np.repeat(np.arange(identities)[:, None], 2, axis=1)
    impostor = NormalDist().inv_cdf(fmr) + _spread(strangers, identities, shared, rng)
    genuine = -NormalDist().inv_cdf(fnmr) + _spread(selves[:, :1], identities, shared, rng)
    pairs = np.concatenate([strangers, selves])
    names = [f"{group}{number}" for number in range(identities)]
    return {
        "genuine": np.repeat([0.0, 1.0], [len(strangers), len(selves)]),
        "scores": np.concatenate([impostor, genuine]),
        "first": [names[i] for i in pairs[:, 0]],
        "second": [names[i] for i in pairs[:, 1]],
        "group": [group] * len(pairs),
    }


def _spread(members: Pairs, identities: int, shared: float, rng: np.random.Generator) -> Floats:
    """Standard normal numbers, `[n]`, of whose variance the identities of each row, `[n, k]`, have a share."""
    effects = rng.standard_normal(identities)[members].sum(axis=1) * np.sqrt(shared / members.shape[1])
    spread: Floats = effects + np.sqrt(1 - shared) * rng.standard_normal(len(members))
    return spread
