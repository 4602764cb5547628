"""Reports of garak: `*.report.jsonl`, with an entry for each attempt of a probe and what its detectors said.

A detector gives each output a number from 0 to 1, and 1 is a hit: of all scores less is better. The score of an attempt
is the mean over its outputs. An attempt is named by its probe and its number there.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from harness.contract.errors import UsageError
from harness.importing.logs import Log, Sample, content_of, field_of, given_in, json_objects, score_of, text_of
from harness.importing.roles import Roles

TOOL = "garak"
_COMPLETE = 2
_MODEL_FIELDS = ("plugins.target_name", "plugins.model_name")


def is_garak(raw: Mapping[str, Any]) -> bool:
    """Whether the first line of a file is that of such a log."""
    return "entry_type" in raw


def read_garak(path: Path, roles: Roles) -> Log:
    """The log. Raises UsageError with the line and the field."""
    samples, model = [], ""
    last = ""
    for where, raw in json_objects(content_of(path), path.name):
        last = text_of(field_of(raw, "entry_type", where, str))
        model = model or next((text_of(raw[name]) for name in _MODEL_FIELDS if raw.get(name)), "")
        if last == "attempt" and raw.get("status") == _COMPLETE:
            samples.append(roles.applied(_sample(raw, where), raw))
    if last not in ("completion", "digest"):
        raise UsageError(f"{path.name}: its last entry is {last!r}, not 'completion': the run of garak was cut off")
    names = frozenset(name for sample in samples for name in sample.scores)
    return Log(path.name, TOOL, "garak", model or path.name.partition(".")[0], samples, names)


def _sample(raw: Mapping[str, Any], where: str) -> Sample:
    probe = field_of(raw, "probe_classname", where, str)
    scores: dict[str, float | None] = {}
    for detector, values in field_of(raw, "detector_results", where, dict).items():
        field = f"detector_results.{detector}"
        given = [score_of(value, where, field) for value in (values if isinstance(values, list) else [values])]
        known = [value for value in given if value is not None]
        scores[detector] = fmean(known) if known else None
    outputs = given_in(raw, "outputs", where, list)
    return Sample(
        f"{probe}/{field_of(raw, 'seq', where, int)}",
        _prompt(raw.get("prompt")),
        "",
        _text(outputs[0]) if outputs else None,
        scores,
        where,
        {"probe": probe},
    )


def _prompt(prompt: Any) -> str:
    """The last message of a conversation; older reports have a text."""
    turns = prompt.get("turns") if isinstance(prompt, dict) else None
    last = turns[-1] if isinstance(turns, list) and turns else prompt
    return _text(last.get("content")) if isinstance(last, dict) and "content" in last else _text(last)


def _text(message: Any) -> str:
    return text_of(message.get("text")) if isinstance(message, dict) else text_of(message)
