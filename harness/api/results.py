"""Tasks, and what is computed from their records: metrics, aggregates, reporters."""

from harness.contract.estimates import Estimate as Estimate
from harness.contract.protocols import Aggregate as Aggregate
from harness.contract.protocols import CellReporter as CellReporter
from harness.contract.protocols import Doubting as Doubting
from harness.contract.protocols import Metric as Metric
from harness.contract.protocols import Outcome as Outcome
from harness.contract.protocols import PerExample as PerExample
from harness.contract.protocols import Reporter as Reporter
from harness.contract.protocols import Summed as Summed
from harness.contract.protocols import Task as Task
from harness.contract.records import Records as Records
from harness.contract.rows import MeasuredCell as MeasuredCell
from harness.contract.rows import Row as Row
from harness.contract.rows import Status as Status
