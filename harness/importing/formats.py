"""Which tool wrote a log, by what stands in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.contract.errors import UsageError
from harness.files import parse_json
from harness.importing import auto_attack, every_eval_ever, garak, inspect_ai, lm_eval, tables
from harness.importing.logs import Log, content_of, json_object, json_objects
from harness.importing.roles import Roles
from harness.isolation import one_line

_LINES: Sequence[tuple[Callable[[Mapping[str, Any]], bool], str]] = (
    (lm_eval.is_lm_eval, lm_eval.TOOL),
    (garak.is_garak, garak.TOOL),
    (every_eval_ever.is_every_eval_ever, every_eval_ever.TOOL),
)
_DOCUMENTS: Sequence[tuple[Callable[[Mapping[str, Any]], bool], str]] = (
    (inspect_ai.is_inspect, inspect_ai.TOOL),
    (auto_attack.is_auto_attack, auto_attack.TOOL),
)
_READERS: Mapping[str, Callable[[Path, Roles], Log]] = {
    lm_eval.TOOL: lm_eval.read_lm_eval,
    inspect_ai.TOOL: inspect_ai.read_inspect,
    every_eval_ever.TOOL: every_eval_ever.read_every_eval_ever,
    garak.TOOL: garak.read_garak,
    auto_attack.TOOL: auto_attack.read_auto_attack,
    tables.TOOL: tables.read_scores_table,
}


def read_log(path: Path, mapped: Sequence[str] = ()) -> Log:
    """The log in a file, with what the user says of its fields (`--map`).

    Raises:
        UsageError: there is no such file, no tool is known to write it, or something in it is wrong: the message has
            the line and the field.
    """
    if not path.is_file():
        raise UsageError(f"there is no log {str(path)!r}")
    tool = _tool(path)
    try:
        return _READERS[tool](path, Roles.of(mapped, tool)).checked()
    except (AttributeError, TypeError, LookupError, ValueError, ArithmeticError, RecursionError) as error:
        raise UsageError(f"{path.name} is no log of {tool} that can be read: {one_line(str(error))}") from None


def _tool(path: Path) -> str:
    content = content_of(path)
    if path.suffix == ".eval" or content.startswith(b"PK"):
        return inspect_ai.TOOL
    if content.lstrip()[:1] != b"{":
        return tables.TOOL
    if path.suffix == ".json":
        json_object(content, path.name)
    if path.suffix == ".jsonl":
        next(json_objects(content, path.name))
    for text, known in ((content.lstrip().split(b"\n", 1)[0], _LINES), (content, _DOCUMENTS)):
        raw = _object(text)
        if tool := next((tool for is_of, tool in known if raw is not None and is_of(raw)), ""):
            return tool
    return tables.TOOL


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        raw = parse_json(content)
    except (ValueError, RecursionError):
        return None
    return raw if isinstance(raw, dict) else None
