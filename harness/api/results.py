"""Tasks, and what is computed from their records: metrics, aggregates, reporters."""

from harness.contract.estimates import Estimate as Estimate
from harness.contract.records import Records as Records
from harness.contract.rows import MeasuredCell as MeasuredCell
from harness.contract.rows import Row as Row
from harness.contract.rows import Status as Status
from harness.contract.tasks import Aggregate as Aggregate
from harness.contract.tasks import CellReporter as CellReporter
from harness.contract.tasks import Clustered as Clustered
from harness.contract.tasks import Directed as Directed
from harness.contract.tasks import Doubting as Doubting
from harness.contract.tasks import Grouped as Grouped
from harness.contract.tasks import Influences as Influences
from harness.contract.tasks import Influential as Influential
from harness.contract.tasks import Metric as Metric
from harness.contract.tasks import OfMembers as OfMembers
from harness.contract.tasks import Outcome as Outcome
from harness.contract.tasks import PerExample as PerExample
from harness.contract.tasks import Reporter as Reporter
from harness.contract.tasks import Summed as Summed
from harness.contract.tasks import Task as Task
from harness.escaping import markdown_cell as markdown_cell
