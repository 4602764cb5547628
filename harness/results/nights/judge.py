"""One of four labels for every row of a night, from the paired tests of its comparison with a baseline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from harness.results.comparison.compared import SIGNIFICANCE, Compared, Comparison
from harness.results.comparison.table import p_text, signed
from harness.results.table import joined_labels
from harness.store.run_folder import RunFolder, runs_in
from harness.store.schema import SCHEMA

NIGHT = "nightly.json"
NightLabel = Literal["regression", "suspicious", "no regression", "insufficient data"]
LABELS: tuple[NightLabel, ...] = ("regression", "suspicious", "no regression", "insufficient data")


@dataclass(frozen=True)
class NightRow:
    """One metric of one row, judged.

    Attributes:
        experiment, name, metric: which; the metric is empty where a row as a whole was lost or cannot be compared.
        label: one of `LABELS`.
        reason: why, in words.
        difference, low, high: tonight's value less that of the baseline, and its 95 % interval.
        p, p_holm: of no difference, alone and adjusted for all tests of the night.
    """

    experiment: str
    name: str
    metric: str
    label: NightLabel
    reason: str
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_holm: float | None = None

    def __str__(self) -> str:
        return f"{self.name}{f' / {self.metric}' if self.metric else ''}: {self.reason}"


@dataclass(frozen=True)
class Night:
    """A night judged against its baseline.

    Attributes:
        suite, run: the run of the night.
        baseline: what it was compared with; empty on the first night.
        rows: the gravest label first.
        n_tests: number of tests that the p-values are adjusted for.
    """

    suite: str
    run: str
    baseline: str
    rows: Sequence[NightRow]
    n_tests: int = 0

    @property
    def has_alarm(self) -> bool:
        """Whether any row regressed."""
        return any(row.label == "regression" for row in self.rows)

    @property
    def counts(self) -> dict[NightLabel, int]:
        """The number of rows with each label."""
        counted = Counter(row.label for row in self.rows)
        return {label: counted[label] for label in LABELS}

    @property
    def sentence(self) -> str:
        """It in one sentence."""
        if not self.baseline:
            return "first night: there is no earlier run to compare with, so nothing is judged"
        counts = ", ".join(f"{n} {label}" for label, n in self.counts.items() if n) or "no row to judge"
        return f"{counts} against {self.baseline}; {self.n_tests} tests, Holm's correction at {SIGNIFICANCE:g}"

    def to_json(self) -> dict[str, Any]:
        """It as a JSON object."""
        return {"schema": SCHEMA, **asdict(self), "counts": self.counts, "alarm": self.has_alarm}


def judge(comparison: Comparison, suite: str, run: str) -> Night:
    """Judge a night by its comparison, in which it is B.

    - regression: worse by a test that holds after Holm's correction for all tests of the night, or a row that was ok
      and is not any more. The chance of any is below 5 % in a night in which nothing changed.
    - suspicious: worse by its own test alone; changed, of a metric without a direction; or what must be equal differs.
    - insufficient data: no test could be made, or even if every example were worse none could hold.
    - no regression: any other.
    """
    rows = [_judged(each, comparison.n_tests) for each in comparison.compared if not each.excused]
    rows.sort(key=lambda row: _GRAVITY[row.label])
    return Night(suite, run, comparison.a, rows, comparison.n_tests)


_GRAVITY: Mapping[NightLabel, int] = {"regression": 0, "suspicious": 1, "insufficient data": 2, "no regression": 3}


def _judged(entry: Compared, n_tests: int) -> NightRow:
    label, reason = _label(entry, n_tests)
    data = f" on {entry.a.labels['data']}" if "data" in entry.a.labels else ""
    name = f"{joined_labels(entry.a.labels) or entry.a.experiment}{data}, seed {entry.a.seeds}"
    head = (entry.a.experiment, name, entry.metric, label)
    if entry.difference is None:
        return NightRow(*head, reason)
    found = entry.difference
    return NightRow(*head, reason, found.value, found.low, found.high, found.p, entry.p_holm)


def _label(entry: Compared, n_tests: int) -> tuple[NightLabel, str]:
    found = entry.difference
    if entry.lost:
        return "regression", entry.why
    if entry.fields:
        return "suspicious", f"what must be equal differs: {entry.why}"
    if found is None or found.p is None:
        return "insufficient data", entry.why or "no test can be made"
    text = _text(entry)
    if entry.verdict == "worse":
        return "regression", text
    if entry.verdict == "changed" or (found.p < SIGNIFICANCE and _is_worse(entry)):
        return "suspicious", text
    n = min((n for n in (entry.a.n, entry.b.n if entry.b else None) if n is not None), default=None)
    if n is not None and not entry.anew and entry.verdict == "not resolved" and _least_p(n) * n_tests >= SIGNIFICANCE:
        return "insufficient data", f"with {n} examples none of {n_tests} tests could tell"
    return "no regression", text


def _least_p(n: int) -> float:
    """The least p of a two-sided sign test of n examples, all of which are worse."""
    return float(2.0 ** (1 - n))


def _is_worse(entry: Compared) -> bool:
    value = entry.difference.value if entry.difference else 0.0
    return value < 0 if entry.facts.direction == "max" else value > 0 if entry.facts.direction == "min" else value != 0


def _text(entry: Compared) -> str:
    found, unit = entry.difference, entry.facts.unit
    assert found is not None
    ends = (
        "" if found.low is None or found.high is None else f" [{signed(found.low, unit)}, {signed(found.high, unit)}]"
    )
    return f"{signed(found.value, unit)}{ends}, p {p_text(found.p, equals=True)}, adjusted {p_text(entry.p_holm)}"


def quiet_run(suite: Path) -> RunFolder | None:
    """Return the latest finished run of a suite that raised no alarm; None if there is none.

    A night that regressed is no baseline for the next: else a fault would be told once, and then be the custom.

    Args:
        suite: the folder of the suite, which holds its runs.
    """
    return next((run for path in reversed(runs_in(suite)) if _is_quiet(run := RunFolder(path))), None)


def _is_quiet(run: RunFolder) -> bool:
    if run.about_if_whole().get("status") != "finished":
        return False
    return not ((run.path / NIGHT).is_file() and run.read_json(NIGHT).get("alarm"))
