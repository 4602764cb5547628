"""Rankings that survive all baselines, and those that flip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from harness.api import MeasuredCell, Records, Row, Status
from harness_capacity.comparisons.attribution_ranking import AttributionRanking, ranking

N = 60
NOISE = np.random.default_rng(0).normal(0, 0.05, (8, N))


def around(centre: float, number: int) -> np.ndarray[Any, Any]:
    return centre + NOISE[number]


def cell(method: str, name: str, columns: Mapping[str, Sequence[float]], seed: int = 0, key: str = "k") -> MeasuredCell:
    components = {"attribution": {"name": f"harness_capacity/{name}", "parameters": {}}}
    labels = {"data": "d", "model": "net", "attribution": method}
    row = Row("e", labels, seed, Status.OK, n=N, cell=method, components=components, comparability={"task": key})
    records = Records.of({"id": [str(i) for i in range(N)], **columns})
    return MeasuredCell(row, "", lambda: records)


def areas(zero: float, mean: float, number: int) -> dict[str, Any]:
    return {"deletion.zero": around(zero, number), "deletion.mean": around(mean, 7 - number)}


CONTROL = cell("chance", "random_map", areas(0.8, 0.8, 0))


def row_of(cells: Sequence[MeasuredCell], score: str = "deletion") -> Row:
    return next(row for row in AttributionRanking().rows(cells) if row.labels["attribution"] == f"all, by {score}")


def shares(row: Row) -> list[float | None]:
    return [row.estimates[name].value for name in ("better_than_random", "orders_kept", "orders_flipped")]


def test_an_order_that_both_baselines_resolve_is_a_ranking() -> None:
    row = row_of([cell("b", "gradient", areas(0.5, 0.6, 1)), CONTROL, cell("a", "occlusion", areas(0.2, 0.3, 2))])
    assert row.display["ranking"] == "a > b > chance"
    assert shares(row) == [1.0, 1.0, 0.0]
    assert row.labels["model"] == "net"


def test_an_order_that_turns_around_is_none_and_says_which() -> None:
    row = row_of([cell("b", "gradient", areas(0.5, 0.2, 1)), CONTROL, cell("a", "occlusion", areas(0.2, 0.5, 2))])
    assert row.display["ranking"] == "flips: b (mean) / a (zero)"
    assert shares(row) == [1.0, 0.0, 1.0]


def test_an_order_that_one_baseline_does_not_resolve_is_neither() -> None:
    row = row_of([cell("b", "gradient", areas(0.5, 0.3, 1)), CONTROL, cell("a", "occlusion", areas(0.2, 0.3, 2))])
    assert row.display["ranking"] == "a = b > chance"
    assert shares(row) == [1.0, 0.0, 0.0]


def test_a_method_must_beat_chance_under_every_baseline_and_an_edge_filter_is_no_method() -> None:
    cells = [
        CONTROL,
        cell("edges", "edge_filter", areas(0.1, 0.1, 3)),
        cell("a", "occlusion", areas(0.2, 0.8, 2)),
        cell("b", "gradient", areas(0.3, 0.3, 1)),
    ]
    row = row_of(cells)
    assert row.estimates["better_than_random"].value == 0.5
    assert row.display["ranking"].startswith("flips: ")
    assert shares(row_of([CONTROL, cells[1], cells[3]]))[1] is None
    assert row_of(cells[1:]).estimates["better_than_random"].value is None


def test_more_is_better_for_insertion_and_pointing_alone() -> None:
    columns = {"insertion.zero": around(0.9, 1), "pointing": around(0.9, 2), "sensitivity": around(0.9, 3)}
    less = {name: values - 0.5 for name, values in columns.items()}
    cells = [cell("more", "gradient", columns), cell("less", "occlusion", less)]
    assert row_of(cells, "insertion").display["ranking"] == "more > less"
    assert row_of(cells, "pointing").display["ranking"] == "more > less"
    assert row_of(cells, "max sensitivity").display["ranking"] == "less > more"


def test_seeds_are_averaged_and_other_examples_or_settings_are_apart() -> None:
    apart = [areas(0.2, 0.2, 1), areas(0.6, 0.6, 2)]
    cells = [CONTROL, *(cell("a", "gradient", columns, seed) for seed, columns in enumerate(apart))]
    assert row_of([*cells, cell("b", "occlusion", areas(0.5, 0.5, 3))]).display["ranking"] == "a > b > chance"
    assert list(AttributionRanking().rows([CONTROL, cell("a", "gradient", apart[0], key="other")])) == []


def test_equal_methods_are_never_resolved() -> None:
    same = {"x": around(0.5, 1)}
    found = ranking({"a": same, "b": same})
    assert str(found) == "a = b"
    assert found.pairs[0].survives == 0


@pytest.mark.parametrize("seed", range(3))
def test_holm_keeps_noise_from_making_an_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = ranking({f"m{k}": {"x": rng.normal(size=N)} for k in range(12)})
    assert not any(pair.survives for pair in found.pairs)
