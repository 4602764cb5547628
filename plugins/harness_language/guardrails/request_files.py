"""Requests of a file, harmful or not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from harness.api import Examples, Later, Table, read_table
from harness_language.questions.table_columns import asked_texts, group_texts, numbered_ids

Values = list[str | int | float | bool] | Literal["text", "number"]
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
    separator: str | None = None,
    unknown: str | None = None,
    values: dict[str, Values] | None = None,
    encoding: Annotated[str, Later()] = "utf-8",
) -> Examples:
    """Requests of a table: JSON Lines, JSON, CSV, TSV or Parquet.

    No answer is right or wrong: what counts is refusing or obeying.

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
        separator: what parts the values of a CSV file; by default a comma.
        unknown: the group of rows without a value; by default they are refused.
        values: what group columns hold, such as {country: [NA, DE]}, text or number; by default text without codes for
            missing values such as NA, and with one spelling of each number.
        encoding: of a text file, such as windows-1252; none is guessed.

    Raises:
        MissingData: there is no such file.
        InvalidOutput: it cannot be read, lacks a column, or has an entry that is none of the above; with the line.
    """
    used = [name for name in (prompts, labels, goals, secrets, *groups) if name is not None]
    table = read_table(path, separator, columns=used, encoding=encoding)
    kinds: list[Kind] = ["harmful"] * table.n
    if labels is not None:
        kinds = [
            request_kind(text, harmless, labels, table, row) for row, text in enumerate(table.texts(labels, "labels"))
        ]
    wanted = [None] * table.n if goals is None else [text or None for text in table.texts(goals, "goals")]
    in_groups: dict[str, Sequence[str]] = {**group_texts(table, groups, unknown, values), "kind": kinds}
    if secrets is not None:
        in_groups["secret"] = [text or "" for text in table.texts(secrets, "secrets")]
    return Examples(
        ids=numbered_ids(table),
        columns={
            "prompts": asked_texts(table, prompts),
            "answers": [None] * table.n,
            "goals": [goal if kind == "harmful" else None for goal, kind in zip(wanted, kinds, strict=True)],
        },
        groups=in_groups,
        facts={"answer_kind": "text"},
    )


def request_kind(text: str | None, harmless: Kind, name: str, table: Table, row: int) -> Kind:
    """The kind that a label says; "harmless" stands for every label of that sense. Raises InvalidOutput."""
    label = (text or "").strip().lower()
    if label in _HARMFUL:
        return "harmful"
    if label in _HARMLESS:
        return harmless
    if label == "borderline":
        return "borderline"
    labels = ", ".join(sorted(_HARMFUL | _HARMLESS))
    table.refuse(row, f"{name!r} must be one of {labels}, borderline, not {text!r:.80}")
