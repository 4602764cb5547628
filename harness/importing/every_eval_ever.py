"""Instance-level results of Every Eval Ever (schema 0.3.0): JSON Lines with an `evaluation.score` for each sample."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.contract.errors import UsageError
from harness.importing.logs import Log, Sample, content_of, field_of, json_objects, score_of, shown, text_of
from harness.importing.roles import Roles

TOOL = "every-eval-ever"
_ONE = ("evaluation_name", "model_id")


def is_every_eval_ever(raw: Mapping[str, Any]) -> bool:
    """Whether the first line of a file is that of such a log."""
    return {"evaluation_id", "sample_id", "evaluation"} <= raw.keys()


def read_every_eval_ever(path: Path, roles: Roles) -> Log:
    """The log. Raises UsageError with the line and the field."""
    lines = list(json_objects(content_of(path), path.name))
    first: dict[str, str] = {}
    for where, raw in lines:
        for name in _ONE:
            value = text_of(field_of(raw, name, where, str))
            if first.setdefault(name, value) != value:
                raise UsageError(f"{where}: {name} is {shown(value)}, above {shown(first[name])}; give a file for each")
    samples = [roles.applied(_sample(raw, where), raw) for where, raw in lines]
    return Log(path.name, TOOL, first["evaluation_name"], first["model_id"], samples)


def _sample(raw: Mapping[str, Any], where: str) -> Sample:
    references = field_of(raw, "input.reference", where, list)
    score = score_of(field_of(raw, "evaluation.score", where), where, "evaluation.score")
    return Sample(
        field_of(raw, "sample_id", where, str),
        field_of(raw, "input.raw", where, str),
        text_of(references[0] if len(references) == 1 else references),
        _answer(raw),
        {"score": score},
        where,
    )


def _answer(raw: Mapping[str, Any]) -> str | None:
    output = raw.get("output")
    if isinstance(output, dict) and isinstance(output.get("raw"), list) and output["raw"]:
        return text_of(output["raw"][0])
    messages = raw.get("messages")
    said = [m for m in messages or [] if isinstance(m, dict) and m.get("role") == "assistant"]
    return text_of(said[-1].get("content")) if said else None
