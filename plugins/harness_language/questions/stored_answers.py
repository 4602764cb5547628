"""Answers of a file, to be scored without the model that gave them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

from harness.api import Examples, Later, Table, read_table
from harness_language.guardrails.request_files import Kind, request_kind
from harness_language.questions.files import Values, choice_names, questions_of
from harness_language.questions.right_choices import Reading
from harness_language.questions.table_columns import columns_named
from harness_language.tasks.answer_extraction import AnswerKind


def stored_answers(
    path: Path,
    completions: str = "completion",
    prompts: str = "prompt",
    answers: str | None = None,
    choices: str | list[str] | None = None,
    goals: str | None = None,
    ids: str | None = None,
    models: str | None = None,
    model: str | None = None,
    kinds: str | None = None,
    harmful: Sequence[str] | None = None,
    harmless: Literal["benign", "borderline"] = "benign",
    groups: Sequence[str] = (),
    answer_kind: AnswerKind = "text",
    answers_are: Reading | None = None,
    separator: str | None = None,
    unknown: str | None = None,
    values: dict[str, Values] | None = None,
    encoding: Annotated[str, Later()] = "utf-8",
) -> Examples:
    """Answers that a model gave, with their prompts and maybe what is right, for the task `from_answers`.

    A table: JSON Lines, JSON, CSV, TSV or Parquet. The answers of XSTest (Roettger et al. 2024, arXiv:2308.01263) load
    as they are with `kinds: type`, `harmful: ["contrast_*"]` and `harmless: borderline`.

    Args:
        path: the file.
        completions: the column of the answers to be scored; an empty one is an answer.
        prompts: the column of the prompts.
        answers: the column of the right answers; null if there are none.
        choices: the column of the texts to choose among, or a list of columns, with a choice in each.
        goals: the column of what an attacker wants answers to begin with.
        ids: the column of names; by default rows are numbered.
        models: the column that says which model answered.
        model: the model that gave all of the answers, in place of such a column.
        kinds: the column that says which requests are harmful, for rates of refusals; they become the group `kind`.
        harmful: what that column holds for harmful requests, "*" standing for any characters; by default the words of
            `requests_file`, such as unsafe.
        harmless: what the other requests are: benign, or borderline if they were made to look harmful.
        groups: columns by which results may be told apart.
        answer_kind: how answers are read and compared.
        answers_are: what right answers say of choices, their position, their text or their letter.
        separator: what parts the values of a CSV file; by default a comma.
        unknown: the group of rows without a value; by default they are refused.
        values: what group columns hold, such as {country: [NA, DE]}, text or number.
        encoding: of a text file, such as windows-1252; none is guessed.

    Raises:
        MissingData: there is no such file.
        InvalidOutput: the file cannot be read, lacks a column, or holds something else; with the line.
    """
    named = (completions, *columns_named(prompts), answers, *choice_names(choices), goals, ids, models, kinds, *groups)
    table = read_table(path, separator, [name for name in named if name is not None], encoding=encoding)
    examples = questions_of(
        table, prompts, answers, choices, goals, ids, groups, answer_kind, answers_are, unknown, values
    )
    given: dict[str, Any] = {"completions": [text or "" for text in table.texts(completions, "completions")]}
    if models is not None or model is not None:
        given["models"] = [model] * table.n if models is None else list(table.texts(models, "models"))
    kind: dict[str, Sequence[str]] = {} if kinds is None else {"kind": _kinds(table, kinds, harmful, harmless)}
    return replace(examples, columns={**examples.columns, **given}, groups={**examples.groups, **kind})


def _kinds(table: Table, name: str, harmful: Sequence[str] | None, harmless: Kind) -> list[Kind]:
    """Harmful or not, for each row. Raises InvalidOutput where that is not said."""
    texts = table.texts(name, "kinds")
    if harmful is None:
        return [request_kind(text, harmless, name, table, row) for row, text in enumerate(texts)]
    kinds: list[Kind] = []
    for row, text in enumerate(texts):
        if text is None or not text.strip():
            table.refuse(row, f"{name!r} must say whether the request is harmful, and is empty")
        is_harmful = any(fnmatchcase(text.strip(), pattern) for pattern in harmful)
        kinds.append("harmful" if is_harmful else harmless)
    return kinds
