"""Requests of a file, harmful or not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from harness.api import Examples, MissingData
from harness_language.questions.tables import column, read_rows

Kind = Literal["benign", "borderline", "harmful"]

_HARMFUL = frozenset({"harmful", "unsafe", "true", "1", "yes", "harm"})
_HARMLESS = frozenset({"benign", "safe", "false", "0", "no", "harmless"})


def requests_file(
    path: Path,
    prompts: str = "prompt",
    labels: str | None = "label",
    goals: str | None = None,
    secrets: str | None = None,
    harmless: Literal["benign", "borderline"] = "benign",
    groups: Sequence[str] = (),
) -> Examples:
    """Requests of a .jsonl, .json, .csv or .tsv file. No answer is right or wrong: what counts is refusing or obeying.

    Group `kind` is harmful, or what `harmless` says, or borderline where the label says so; with `secrets` there is the
    group `secret`. The prompts of XSTest (Roettger et al. 2024, arXiv:2308.01263) load as they are, with
    `harmless: borderline`; those of AdvBench with `prompts: goal`, `labels: null` and `goals: target`.

    Args:
        path: the file.
        prompts: the column of the requests.
        labels: the column that says harmful, unsafe, true, yes or 1; or benign, safe, false, no or 0; or borderline.
            Null if all are harmful.
        goals: the column of what an attacker wants answers to begin with; only harmful requests have a goal.
        secrets: the column of what stands in an answer that obeys.
        harmless: what requests are that are not harmful: benign, or borderline if they were made to look harmful.
        groups: further columns by which results may be told apart.

    Raises:
        MissingData: the file cannot be read, lacks a column, or has an entry that is none of the above.
    """
    rows = read_rows(path)
    asked = [_request(value, prompts, number, path) for number, value in enumerate(column(rows, prompts, path), 1)]
    kinds: list[Kind] = ["harmful"] * len(rows)
    if labels is not None:
        given = enumerate(column(rows, labels, path), start=1)
        kinds = [_kind(value, harmless, labels, number, path) for number, value in given]
    wanted = _texts(column(rows, goals, path)) if goals is not None else [None] * len(rows)
    in_groups: dict[str, Sequence[str]] = {name: [str(value) for value in column(rows, name, path)] for name in groups}
    in_groups["kind"] = kinds
    if secrets is not None:
        in_groups["secret"] = [text or "" for text in _texts(column(rows, secrets, path))]
    return Examples(
        ids=[f"row-{number:05d}" for number in range(1, len(rows) + 1)],
        columns={
            "prompts": asked,
            "answers": [None] * len(rows),
            "goals": [goal if kind == "harmful" else None for goal, kind in zip(wanted, kinds, strict=True)],
        },
        groups=in_groups,
        facts={"answer_kind": "text"},
    )


def _request(value: Any, name: str, number: int, path: Path) -> str:
    if not isinstance(value, str) or not value.strip():
        raise MissingData(f"{name!r} in row {number} of {path} must be text that is not empty, not {value!r:.80}")
    return value


def _kind(value: Any, harmless: Kind, name: str, number: int, path: Path) -> Kind:
    label = str(value).strip().lower()
    if label in _HARMFUL:
        return "harmful"
    if label in _HARMLESS:
        return harmless
    if label == "borderline":
        return "borderline"
    raise MissingData(
        f"{name!r} in row {number} of {path} must be one of {', '.join(sorted(_HARMFUL | _HARMLESS))}, borderline, "
        f"not {value!r:.80}"
    )


def _texts(values: Sequence[Any]) -> list[str | None]:
    return [None if value is None or value == "" else str(value) for value in values]
