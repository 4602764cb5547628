"""Rows of made-up runs, and a side of a comparison that knows the values of their examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.contract.cells import Use
from harness.contract.rows import Row, Status
from harness.results.comparison.compare import ExampleValues, MetricFacts, Side
from harness.statistics.intervals import proportion
from harness.suite.plan import HeadlineRequest, Plan, PlannedExperiment

N = 200
MakeRow = Callable[..., Row]


def metric(label: str) -> Use:
    return Use("metric", f"harness/{label}", label, 1, {})


@pytest.fixture
def row() -> MakeRow:
    """A row of N examples of which some are right; the first ones, so that rows are nested in each other."""

    def make(model: str, right: int, attack: str = "none", name: str = "accuracy", **changes: Any) -> Row:
        fields: dict[str, Any] = {
            "experiment": "e",
            "labels": {"model": model, "data": "digits", "attack": attack},
            "seed": 0,
            "status": Status.OK,
            "estimates": {name: proportion(right, N)},
            "n": N,
            "comparability": {"task": {"name": "harness/classify"}, "protocol": {"attack": attack}},
            "components": {"model": {"name": model}},
            "cell": f"{model}.{attack}",
        }
        labels = fields["labels"] | changes.pop("labels", {})
        return Row(**{**fields, **changes, "labels": labels})

    return make


@pytest.fixture
def side() -> Callable[[Sequence[Row]], Side]:
    directions = {"accuracy": "max", "error": "min", "robust": "max"}

    def make(rows: Sequence[Row]) -> Side:
        facts = {
            (each.experiment, name): MetricFacts(directions.get(name, "none"), "fraction", {"name": name})
            for each in rows
            for name in each.estimates
        }

        def values(one: Row, name: str) -> ExampleValues | None:
            value = one.estimates[name].value
            if one.derived or value is None:
                return None
            ids = [str(i) for i in range(N)]
            return ExampleValues(ids, (np.arange(N) < round(value * N)).astype(np.float64))

        return Side("run", Path("run"), rows, facts, values)

    return make


@pytest.fixture
def plan() -> Callable[..., Plan]:
    def make(headline: HeadlineRequest = HeadlineRequest(), *names: str, **more: Any) -> Plan:  # noqa: B008
        experiments = {
            name: PlannedExperiment(name, "", (metric("accuracy"),), (), (), headline=headline, **more)
            for name in names or ("e",)
        }
        return Plan("s", "Which is better?", "s.yaml", experiments, ())

    return make
