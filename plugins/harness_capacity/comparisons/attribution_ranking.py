"""Whether one attribution method is better than another, and than none, whatever removed pixels are replaced by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from harness.api import LEVEL, Context, Estimate, MeasuredCell, Row, Status, holm, paired_difference

Values = npt.NDArray[np.float64]
SCORES: Mapping[str, tuple[str, int]] = {
    "deletion": ("deletion.", -1),
    "insertion": ("insertion.", 1),
    "infidelity": ("unexplained", -1),
    "max sensitivity": ("sensitivity", -1),
    "randomised similarity": ("similarity.all", -1),
    "pointing": ("pointing", 1),
}
"""What methods are ranked by: its record column, or the start of several, one per baseline, and the sign of better."""
RANDOM = "random_map"
CONTROLS = (RANDOM, "edge_filter")
"""Components that know nothing of the model."""
_MOST_FLIPS = 2


@dataclass(frozen=True)
class Pair:
    """Two methods under every baseline.

    Attributes:
        first, second: the methods.
        signs: by baseline, 1 where the first is better, -1 where the second is, 0 where that is not resolved.
    """

    first: str
    second: str
    signs: Mapping[str, int]

    @property
    def survives(self) -> int:
        """1 or -1 if every baseline resolves the same order, else 0."""
        return next(iter(self.signs.values())) if len(set(self.signs.values())) == 1 else 0

    @property
    def flips(self) -> bool:
        """Whether one baseline resolves one order, and another the other."""
        return {1, -1} <= set(self.signs.values())

    def better_under(self, sign: int) -> str:
        """The first baseline under which the order has this sign."""
        return next(name for name, found in self.signs.items() if found == sign)

    def __str__(self) -> str:
        return f"{self.first} ({self.better_under(1)}) / {self.second} ({self.better_under(-1)})"


@dataclass(frozen=True)
class Ranking:
    """All methods by one score, the best first by the number of others that they beat under every baseline."""

    order: Sequence[str]
    pairs: Sequence[Pair]

    def beats(self, one: str, other: str) -> bool:
        """Whether the first is better than the other under every baseline."""
        forth = any((pair.first, pair.second, pair.survives) == (one, other, 1) for pair in self.pairs)
        return forth or any((pair.first, pair.second, pair.survives) == (other, one, -1) for pair in self.pairs)

    def __str__(self) -> str:
        """The order, `=` where neighbours are not resolved; or the pairs that flip, since then there is none."""
        flips = [pair for pair in self.pairs if pair.flips]
        if flips:
            more = f", and {len(flips) - _MOST_FLIPS} more" if len(flips) > _MOST_FLIPS else ""
            return f"flips: {', '.join(map(str, flips[:_MOST_FLIPS]))}{more}"
        words = [self.order[0]]
        for better, worse in zip(self.order, self.order[1:], strict=False):
            words += [">" if self.beats(better, worse) else "=", worse]
        return " ".join(words)


class AttributionRanking:
    """A row for each score of maps: which methods beat the random control, and an order that survives all baselines.

    Two methods are compared example by example under each baseline, with Holm's correction for all pairs and baselines
    of a score. An order counts if every baseline resolves it alike. If one baseline resolves an order and another the
    opposite, there is no ranking: the column `ranking` says `flips`, and which is first by which baseline.
    `better_than_random` is the share of methods that beat `random_map` under every baseline; `orders_kept` and
    `orders_flipped` are shares of the pairs of methods. The controls `random_map` and `edge_filter` have a place in the
    ranking, and are not counted as methods. Several seeds are averaged example by example.
    """

    def rows(self, cells: Sequence[MeasuredCell]) -> Iterable[Row]:
        """A row for each model, data and score."""
        for first, methods in families(cells):
            components = {name: component(cells[0].row) for name, cells in methods.items()}
            columns = {name: columns_of(of_seeds) for name, of_seeds in methods.items()}
            for score, (prefix, better) in SCORES.items():
                names = common_columns(columns.values(), prefix)
                if names and len(methods) > 1:
                    scored = {
                        method: {name.removeprefix(prefix): better * values[name] for name in names}
                        for method, values in columns.items()
                    }
                    yield _row(first, score, ranking(scored), components)


def ranking(scored: Mapping[str, Mapping[str, Values]]) -> Ranking:
    """Compare all methods.

    Args:
        scored: method to baseline to its scores, one per example in the same order, more is better; NaN where it has
            none.
    """
    pairs = list(combinations(scored, 2))
    baselines = list(next(iter(scored.values())))
    rng = Context().rng("attribution ranking")
    tests = [paired_difference(scored[b][name], scored[a][name], rng) for a, b in pairs for name in baselines]
    adjusted = holm([1.0 if test.p is None else test.p for test in tests])
    resolved = [int(np.sign(test.value)) if p < 1 - LEVEL else 0 for test, p in zip(tests, adjusted, strict=True)]
    signs = np.reshape(resolved, (len(pairs), len(baselines))).tolist()
    made = [Pair(a, b, dict(zip(baselines, row, strict=True))) for (a, b), row in zip(pairs, signs, strict=True)]
    unordered = Ranking(list(scored), made)
    wins = {one: sum(unordered.beats(one, other) - unordered.beats(other, one) for other in scored) for one in scored}
    means = {name: float(np.mean([np.nanmean(values) for values in of.values()])) for name, of in scored.items()}
    return Ranking(sorted(scored, key=lambda name: (-wins[name], -means[name])), made)


def _row(first: Row, score: str, found: Ranking, components: Mapping[str, str]) -> Row:
    methods = [name for name in found.order if components[name] not in CONTROLS]
    among = [pair for pair in found.pairs if {pair.first, pair.second} <= set(methods)]
    n = int(first.n or 0)
    controls = [name for name in found.order if components[name] == RANDOM]
    better = [all(found.beats(name, control) for control in controls) for name in methods]
    no_control = Estimate.undefined("no cell has the random control", n=n)
    return Row(
        experiment=first.experiment,
        labels={**first.labels, "attribution": f"all, by {score}"},
        seed=first.seed,
        status=Status.OK,
        estimates={
            "better_than_random": _share(better, n) if controls else no_control,
            "orders_kept": _share([pair.survives != 0 for pair in among], n),
            "orders_flipped": _share([pair.flips for pair in among], n),
        },
        components=first.components,
        facts={"display": {"ranking": str(found)}},
    )


def _share(of: Sequence[bool], n: int) -> Estimate:
    if not of:
        return Estimate.undefined("there are too few methods", n=n)
    return Estimate(sum(of) / len(of), None, None, LEVEL, "paired tests, Holm", n)


def families(cells: Sequence[MeasuredCell]) -> Iterator[tuple[Row, dict[str, list[MeasuredCell]]]]:
    """The cells of each model on the same examples, measured alike: the first row, and all seeds of each method."""
    found: dict[tuple[str, str, str], dict[str, list[MeasuredCell]]] = {}
    for cell in cells:
        if cell.row.status.is_measured and cell.row.n and "attribution" in cell.row.labels:
            key = (cell.row.experiment, cell.row.labels["model"], cell.row.key)
            found.setdefault(key, {}).setdefault(cell.row.labels["attribution"], []).append(cell)
    for methods in found.values():
        yield next(iter(methods.values()))[0].row, methods


def component(row: Row) -> str:
    """The name of the attribution component of a row, without its package."""
    return str((row.components.get("attribution") or {}).get("name", "")).rpartition("/")[2]


def columns_of(of_seeds: Sequence[MeasuredCell]) -> dict[str, Values]:
    """The columns of one method that methods are ranked by, the mean over seeds for each example."""
    tables = [cell.records() for cell in of_seeds]
    starts = tuple(prefix for prefix, _ in SCORES.values())
    names = [name for name in tables[0].table.column_names if name.startswith(starts) and name in tables[0]]
    return {name: np.mean([table.floats(name) for table in tables], axis=0) for name in names}


def common_columns(columns: Iterable[Mapping[str, Values]], prefix: str) -> list[str]:
    """The columns of a score that every method has a value in."""
    having = [
        [name for name, values in of_method.items() if name.startswith(prefix) and np.isfinite(values).any()]
        for of_method in columns
    ]
    return [name for name in having[0] if all(name in names for names in having)]
