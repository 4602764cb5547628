"""Checks of what a task returns: which examples its records are of, and what it calls its costs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

from harness.contract.data import Dataset
from harness.contract.errors import InvalidOutput
from harness.contract.rows import is_column_of_rows
from harness.contract.tasks import Outcome
from harness.contract.texts import Texts

if TYPE_CHECKING:
    import pyarrow as pa

RECORDS_OF = "records_of"
"""Attribute of a task whose records are of something else than the examples of the data."""


def check_examples(task: object, outcome: Outcome, table: pa.Table, data: Dataset | None) -> None:
    """Check that there is one record for each example of the data, but for those that the task says are missing.

    Raises:
        InvalidOutput: examples are missing without a reason, or there are records of others.
    """
    if data is None or hasattr(task, RECORDS_OF) or (not outcome.missing and _is_column(table, data.ids)):
        return
    ids, returned = set(data.ids), set(table.column("id").to_pylist())
    if strange := returned - ids:
        raise InvalidOutput(
            f"{len(strange)} of the records have ids that are none of the data's, first {min(strange)!r}; a task whose "
            f"records are of no examples says of what, as `{RECORDS_OF} = 'samples'`"
        )
    named = {name for reason in outcome.missing.values() for name in reason}
    if unnamed := ids - returned - named:
        raise InvalidOutput(
            f"the task returned records of {len(returned)} of {len(ids)} examples, the first that is missing is "
            f"{min(unnamed)!r}; give each reason with its ids to the Outcome, as `missing`"
        )
    if wrong := named - (ids - returned):
        raise InvalidOutput(f"{min(wrong)!r} is said to be missing, but has a record or is no example")


def _is_column(table: pa.Table, ids: Sequence[str]) -> bool:
    """Whether these are the ids of a table in this order, told at the speed of Arrow."""
    import pyarrow as pa

    expected = pa.array(ids) if isinstance(ids, Texts) else pa.array(list(ids), pa.string())
    chunked = expected if isinstance(expected, pa.ChunkedArray) else pa.chunked_array([expected])
    return bool(table.column("id").equals(chunked.cast(pa.string())))


def checked_cost(cost: Mapping[str, Any], metrics: Iterable[str]) -> dict[str, float]:
    """Costs as numbers.

    Args:
        cost: what the task returned.
        metrics: the labels of the metrics of the cell.

    Raises:
        InvalidOutput: a cost is no finite number, or has the name of a column that tables have already.
    """
    wrong = [name for name, value in cost.items() if not isinstance(value, Real) or not math.isfinite(value)]
    if wrong:
        raise InvalidOutput(f"cost {wrong[0]!r} is {cost[wrong[0]]!r}, not a finite number")
    if taken := [name for name in cost if is_column_of_rows(name, metrics)]:
        raise InvalidOutput(f"cost {taken[0]!r} has the name of a column of tables; call it otherwise")
    return {name: float(value) for name, value in cost.items()}
