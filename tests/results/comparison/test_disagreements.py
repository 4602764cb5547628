"""Which examples only one side gets wrong, counted by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from harness.contract.records import Records
from harness.contract.rows import Row, Status
from harness.results.comparison.compare import ExampleValues, MetricFacts, Side, compare
from harness.results.comparison.disagreements import MAX_EXAMPLES, disagreements
from harness.results.comparison.page import html_text
from harness.statistics.intervals import proportion


def side(name: str, right: Sequence[float], direction: str = "max", metric: str = "accuracy") -> Side:
    """A run of one row; `right` is the value of the metric of each example, NaN where it does not count."""
    values = np.array(right, dtype=float)
    counted = values[~np.isnan(values)]
    row = Row(
        experiment="e",
        labels={"model": name, "data": "d"},
        seed=0,
        status=Status.OK,
        estimates={metric: proportion(int(counted.sum()), len(counted))},
        n=len(values),
        comparability={"task": {"name": "t"}, "data": {"digest": "d", "ids": "i", "n": len(values)}},
        cell=name,
    )
    ids = [f"x{i}" for i in range(len(values))]
    records = Records.of(
        {
            "id": ids,
            "prediction": [f"{name} says <{i}>" for i in range(len(values))],
            "clean_loss": [0.5] * len(values),
            "group.sex": ["f" if i % 2 else "m" for i in range(len(values))],
        }
    )
    facts = {("e", metric): MetricFacts(direction, "fraction", {"name": metric})}
    return Side(name, Path(name), [row], facts, lambda *_: ExampleValues(ids, values), records=lambda _: records)


def test_examples_are_told_by_who_gets_them_wrong() -> None:
    a, b = side("A", [1, 1, 0, 0, 1, np.nan]), side("B", [1, 0, 1, 0, 0, 1])
    (found,), left_out = disagreements(compare(a, b, pairs=["A=B"]), a, b, str)
    assert left_out == 0
    assert [example.id for example in found.only_a] == ["x2"]
    assert [example.id for example in found.only_b] == ["x1", "x4"]
    # x5 does not count for A, so it is in no group.
    assert (found.n_only_a, found.n_only_b, found.n_both, found.n_neither) == (1, 2, 1, 1)
    assert [(g.name, g.only_a, g.only_b, g.n) for g in found.groups] == [("sex: f", 0, 1, 2), ("sex: m", 1, 1, 3)]
    # A loss tells a reader nothing; what both say is told of both.
    assert found.only_a[0].facts == (("prediction", "A says <2>", "B says <2>"), ("group.sex", "m", "m"))


def test_where_less_is_better_an_example_that_counts_is_wrong() -> None:
    a, b = side("A", [1, 0, 0], "min"), side("B", [0, 0, 1], "min")
    (found,), _ = disagreements(compare(a, b, pairs=["A=B"]), a, b, str)
    assert [example.id for example in found.only_a] == ["x0"]
    assert [example.id for example in found.only_b] == ["x2"]


@pytest.mark.parametrize("right", [[1.0, 0.5, 0.0], [1.0, 0.0, 1.0]])
def test_what_is_neither_right_nor_wrong_and_agreement_show_nothing(right: list[float]) -> None:
    a, b = side("A", [1.0, 0.0, 1.0]), side("B", [1.0, 0.0, 1.0])
    other = side("B", right) if 0.5 not in right else b
    assert disagreements(compare(a, other, pairs=["A=B"]), a, other, str) == ([], 0)


def test_many_examples_are_counted_and_some_are_shown_redacted() -> None:
    a, b = side("A", [1.0] * 100 + [0.0]), side("B", [0.0] * 101)
    comparison = compare(a, b, pairs=["A=B"])
    (found,), _ = disagreements(comparison, a, b, lambda text: text.replace("says", "hid"))
    assert (len(found.only_b), found.n_only_b) == (MAX_EXAMPLES, 100)
    page = html_text(comparison, a, b, lambda text: text.replace("says", "hid"))
    assert "B hid &lt;0&gt;" in page
    assert "says" not in page
    assert "the first 24 shown" in page
    without = html_text(comparison, a, b, str, examples=False)
    assert "Single examples are left out." in without
    assert "B says" not in without
