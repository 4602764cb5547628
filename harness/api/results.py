"""Tasks, and what is computed from their records: metrics, aggregates, reporters."""

from harness.contract.estimates import Estimate
from harness.contract.protocols import (
    Aggregate,
    CellReporter,
    Doubting,
    Metric,
    Outcome,
    PerExample,
    Reporter,
    Summed,
    Task,
)
from harness.contract.records import Records
from harness.contract.rows import MeasuredCell, Row, Status

__all__ = [
    "Aggregate",
    "CellReporter",
    "Doubting",
    "Estimate",
    "MeasuredCell",
    "Metric",
    "Outcome",
    "PerExample",
    "Records",
    "Reporter",
    "Row",
    "Status",
    "Summed",
    "Task",
]
