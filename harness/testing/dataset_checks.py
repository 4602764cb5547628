"""What every dataset promises, checked on two builds of one: the same examples, however they are taken."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness.contract.cells import Use
from harness.contract.data import Dataset
from harness.execution.build import Builder
from harness.execution.data_digest import data_facts
from harness.isolation import Fault, isolated
from harness.plugins import Catalog
from harness.store.open import open_store
from harness.testing.finding import Finding, said

_BATCH = 64
_TAKEN = 12
"""How many examples are taken one by one, and turned."""


def dataset_findings(use: Use, catalog: Catalog, results: Path) -> Iterator[Finding]:
    """The checks of a dataset: it is built twice, as a cell builds it.

    Args:
        use: the dataset with its parameters.
        catalog: where it is found.
        results: a results folder, for models that its parts may train.
    """
    one, other = (isolated(partial(_built, use, catalog, results)) for _ in range(2))
    if isinstance(one, Fault) or isinstance(other, Fault):
        yield Finding("examples", "wrong", one.reason if isinstance(one, Fault) else "it cannot be built twice")
        return
    faults = isolated(lambda: [*_lengths(one), *_not_finite(one), *_facts(one)])
    yield said("examples", [faults.reason] if isinstance(faults, Fault) else faults)
    yield said("repeated", [] if data_facts(one) == data_facts(other) else ["built again it has other examples"])
    faults = isolated(lambda: list(_taken_otherwise(one)))
    yield said("taken in any order", [faults.reason] if isinstance(faults, Fault) else faults)


def _built(use: Use, catalog: Catalog, results: Path) -> Dataset:
    builder = Builder(catalog, open_store(results), "cpu", _BATCH, lambda what, done, total: None)
    data: Dataset = builder.build(use, 0)[0]
    return data


def _lengths(data: Dataset) -> Iterator[str]:
    n = len(data.ids)
    for name, column in data.take(range(n)).items():
        if len(column) != n:
            yield f"column {name!r} has {len(column)} values for {n} ids"
    for name, column in data.groups.items():
        if len(column) != n:
            yield f"group {name!r} has {len(column)} values for {n} ids"


def _not_finite(data: Dataset) -> Iterator[str]:
    for name, column in data.take(range(len(data.ids))).items():
        values = np.asarray(column) if hasattr(column, "dtype") else None
        if values is not None and values.dtype.kind == "f" and not np.isfinite(values).all():
            yield f"column {name!r} has values that are no finite numbers"


def _facts(data: Dataset) -> Iterator[str]:
    try:
        json.dumps(dict(data.facts))
    except TypeError as error:
        yield f"its facts cannot be written as JSON: {error}"


def _taken_otherwise(data: Dataset) -> Iterator[str]:
    """Examples that differ when they are taken alone or turned from when they are taken together."""
    places = list(range(min(_TAKEN, len(data.ids))))
    together, turned = data.take(places), data.take(places[::-1])
    alone = [data.take([place]) for place in places]
    for name, column in together.items():
        if not all(_same(column[i], turned[name][-1 - i]) for i in places):
            yield f"column {name!r} is another one when examples are taken in another order"
        elif not all(_same(column[i], alone[i][name][0]) for i in places):
            yield f"column {name!r} is another one when examples are taken one by one"


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping) or not hasattr(one, "__len__") or isinstance(one, str):
        return bool(one == other)
    return bool(np.array_equal(np.asarray(one), np.asarray(other)))
