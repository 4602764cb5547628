"""A plugin whose task returns what tasks must not, or may just so: each `kind` is one return."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from harness.api import Component, Context, Dataset, Estimate, Examples, Outcome, Records, hookimpl, mean

IDS = ["e0", "e1", "e2", "e3"]
HALF = "caf\udce9"
NAN = float("nan")


@hookimpl
def harness_components() -> Iterable[Component]:
    return [
        Component("task", "give", f"{__name__}:Give", "Returns what its treatment says."),
        Component("dataset", "four", f"{__name__}:four", "Four numbers."),
        Component("attack", "what", f"{__name__}:What", "One return."),
        Component("metric", "mean_value", f"{__name__}:MeanValue", "Mean of the records."),
    ]


def four() -> Examples:
    """The numbers from 0."""
    return Examples(IDS, {"number": np.arange(4.0)})


class What:
    """One return.

    Args:
        kind: which.
        name: of an artifact, instead; as Python writes it.
    """

    def __init__(self, kind: str = "", name: str = "") -> None:
        self.kind, self.name = kind, name


class MeanValue:
    """Mean of the records."""

    columns = ("value",)
    direction = "max"
    unit = ""

    def estimate(self, records: Records) -> Estimate:
        return mean(records["value"])


class Give:
    """Returns what its treatment says."""

    def run(self, data: Dataset, attack: What, ctx: Context) -> Any:
        if attack.name:
            return outcome(artifacts={eval(attack.name): b"content"})
        return RETURNS[attack.kind]()


def outcome(**changes: Any) -> Outcome:
    """A good outcome with these changes; those of `records` are of its columns."""
    records = {"id": list(IDS), "value": np.arange(4.0), **changes.pop("records", {})}
    return Outcome({name: column for name, column in records.items() if column is not None}, **changes)


def values(*numbers: Any) -> Callable[[], Outcome]:
    return lambda: outcome(records={"value": list(numbers)})


def deep(levels: int) -> Mapping[str, Any]:
    return {"a": deep(levels - 1)} if levels else {}


RETURNS: Mapping[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "mapping": lambda: {"id": IDS},
    "generator": lambda: (each for each in IDS),
    "the class": lambda: Outcome,
    "no columns": lambda: Outcome({}),
    "no ids": lambda: outcome(records={"id": None}),
    "ids twice": lambda: outcome(records={"id": ["e0", "e1", "e2", "e2"]}),
    "other ids": lambda: outcome(records={"id": ["x0", "x1", "x2", "x3"]}),
    "half of the ids": lambda: Outcome({"id": IDS[:2], "value": [0.0, 1.0]}),
    "more ids": lambda: Outcome({"id": [*IDS, "e4"], "value": np.arange(5.0)}),
    "ids that are numbers": lambda: outcome(records={"id": [0, 1, 2, 3]}),
    "ids that are None": lambda: outcome(records={"id": [None, "e1", "e2", "e3"]}),
    "ids of half characters": lambda: outcome(records={"id": [HALF, "e1", "e2", "e3"]}),
    "no records": lambda: Outcome({"id": [], "value": []}),
    "unequal lengths": lambda: outcome(records={"value": [1.0, 2.0]}),
    "a number for a column": lambda: outcome(records={"value": 1.0}),
    "text for a column": lambda: outcome(records={"value": "abcd"}),
    "NaN": values(0.0, NAN, 1.0, 2.0),
    "NaN in an array": lambda: outcome(records={"value": np.array([0.0, NAN, 1.0, 2.0], dtype=np.float32)}),
    "NaN in a list of a column": values([0.0, NAN], [1.0], [2.0], [3.0]),
    "NaN in a mapping of a column": values({"a": NAN}, {"a": 1.0}, {"a": 2.0}, {"a": 3.0}),
    "infinite": values(0.0, float("inf"), 1.0, 2.0),
    "mixed types": values(1.0, "b", None, [4]),
    "objects": values(*[object()] * 4),
    "sets": values({1}, {2}, {3}, {4}),
    "complex numbers": values(1j, 2j, 3j, 4j),
    "text of half characters": lambda: outcome(records={"note": [HALF] * 4}),
    "bytes": lambda: outcome(records={"note": [b"\xff"] * 4}),
    "dates": lambda: outcome(records={"note": [datetime.date(2026, 1, 1)] * 4}),
    "decimals": lambda: outcome(records={"value": [Decimal("0.5")] * 4}),
    "large integers": lambda: outcome(records={"note": [2**70] * 4}),
    "a column called 7": lambda: outcome(records={7: [0.0] * 4}),
    "a column of half characters": lambda: outcome(records={HALF: [0.0] * 4}),
    "a protocol of text": lambda: outcome(protocol="linf"),
    "a protocol with a set": lambda: outcome(protocol={"threat": {1, 2}}),
    "a protocol with NaN": lambda: outcome(protocol={"eps": NAN}),
    "a protocol of half characters": lambda: outcome(protocol={"threat": HALF}),
    "a deep protocol": lambda: outcome(protocol=deep(3000)),
    "a cost called n": lambda: outcome(cost={"n": 99.0}),
    "a cost called status": lambda: outcome(cost={"status": 1.0}),
    "a cost called as its metric": lambda: outcome(cost={"mean_value": 1.0}),
    "a cost of NaN": lambda: outcome(cost={"passes": NAN}),
    "a cost of text": lambda: outcome(cost={"passes": "many"}),
    "a cost of half characters": lambda: outcome(cost={HALF: 1.0}),
    "a display of numbers": lambda: outcome(display={"dose": 2}),
    "a display of half characters": lambda: outcome(display={"dose": HALF}),
    "problems of half characters": lambda: outcome(problems=(HALF,)),
    "missing ids that there are": lambda: outcome(missing={"lost": ["e1"]}),
    "missing ids that nobody knows": lambda: outcome(missing={"lost": ["x"]}),
    "artifacts of objects": lambda: outcome(artifacts={"a": np.array([object()])}),
    "an artifact of text": lambda: outcome(artifacts={"a.txt": "text"}),
    "artifacts in a list": lambda: outcome(artifacts=[b"a"]),
    "good": outcome,
    "a subclass": lambda: type("Mine", (Outcome,), {})({"id": IDS, "value": np.arange(4.0)}),
    "missing ids, said": lambda: Outcome({"id": IDS[:3], "value": np.arange(3.0)}, missing={"too long": ["e3"]}),
}
