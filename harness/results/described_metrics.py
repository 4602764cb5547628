"""What the numbers of a table are, so that its JSON can be read without this installation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.contract.rows import Row
from harness.plugins import Catalog
from harness.signatures import SignatureReader
from harness.suite.plan import Plan


def described_metrics(
    plan: Plan, rows: Sequence[Row], signatures: SignatureReader, catalog: Catalog
) -> dict[str, dict[str, dict[str, Any]]]:
    """What each number of a table is: experiment to label to direction, unit, title, and methods of its intervals.

    A number that an aggregate makes, and no metric of the suite, has the direction "" (not known) and no unit, unless
    it bears the name of an aggregate that declares them.
    """
    described: dict[str, dict[str, dict[str, Any]]] = {}
    for name, experiment in plan.experiments.items():
        own = [row for row in rows if row.experiment == name]
        uses, aggregates = ({use.label: use for use in of} for of in (experiment.metrics, experiment.aggregates))
        for label in dict.fromkeys([*uses, *(label for row in own for label in row.estimates)]):
            use = uses.get(label) or aggregates.get(label)
            known = catalog.find(use.kind, use.name) if use else None
            signature = signatures.read(known.component) if known else None
            described.setdefault(name, {})[label] = {
                "direction": signature.direction if signature else "",
                "unit": signature.unit if signature else "",
                "title": known.summary if known else label.replace("_", " "),
                "method": sorted({row.estimates[label].method for row in own if _has_value(row, label)}),
                "component": None if use is None else use.identity,
            }
    return described


def _has_value(row: Row, label: str) -> bool:
    return label in row.estimates and row.estimates[label].value is not None
