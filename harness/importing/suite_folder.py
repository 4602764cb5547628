"""The folder that logs become: documents, outputs of each model, and a suite over them that a user can go on with."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from harness.contract.errors import UsageError
from harness.contract.rows import is_column_of_rows
from harness.files import write_whole
from harness.importing.joined import Joined
from harness.importing.logs import Sample

SUITE, DOCUMENTS = "suite.yaml", "documents.jsonl"


def write_suite(joined: Joined, folder: Path, name: str = "") -> Path:
    """Write the folder; return the path of the suite.

    Args:
        joined: the logs.
        folder: where; it is made.
        name: of the suite; by default that of the task.

    Raises:
        UsageError: the folder cannot be written.
    """
    outputs = {log.model: f"{number}-{slug(log.model)}.jsonl" for number, log in enumerate(joined.logs, 1)}
    files: dict[str, str] = {DOCUMENTS: _lines([_document(sample) for sample in joined.documents])}
    for log in joined.logs:
        about = {"model": log.model, "tool": log.tool, "log": log.name, "epochs": log.epochs}
        samples = [{"id": s.id, "answer": s.answer, "scores": s.scores} for s in log.samples]
        files[outputs[log.model]] = _lines([about, *samples])
    files[SUITE] = yaml.safe_dump(_suite(joined, outputs, name), sort_keys=False, allow_unicode=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            write_whole(folder / file, text.encode())
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}") from None
    return folder / SUITE


def task_name(joined: Joined) -> str:
    """The task of the logs as the name of a suite."""
    return slug(next((log.task for log in joined.logs if log.task), "") or "imported")


def slug(text: str) -> str:
    """A text as the name of a file or a suite: letters, digits, dots and dashes."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")[:60].lower() or "none"


def _suite(joined: Joined, outputs: Mapping[str, str], name: str) -> dict[str, Any]:
    groups = list(joined.documents[0].groups)
    less = joined.less_is_better
    tools = ", ".join(dict.fromkeys(log.tool for log in joined.logs))
    return {
        "suite": name or task_name(joined),
        "about": f"Imported from logs of {tools}: {', '.join(log.name for log in joined.logs)}.",
        "task": "from_log",
        "data": {"use": "logged_documents", "as": task_name(joined), "with": {"path": DOCUMENTS}},
        "models": [{"use": "logged_outputs", "as": m, "with": {"path": path}} for m, path in outputs.items()],
        "metrics": [
            {
                "use": "logged_loss" if score in less else "logged_score",
                "as": _label(score),
                "with": {"name": score},
            }
            for score in joined.scores
        ],
        **({"groups": groups} if groups else {}),
    }


def _label(score: str) -> str:
    """The name of a score as the label of a metric, which is no name of another column of tables."""
    label = re.sub(r"[^\w.-]+", "_", score)
    return f"score_{label}" if is_column_of_rows(label, ()) else label


def _document(sample: Sample) -> dict[str, Any]:
    return {"id": sample.id, "prompt": sample.prompt, "reference": sample.reference, "groups": dict(sample.groups)}


def _lines(objects: Sequence[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(each, ensure_ascii=True) + "\n" for each in objects)
