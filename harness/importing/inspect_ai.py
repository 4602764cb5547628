"""Logs of inspect_ai: `.eval`, a zip of JSON documents, or the same log as one `.json`.

The header has `eval.task`, `eval.model` and `status`; a sample has `id`, `epoch`, `input`, `target`, `output` and
`scores`. Scores are C, P, I and N for correct, partial, incorrect and none, or numbers, or several by name. The scores
of a document that was answered several times (epochs) are averaged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

from harness.contract.errors import UsageError
from harness.importing.eval_archive import documents
from harness.importing.logs import (
    Log,
    Sample,
    content_of,
    field_of,
    given_in,
    json_object,
    refuse,
    score_of,
    shown,
    text_of,
)
from harness.importing.roles import Roles

TOOL = "inspect"
_LETTERS: Mapping[str, float] = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}


def is_inspect(raw: Mapping[str, Any]) -> bool:
    """Whether a JSON document is such a log."""
    return isinstance(raw.get("eval"), dict) and "status" in raw


def read_inspect(path: Path, roles: Roles) -> Log:
    """The log. Raises UsageError with the sample and the field."""
    header, samples = _parts(path)
    about = field_of(header, "eval", path.name, dict)
    if header.get("status") != "success":
        raise UsageError(f"{path.name}: status is {shown(header.get('status'))}, not 'success': the run did not end")
    epochs: dict[str, list[tuple[Any, Sample]]] = {}
    for where, raw in samples:
        sample = roles.applied(_sample(raw, where), raw, _score)
        answered = epochs.setdefault(sample.id, [])
        epoch = raw.get("epoch", 1)
        if earlier := next((other for number, other in answered if number == epoch), None):
            raise UsageError(f"{where}: the id {shown(raw.get('id'))} of epoch {epoch} stands in {earlier.where} too")
        answered.append((epoch, sample))
    counts = {len(answered) for answered in epochs.values()}
    if len(counts) > 1:
        raise UsageError(f"{path.name}: documents have {min(counts)} to {max(counts)} epochs; the log is not whole")
    return Log(
        path.name,
        TOOL,
        text_of(about.get("task")),
        text_of(about.get("model")),
        [_averaged([sample for _, sample in answered]) for answered in epochs.values()],
        epochs=max(counts, default=1),
    )


def _parts(path: Path) -> tuple[dict[str, Any], Iterator[tuple[str, dict[str, Any]]]]:
    """The header, and the place and content of each sample."""
    content = content_of(path)
    if content.startswith(b"PK"):
        files = documents(content, path.name)
        if "header.json" not in files:
            raise UsageError(f"{path.name} has no header.json: the run of inspect did not end, or it is no log of it")
        header = json_object(files["header.json"], f"{path.name}, header.json")
        return header, (
            (f"{path.name}, {name}", json_object(files[name], f"{path.name}, {name}"))
            for name in files
            if name.startswith("samples/") and name.endswith(".json")
        )
    log = json_object(content, path.name)
    samples = field_of(log, "samples", path.name, list)
    return log, ((f"{path.name}, sample {number}", raw) for number, raw in enumerate(samples, 1))


def _sample(raw: Mapping[str, Any], where: str) -> Sample:
    scores: dict[str, float | None] = {}
    for name, given in (given_in(raw, "scores", where, dict) or {}).items():
        value = field_of(given, "value", f"{where}, scores.{name}") if isinstance(given, dict) else given
        of_parts = value.items() if isinstance(value, dict) else [("", value)]
        scores |= {f"{name}.{part}".rstrip("."): _score(each, where, f"scores.{name}") for part, each in of_parts}
    return Sample(
        text_of(field_of(raw, "id", where, (int, str))),
        _last_text(raw.get("input")),
        text_of(raw.get("target")),
        _answer(raw.get("output")),
        scores,
        where,
    )


def _score(value: Any, where: str, name: str) -> float | None:
    if isinstance(value, str):
        return _LETTERS[value] if value in _LETTERS else refuse(where, name, value, "a number or one of C, P, I, N")
    return score_of(value, where, name)


def _last_text(messages: Any) -> str:
    """A text, or that of the last message of the user."""
    if not isinstance(messages, list):
        return text_of(messages)
    said = [message for message in messages if isinstance(message, dict) and message.get("role") == "user"]
    return _content(said[-1].get("content")) if said else text_of(messages)


def _content(content: Any) -> str:
    if not isinstance(content, list):
        return text_of(content)
    return "".join(text_of(part.get("text")) for part in content if isinstance(part, dict))


def _answer(output: Any) -> str | None:
    if not isinstance(output, dict):
        return None
    choices = output.get("choices") or []
    if choices and isinstance(choices[0], dict) and isinstance(choices[0].get("message"), dict):
        return _content(choices[0]["message"].get("content"))
    return text_of(output.get("completion")) if "completion" in output else None


def _averaged(samples: Sequence[Sample]) -> Sample:
    """The first of the epochs with the mean of each score over those that have one."""
    names = dict.fromkeys(name for sample in samples for name in sample.scores)
    scores: dict[str, float | None] = {}
    for name in names:
        given = [value for sample in samples if (value := sample.scores.get(name)) is not None]
        scores[name] = fmean(given) if given else None
    return replace(samples[0], scores=scores)
