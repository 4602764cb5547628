"""Random searches among rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.api import HarnessError, Status
from harness_capacity.comparisons.searches import searches
from searched_rows import rows

VALIDATION, TEST = [[0.5, 0.7], [0.9, 0.8], [0.2, 0.4]], [[0.4, 0.6], [0.7, 0.8], [0.3, 0.1]]


def test_the_scores_of_each_draw() -> None:
    (search,) = searches(rows("net", VALIDATION, TEST), "accuracy")
    assert search.labels == {"data": "", "model": "net"}
    assert search.numbers == [0, 1, 2]
    np.testing.assert_allclose(search.scores, [0.6, 0.85, 0.3])
    np.testing.assert_allclose(search.test_scores, [0.5, 0.75, 0.2])
    assert (search.best, search.missing, search.failed) == (1, 0, 0)
    assert search.parameters == [{"width": 8}, {"width": 16}, {"width": 24}]  # `steps` was not drawn
    assert search.named(1) == "width 16"


def test_families_and_tables_are_told_apart() -> None:
    made = rows("net", VALIDATION, TEST) + rows("tree", VALIDATION, TEST)
    made += rows("net", VALIDATION, TEST, data=("wine validation", "wine test"))
    labels = [search.labels for search in searches(made, "accuracy")]
    assert labels == [{"data": "", "model": "net"}, {"data": "", "model": "tree"}, {"data": "wine", "model": "net"}]


def test_what_else_is_swept_is_a_family_of_its_own() -> None:
    made = rows("net depth=1", VALIDATION, TEST) + rows("net depth=2", VALIDATION, TEST)
    assert [search.label for search in searches(made, "accuracy")] == ["net depth=1", "net depth=2"]


def test_a_failed_try_counts_as_zero_and_one_that_was_not_run_is_left_out() -> None:
    made = rows("net", [[0.5], [None], [0.7], [0.8]], [[0.5], [0.6], [0.7], [0.8]])
    made[3] = replace(made[3], status=Status.INTERRUPTED, estimates={})
    (search,) = searches(made, "accuracy")
    assert search.numbers == [0, 1, 2]
    np.testing.assert_allclose(search.scores, [0.5, 0.0, 0.7])
    assert (search.missing, search.failed) == (1, 1)


@pytest.mark.parametrize(
    ("of", "message"),
    [
        ([replace(rows("net", VALIDATION, TEST)[0], labels={"model": "net"})], "no model is drawn at random"),
        (rows("net", VALIDATION, TEST, data=("a", "b")), "called 'validation' and 'test'; the data are a, b"),
        (rows("net", [[0.5], [1.5]], [[0.5], [0.5]]), "accuracy is 1.5; best_of_k needs a score from 0 to 1"),
        (rows("net", [[0.5]], [[0.5]]), "net: 1 of 1 tries gave numbers"),
    ],
)
def test_what_is_no_search_is_said(of: list, message: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(HarnessError, match=message):
        searches(of, "accuracy")


def test_an_unknown_metric_is_said() -> None:
    with pytest.raises(HarnessError, match="no row has the metric 'f1'; there are accuracy"):
        searches(rows("net", VALIDATION, TEST), "f1")
