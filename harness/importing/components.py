"""What the suite of imported logs is made of: documents, the outputs of a model, a task that joins them, and scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from harness.contract.context import Context
from harness.contract.data import Dataset, Examples
from harness.contract.errors import InvalidOutput, UsageError
from harness.contract.estimates import Estimate
from harness.contract.records import Records
from harness.contract.tasks import Outcome
from harness.importing.logs import content_of, field_of, json_objects, score_of
from harness.statistics.intervals import mean, proportion


@dataclass(frozen=True)
class Output:
    """What a model answered and the scores that a tool gave it."""

    answer: str | None
    scores: Mapping[str, float | None]


@runtime_checkable
class Logged(Protocol):
    """A model whose outputs are known, each with scores."""

    epochs: int

    def output(self, name: str) -> Output:
        """The output for the document of this id. Raises InvalidOutput if there is none."""


class LoggedOutputs:
    """The outputs of one model, as `harness import` writes them.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        try:
            lines = json_objects(content_of(path), path.name)
            where, about = next(lines, (path.name, {}))
            self.epochs = int(field_of(about, "epochs", where, int))
            self.facts = {name: str(about.get(name, "")) for name in ("tool", "log")}
            self._by_id = dict(_output(where, raw) for where, raw in lines)
        except UsageError as error:
            raise InvalidOutput(str(error)) from None
        self._name = path.name

    def output(self, name: str) -> Output:
        """The output for the document of this id. Raises InvalidOutput if there is none."""
        if name not in self._by_id:
            raise InvalidOutput(f"{self._name} has no output for the document {name!r}")
        return self._by_id[name]


def _output(where: str, raw: Mapping[str, Any]) -> tuple[str, Output]:
    scores = field_of(raw, "scores", where, dict)
    answer = raw.get("answer")
    return field_of(raw, "id", where, str), Output(
        None if answer is None else str(answer), {name: score_of(value, where, name) for name, value in scores.items()}
    )


def logged_documents(path: Path) -> Examples:
    """The documents of a task, as `harness import` writes them: prompts, references and groups.

    Args:
        path: the file.

    Raises:
        InvalidOutput: a line lacks a field, or ids are not unique.
    """
    try:
        rows = [(where, raw) for where, raw in json_objects(content_of(path), path.name)]
        ids = [field_of(raw, "id", where, str) for where, raw in rows]
        columns = {
            f"{name}s": [field_of(raw, name, where, str) for where, raw in rows] for name in ("prompt", "reference")
        }
        names = list(rows[0][1].get("groups", {})) if rows else []
        groups = {name: [str(field_of(raw, f"groups.{name}", where)) for where, raw in rows] for name in names}
        return Examples(ids, columns, groups)
    except (UsageError, ValueError) as error:
        raise InvalidOutput(f"{path.name}: {error}") from None


class FromLog:
    """Take the scores that another tool gave the outputs of a model, without running it.

    Data: columns `prompts` and `references`, maybe groups, such as those of `logged_documents`.
    """

    columns: Sequence[str] = ("id", "prompt", "expected", "answer", "correct", "score.*", "group.*")
    outputs: Sequence[str] = ()

    def run(self, model: Logged, data: Dataset, ctx: Context) -> Outcome:
        """One record per document.

        Columns: id, prompt, expected (what is right), answer, score.<name> for each score, correct where the only score
        is 0 or 1, group.<name>. How often each document was answered is part of the protocol.
        """
        columns = data.take(range(len(data.ids)))
        outputs = [model.output(name) for name in data.ids]
        names = dict.fromkeys(name for output in outputs for name in output.scores)
        scores = {f"score.{name}": [output.scores.get(name) for output in outputs] for name in names}
        return Outcome(
            {
                "id": data.ids,
                "prompt": columns["prompts"],
                "expected": columns["references"],
                "answer": [output.answer for output in outputs],
                **({"correct": right} if (right := _verdicts(list(scores.values()))) else {}),
                **scores,
                **{f"group.{name}": list(column) for name, column in data.groups.items()},
            },
            {"epochs": model.epochs},
        )


def _verdicts(scores: Sequence[Sequence[float | None]]) -> list[bool | None] | None:
    """Right or wrong, where there is one score and it says so; else nothing."""
    if len(scores) != 1 or any(value not in (0, 1, None) for value in scores[0]):
        return None
    return [None if value is None else bool(value) for value in scores[0]]


class LoggedScore:
    """Mean of a score that another tool gave, more being better; Wilson's interval where all are 0 or 1.

    Args:
        name: the name of the score in the log.
    """

    direction = "max"
    unit = ""

    def __init__(self, name: str) -> None:
        self._column = f"score.{name}"

    @property
    def columns(self) -> Sequence[str]:
        """The column of the score."""
        return (self._column,)

    def estimate(self, records: Records) -> Estimate:
        """Undefined if no document has the score; those without are counted as missing."""
        values = self.per_example(records)
        known = values[~np.isnan(values)]
        missing = len(values) - len(known)
        if not len(known):
            return Estimate.undefined("the log has no such score", n_missing=missing)
        if bool(np.isin(known, (0.0, 1.0)).all()):
            return proportion(int(known.sum()), len(known), n_missing=missing)
        return mean(known, n_missing=missing)

    def per_example(self, records: Records) -> npt.NDArray[np.float64]:
        """The score of each document, NaN where there is none."""
        return records.floats(self._column)


class LoggedLoss(LoggedScore):
    """Mean of a score that another tool gave, less being better; Wilson's interval where all are 0 or 1.

    Args:
        name: the name of the score in the log.
    """

    direction = "min"
