"""`samples_<task>_<date>.jsonl` of lm-evaluation-harness (`--log_samples`).

Each line is a document under one filter: `doc_id`, `doc`, `target`, `arguments`, `resps`, `filtered_resps`, `filter`,
`metrics`, and a field for each metric. The model, and which metrics are losses, stand in `results_<date>.json` beside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.contract.errors import UsageError
from harness.importing.logs import (
    Log,
    Sample,
    content_of,
    field_of,
    json_object,
    json_objects,
    score_of,
    shown,
    text_of,
)
from harness.importing.roles import Roles

TOOL = "lm-eval"
_NAME = re.compile(r"samples_(?P<task>.+?)(_(?P<date>\d{4}-\d\d-\d\dT[\d.:-]+))?\.jsonl")
_NOT_NAMES = frozenset(("doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"))


def is_lm_eval(raw: Mapping[str, Any]) -> bool:
    """Whether the first line of a file is that of such a log."""
    return "doc_id" in raw and "target" in raw and ("resps" in raw or "filtered_resps" in raw)


def read_lm_eval(path: Path, roles: Roles) -> Log:
    """The log. Raises UsageError with the line and the field."""
    lines = list(json_objects(content_of(path), path.name))
    filters = dict.fromkeys(text_of(raw.get("filter", "none")) for _, raw in lines)
    samples: dict[str, Sample] = {}
    seen: dict[tuple[str, str], str] = {}
    skipped: dict[str, None] = {}
    for where, raw in lines:
        sample = _sample(raw, where, len(filters) > 1, skipped)
        sample = roles.applied(sample, raw)
        key = (sample.id, text_of(raw.get("filter", "none")))
        if key in seen:
            raise UsageError(
                f"{where}: doc_id {shown(raw['doc_id'])} stands there and in {seen[key]}, under one filter"
            )
        seen[key] = where
        first = samples.get(sample.id)
        samples[sample.id] = sample if first is None else replace(first, scores={**first.scores, **sample.scores})
    match = _NAME.fullmatch(path.name)
    about = _results(path, (match and match["date"]) or "")
    task = match["task"] if match else ""
    better = about.get("higher_is_better", {}).get(task, {}) if isinstance(about.get("higher_is_better"), dict) else {}
    names = {name for sample in samples.values() for name in sample.scores}
    return Log(
        path.name,
        TOOL,
        task,
        text_of(about.get("model_name")) or path.resolve().parent.name,
        list(samples.values()),
        frozenset(name for name in names if better.get(name.partition(",")[0]) is False),
        notes=tuple(f"{path.name}: {name} is no mean over documents, and is left out" for name in skipped),
    )


def _sample(raw: Mapping[str, Any], where: str, has_filters: bool, skipped: dict[str, None]) -> Sample:
    under = f",{text_of(raw.get('filter'))}" if has_filters else ""
    scores = {}
    for name in _metrics(raw, where):
        value = field_of(raw, name, where)
        if isinstance(value, list):
            skipped[name] = None
        else:
            scores[f"{name}{under}"] = score_of(value, where, name)
    answers = raw.get("filtered_resps", raw.get("resps"))
    one = answers[0] if isinstance(answers, list) and len(answers) == 1 else answers
    doc_id = text_of(field_of(raw, "doc_id", where, (int, str)))
    return Sample(doc_id, _prompt(raw), text_of(raw.get("target")), text_of(one), scores, where)


def _metrics(raw: Mapping[str, Any], where: str) -> list[str]:
    """The names of the metrics; older logs do not list them, and then they are the fields with numbers."""
    if "metrics" in raw:
        return [text_of(name) for name in field_of(raw, "metrics", where, list)]
    return [name for name, value in raw.items() if name not in _NOT_NAMES and isinstance(value, int | float)]


def _prompt(raw: Mapping[str, Any]) -> str:
    """The text that the first request of the document begins with."""
    arguments = raw.get("arguments")
    listed = list(arguments.values()) if isinstance(arguments, dict) else arguments
    first = (listed[0] if listed else None) if isinstance(listed, list) else listed
    if isinstance(first, dict):
        return text_of(first.get("arg_0"))
    return text_of(first[0] if isinstance(first, list) and first else first)


def _results(path: Path, date: str) -> dict[str, Any]:
    """The results of the run beside the log, if they are there."""
    beside = path.with_name(f"results_{date}.json")
    return json_object(content_of(beside), beside.name) if date and beside.is_file() else {}
