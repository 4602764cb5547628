"""What a log holds, whatever tool wrote it: documents, answers to them, and their scores."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

from harness.contract.errors import UsageError
from harness.escaping import on_a_line
from harness.files import parse_json, read_plain
from harness.isolation import one_line

T = TypeVar("T")

_MAX_LOG_BYTES = 1 << 32
_MAX_SHOWN = 60


@dataclass(frozen=True)
class Sample:
    """One document, an answer to it, and the scores that a tool gave the answer.

    Attributes:
        id: the name of the document, the same in every log of the task.
        prompt: what the model was given; empty where the log does not say.
        reference: what is right; empty where the log does not say.
        answer: what the model said; None where the log does not say.
        scores: by name; None where the tool gave none.
        groups: by name, e.g. {"subject": "law"}.
        where: its place, e.g. "samples_a.jsonl, line 3".
    """

    id: str
    prompt: str
    reference: str
    answer: str | None
    scores: Mapping[str, float | None]
    where: str
    groups: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Log:
    """The log of one model on one task.

    Attributes:
        name: the name of the file.
        tool: the tool that wrote it, e.g. "lm-eval".
        task: the task as the tool calls it; empty where the log does not say.
        model: the model as the tool calls it.
        samples: one for each document.
        less_is_better: the scores of which less is better.
        epochs: how often each document was answered; scores are means over these.
        notes: what was left out of it.
    """

    name: str
    tool: str
    task: str
    model: str
    samples: Sequence[Sample]
    less_is_better: frozenset[str] = frozenset()
    epochs: int = 1
    notes: tuple[str, ...] = ()

    def checked(self) -> Log:
        """Return it if each document stands in it once. Raises UsageError."""
        if not self.samples:
            raise UsageError(f"{self.name} holds no finished sample; was the run of {self.tool} cut off?")
        places: dict[str, str] = {}
        for sample in self.samples:
            if earlier := places.get(sample.id):
                raise UsageError(
                    f"{sample.where}: the id {shown(sample.id)} stands there and in {earlier}; each document must "
                    "have one sample, and a log one task"
                )
            places[sample.id] = sample.where
        return self


def content_of(path: Path) -> bytes:
    """The content of a log. Raises UsageError if it cannot be read."""
    try:
        return read_plain(path, _MAX_LOG_BYTES)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None


def json_objects(content: bytes, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The place and the content of each line of JSON Lines. Raises UsageError with the line."""
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip():
            where = f"{name}, line {number}"
            yield where, json_object(line, where)


def json_object(content: bytes, where: str) -> dict[str, Any]:
    """A JSON object. Raises UsageError if it is none, as where a file was cut off."""
    try:
        value = parse_json(content)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where} is no JSON, cut off or damaged: {one_line(str(error))}") from None
    if not isinstance(value, dict):
        raise UsageError(f"{where} is {shown(value)}, not a JSON object")
    return value


def field_of(value: Mapping[str, Any], path: str, where: str, kind: type | tuple[type, ...] = object) -> Any:
    """A field by its path, such as `doc.question`. Raises UsageError with the place and the field."""
    found: Any = value
    for name in [path] if path in value else path.split("."):
        if isinstance(found, list) and name.isdigit() and int(name) < len(found):
            found = found[int(name)]
        elif isinstance(found, Mapping) and name in found:
            found = found[name]
        else:
            there = ", ".join(map(str, list(found)[:12])) if isinstance(found, Mapping) else shown(found)
            raise UsageError(f"{where} has no field {path!r}; there is: {there}")
    if kind is not object and (not isinstance(found, kind) or isinstance(found, bool)):
        refuse(where, path, found, "what stands there in logs of this tool")
    return found


def given_in(value: Mapping[str, Any], name: str, where: str, kind: type[T]) -> T | None:
    """A field that need not be there; None without it, or where it is null. Raises UsageError for another kind."""
    return None if value.get(name) is None else cast(T, field_of({name: value[name]}, name, where, kind))


def score_of(value: Any, where: str, name: str) -> float | None:
    """A score as a number; None where it is missing or NaN. Raises UsageError for a text or anything else."""
    if value is None:
        return None
    if isinstance(value, int | float):
        return None if math.isnan(value) else finite(float(value), where, name)
    return refuse(where, name, value, "a number")


def finite(value: float, where: str, name: str) -> float:
    """A number that is not infinite. Raises UsageError."""
    return value if math.isfinite(value) else refuse(where, name, value, "a finite number")


def text_of(value: Any) -> str:
    """A text as it is, anything else as JSON; empty for nothing."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def refuse(where: str, name: str, value: Any, wanted: str) -> NoReturn:
    """Raise UsageError for a field that holds something else."""
    raise UsageError(f"{where}: {name} is {shown(value)}, not {wanted}")


def shown(value: Any) -> str:
    """A value in a message."""
    text = on_a_line(repr(value))
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
