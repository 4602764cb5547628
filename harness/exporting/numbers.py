"""The numbers of a table, one by one, with all that must go with them into another format."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.contract.cells import SHOWN_LABELS
from harness.contract.errors import InvalidOutput, UsageError
from harness.contract.estimates import Estimate
from harness.contract.rows import Row, Status
from harness.contract.shapes import check_shape
from harness.files import parse_json, read_plain
from harness.isolation import one_line
from harness.results.table import KEY_LENGTH, display_text, table_json

_METRICS: Mapping[Any, Any] = {str: {str: {"direction": str, "unit": str, "title": str}}}


@dataclass(frozen=True)
class Number:
    """One estimate of a row, or a row that has none.

    Attributes:
        row: its row.
        metric: the label of its metric; empty for a row without numbers.
        estimate: its value with its interval; None for a row without numbers.
        direction: "max", "min", "none", or "" where that is not known.
        unit: its unit.
        title: the first line on its metric.
        name: what tells its row from all other rows of the table.
    """

    row: Row
    metric: str
    estimate: Estimate | None
    direction: str
    unit: str
    title: str
    name: str

    @property
    def has_value(self) -> bool:
        """Whether there is a value to export."""
        return self.estimate is not None and self.estimate.value is not None

    @property
    def measured(self) -> Estimate:
        """The estimate of a number that has a value."""
        assert self.estimate is not None
        return self.estimate

    @property
    def reason(self) -> str:
        """Why there is no value, or why it is doubtful; else empty."""
        of_row = f"{self.row.status}: {self.row.reason}" if self.row.status is not Status.OK else ""
        of_estimate = self.estimate.reason if self.estimate is not None else "" if of_row else "no numbers"
        return "; ".join(reason for reason in (of_row, of_estimate) if reason)

    @property
    def model(self) -> str:
        """The label of its model; empty for an audit of data."""
        return self.row.labels.get("model", "")

    @property
    def data_digest(self) -> str:
        """The digest of the content of its data; empty for a row made of several cells."""
        data = self.row.comparability.get("data")
        return str(data.get("digest", "")) if isinstance(data, Mapping) else ""

    @property
    def missing_text(self) -> str:
        """The line that says of a number without a value why it has none."""
        return f"{self.name}{f', {self.metric}' if self.metric else ''}: {self.reason}"


@dataclass(frozen=True)
class Source:
    """A table to export.

    Attributes:
        suite: the name of the suite.
        rows: its rows.
        metrics: experiment to metric label to direction, unit and title.
        provenance: where it was measured, as in table.json.
        started: when, in UTC (ISO 8601); empty if that is not known.
    """

    suite: str
    rows: Sequence[Row]
    metrics: Mapping[str, Mapping[str, Mapping[str, Any]]]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    started: str = ""

    @classmethod
    def of_file(cls, path: Path) -> Source:
        """A table.json. Raises UsageError with the field that is wrong."""
        try:
            rows = table_json(path)
            raw = parse_json(read_plain(path))
            check_shape(raw, {"suite": str, "metrics": _METRICS, "provenance": dict}, "it")
        except (InvalidOutput, OSError, ValueError) as error:
            raise UsageError(f"{path} is no table of harness: {one_line(str(error))}") from None
        return cls(raw.get("suite", path.stem), rows, raw.get("metrics", {}), raw.get("provenance", {}))

    def numbers(self) -> Iterator[Number]:
        """Every number of every row, and one without estimate for each row that has none."""
        for row, name in zip(self.rows, self._names(), strict=True):
            known = self.metrics.get(row.experiment, {})
            if not row.estimates:
                yield Number(row, "", None, "", "", "", name)
            for metric, estimate in row.estimates.items():
                facts = known.get(metric, {})
                direction = str(facts.get("direction", ""))
                direction = "min" if row.is_gap and direction == "max" else direction
                yield Number(
                    row, metric, estimate, direction, str(facts.get("unit", "")), str(facts.get("title", "")), name
                )

    def _names(self) -> list[str]:
        """What tells each row from all others: experiment and labels, then threat, key and place as far as needed."""
        plain = [" / ".join([r.experiment, *(r.labels[k] for k in SHOWN_LABELS if k in r.labels)]) for r in self.rows]
        names = [f"{name} / seed {row.seeds}" for name, row in zip(plain, self.rows, strict=True)]
        for more in (display_text, lambda row: row.derived, lambda row: row.key[:KEY_LENGTH]):
            count = Counter(names)
            names = [
                f"{name} / {more(row)}" if count[name] > 1 and more(row) else name
                for name, row in zip(names, self.rows, strict=True)
            ]
        count = Counter(names)
        return [f"{name} / {i}" if count[name] > 1 else name for i, name in enumerate(names, 1)]


def file_name(text: str) -> str:
    """A text as the name of a file: letters, digits, dots and dashes."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.").lower() or "none"


def precise(number: float | None) -> str:
    """A number as the shortest text that reads back as the same number; empty if there is none."""
    return "" if number is None else repr(number)
