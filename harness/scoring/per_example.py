"""What a metric says of single examples, so that two runs over the same examples can be compared pair by pair."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.contract.cells import Use
from harness.contract.errors import InvalidOutput
from harness.contract.records import Records
from harness.contract.tasks import Influences, Influential, Metric, PerExample
from harness.plugins import Catalog

Values = npt.NDArray[np.float64]


def values_of(use: Use, records: Records, catalog: Catalog) -> Values | None:
    """Return the values per example, NaN where one does not count; None for a metric that has none.

    Raises what the metric raises, and InvalidOutput.
    """
    metric = _metric(use, catalog)
    if not isinstance(metric, PerExample):
        return None
    values = np.asarray(metric.per_example(records), dtype=np.float64)
    if values.shape != (len(records),):
        raise InvalidOutput(f"it returned shape {list(values.shape)} for {len(records)} records")
    return values


def influences_of(use: Use, records: Records, catalog: Catalog) -> Influences | None:
    """Return what the examples, and other data, add to an estimate; None for a metric that does not say.

    Raises what the metric raises, and InvalidOutput.
    """
    metric = _metric(use, catalog)
    influences = metric.influences(records) if isinstance(metric, Influential) else None
    if influences is None:
        return None
    parts = {str(name): np.asarray(part, dtype=np.float64) for name, part in influences.parts.items()}
    if wrong := [name for name, part in parts.items() if part.ndim != 1]:
        raise InvalidOutput(f"those of {wrong[0]} have shape {list(parts[wrong[0]].shape)}, not [n]")
    of_records = parts.get("records")
    if of_records is not None and of_records.shape != (len(records),):
        raise InvalidOutput(f"those of the records have shape {list(of_records.shape)} for {len(records)} records")
    return Influences(parts, influences.freedom)


def _metric(use: Use, catalog: Catalog) -> Metric:
    metric: Metric = catalog.find("metric", use.name).component.load()(**use.arguments)
    return metric
