"""Mean corruption error of every model of an experiment, from the cells on corrupted data."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.api import Estimate, MeasuredCell, Row, Status
from harness_uncertainty.data.corrupted import Severity
from harness_uncertainty.data.corruptions import PUBLISHED_KINDS, Kind
from harness_uncertainty.metrics.corruption_error import Floats, Mistakes, error_against, mean_error

Bools = npt.NDArray[np.bool_]

_PLAIN, _NORMALISED, _RELATIVE = "mean_error", "mean_corruption_error", "relative_mean_corruption_error"


class Refused(Exception):
    """The mean corruption error cannot be computed; the text says why."""


class MeanCorruptionError:
    """Per model: error over all kinds and severities of corruption, plain and against a baseline model.

    `mean_error` is the mean of the errors, not normalised. With a baseline there also are `mean_corruption_error`, in
    which every kind is divided by the error of the baseline under it, and, where the experiment has the clean data
    too, `relative_mean_corruption_error`, which counts only what is lost from clean to corrupted data. It reads the
    cells of the dataset `corrupted`; all must hold the same examples. A kind or a severity that is missing is a reason
    to refuse, since the number over fewer would be another one.

    Args:
        baseline: the label of the model to divide by; None leaves the errors as they are.
        kinds: which corruptions count; by default the fifteen of the paper.
        severities: which severities count.
    """

    def __init__(
        self,
        baseline: str | None = None,
        kinds: list[Kind] | None = None,
        severities: list[Severity] | None = None,
    ) -> None:
        self._baseline = baseline
        self._kinds = list(dict.fromkeys(kinds or PUBLISHED_KINDS))
        self._severities = sorted(set(severities or (1, 2, 3, 4, 5)))

    def rows(self, cells: Sequence[MeasuredCell]) -> Iterable[Row]:
        """One row per model, seed and data that were corrupted."""
        groups: dict[tuple[Any, ...], dict[str, _Series]] = {}
        for cell, corruption in _corrupted(cells):
            others = tuple(sorted((k, v) for k, v in cell.row.labels.items() if k not in ("model", "data")))
            source = _key({name: corruption[name] for name in corruption if name not in ("kind", "severity")})
            group = groups.setdefault((others, cell.row.seed, source), {})
            model = cell.row.labels.get("model", "")
            series = group.setdefault(model, _Series(cell.row, corruption["dataset"], {}))
            series.cells[corruption["kind"], int(corruption["severity"])] = cell
        if not groups:
            reason = "no cell of this experiment is of the dataset `corrupted`"
            experiment = cells[0].row.experiment if cells else ""
            yield Row(experiment, {}, 0, Status.INVALID, reason, {_PLAIN: Estimate.undefined(reason)})
        for group in groups.values():
            yield from self._rows_of(group, cells)

    def _rows_of(self, group: Mapping[str, _Series], cells: Sequence[MeasuredCell]) -> Iterator[Row]:
        for model, series in group.items():
            try:
                yield self._row(model, series, group, cells)
            except Refused as refused:
                names = (_PLAIN,) if self._baseline is None else (_PLAIN, _NORMALISED)
                estimates = {name: Estimate.undefined(str(refused)) for name in names}
                first = series.first
                labels = self._labels(first)
                yield Row(first.experiment, labels, first.seed, Status.INVALID, str(refused), estimates)

    def _row(self, model: str, series: _Series, group: Mapping[str, _Series], cells: Sequence[MeasuredCell]) -> Row:
        if self._baseline is not None and self._baseline not in group:
            names = ", ".join(sorted(group))
            raise Refused(f"there is no model {self._baseline!r} to divide by; there are {names}")
        first = series.first
        own = self._answers(model, series, cells)
        estimates = {}
        if self._baseline is None:
            complete = own.complete()
            estimates[_PLAIN] = mean_error(own.mistakes(complete), n_missing=int((~complete).sum()))
        else:
            divisor = own if model == self._baseline else self._answers(self._baseline, group[self._baseline], cells)
            if divisor.ids != own.ids:
                raise Refused(f"{model} and the baseline {self._baseline} were asked about different examples")
            complete = own.complete() & divisor.complete()
            missing = int((~complete).sum())
            two = own.mistakes(complete), divisor.mistakes(complete)
            estimates[_PLAIN] = mean_error(two[0], n_missing=missing)
            estimates[_NORMALISED] = error_against(*two, n_missing=missing)
            if two[0].clean is not None and two[1].clean is not None:
                estimates[_RELATIVE] = error_against(*two, relative=True, n_missing=missing)
        doubtful = [cell.row for cell in series.cells.values() if cell.row.status is Status.SUSPECT]
        corruption = series.first.components["data"]
        protocol = {**first.protocol, "kinds": self._kinds, "severities": self._severities}
        of_baseline = group[self._baseline].first if self._baseline is not None else None
        return Row(
            experiment=first.experiment,
            labels=self._labels(first),
            seed=first.seed,
            status=Status.SUSPECT if doubtful else Status.OK,
            reason=f"{doubtful[0].labels.get('data', '')}: {doubtful[0].reason}" if doubtful else "",
            estimates=estimates,
            n=len(own.ids),
            comparability={
                **first.comparability,
                "data": {"corrupted": corruption["parameters"]["dataset"], "examples": own.ids_digest},
                "protocol": protocol,
                **({"baseline": of_baseline.components.get("model")} if of_baseline else {}),
            },
            seconds=sum(cell.row.seconds or 0.0 for cell in series.cells.values()),
            components=first.components,
            facts={"display": first.display},
        )

    def _labels(self, first: Row) -> dict[str, str]:
        count = f"{len(self._kinds)} corruptions x {len(self._severities)} severities"
        return {**first.labels, "data": count}

    def _answers(self, model: str, series: _Series, cells: Sequence[MeasuredCell]) -> _Answers:
        """The mistakes of a model in all cells; raises Refused where something is missing."""
        wanted = [(kind, severity) for kind in self._kinds for severity in self._severities]
        absent = [pair for pair in wanted if pair not in series.cells]
        if absent:
            raise Refused(f"{model} lacks {_named(absent)} of {len(wanted)} corruptions")
        broken = [pair for pair in wanted if not series.cells[pair].row.status.is_measured]
        if broken:
            raise Refused(f"{model} has no result under {_named(broken)} of {len(wanted)} corruptions")
        ids, columns = _wrong([series.cells[pair] for pair in wanted])
        clean_cell = _clean_cell(series, cells)
        clean = None
        if clean_cell is not None:
            clean_ids, clean_columns = _wrong([clean_cell])
            clean = clean_columns[:, 0] if clean_ids == ids else None
        return _Answers(ids, columns.reshape(len(ids), len(self._kinds), len(self._severities)), clean)


@dataclass(frozen=True)
class _Series:
    """The corrupted cells of one model: its first row, its corruptions, and the cells by kind and severity."""

    first: Row
    source: Any
    cells: dict[tuple[str, int], MeasuredCell]


@dataclass(frozen=True)
class _Answers:
    """`wrong` `[examples, kinds, severities]` and `clean` `[examples]` are NaN where the outcome is not known."""

    ids: list[str]
    wrong: Floats
    clean: Floats | None

    @property
    def ids_digest(self) -> str:
        return hashlib.sha256(json.dumps(self.ids).encode()).hexdigest()[:16]

    def complete(self) -> Bools:
        """Which examples have an outcome in every cell."""
        known: Bools = np.all(np.isfinite(self.wrong), axis=(1, 2))
        if self.clean is not None:
            known = known & np.isfinite(self.clean)
        return known

    def mistakes(self, rows: Bools) -> Mistakes:
        """The mistakes on the examples in these rows."""
        return Mistakes(self.wrong[rows], None if self.clean is None else self.clean[rows])


def _corrupted(cells: Sequence[MeasuredCell]) -> Iterator[tuple[MeasuredCell, Mapping[str, Any]]]:
    for cell in cells:
        data = cell.row.components.get("data") or {}
        attack = cell.row.labels.get("attack", "none")
        # Under an attack as well it would be another error.
        if re.split(r"\W", str(data.get("name", "")))[-1] == "corrupted" and attack == "none":
            yield cell, data["parameters"]


def _clean_cell(series: _Series, cells: Sequence[MeasuredCell]) -> MeasuredCell | None:
    """The cell of the same model, seed and data without corruption."""
    first, source = series.first, _key(series.source)
    for cell in cells:
        row = cell.row
        same = all(row.labels.get(role) == label for role, label in first.labels.items() if role != "data")
        if same and row.seed == first.seed and row.status.is_measured and _key(row.components.get("data")) == source:
            return cell
    return None


def _wrong(cells: Sequence[MeasuredCell]) -> tuple[list[str], Floats]:
    """The example ids and a column per cell, 1 where the prediction is wrong."""
    ids: list[str] | None = None
    columns = []
    for cell in cells:
        records = cell.records()
        if "correct" not in records:
            raise Refused("the records do not say which answers are correct")
        if ids is not None and list(records["id"]) != ids:
            raise Refused("the corruptions were applied to different examples")
        ids = list(records["id"])
        columns.append(1 - records.floats("correct"))
    assert ids is not None
    return ids, np.stack(columns, axis=1)


def _named(pairs: Sequence[tuple[str, int]]) -> str:
    shown = ", ".join(f"{kind} {severity}" for kind, severity in pairs[:3])
    return f"{len(pairs)} ({shown}{', ...' if len(pairs) > 3 else ''})"


def _key(identity: Any) -> str:
    return json.dumps(identity, sort_keys=True, default=str)
