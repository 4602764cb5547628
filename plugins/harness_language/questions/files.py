"""Questions from files: own ones, and published ones about arithmetic in words."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from harness.api import (
    Examples,
    Later,
    Location,
    PinnedFile,
    Table,
    Uncounted,
    default_folder,
    read_pinned,
    read_table,
)
from harness_language.questions.right_choices import Reading, is_missing, right_choices
from harness_language.questions.svamp_errors import CORRECTED, UNANSWERABLE
from harness_language.questions.table_columns import (
    asked_texts,
    choice_columns,
    columns_named,
    group_texts,
    nested_values,
    numbered_ids,
)
from harness_language.tasks.answer_extraction import AnswerKind, is_of_kind

Values = list[str | int | float | bool] | Literal["text", "number"]
Download = Annotated[bool, Uncounted()]
_GSM8K = (
    "https://raw.githubusercontent.com/openai/grade-school-math/3101c7d5072418e28b9008a6636bde82a006892c/"
    "grade_school_math/data"
)
_GSM8K_SHA256 = {
    "train": "17f347dc51477c50d4efb83959dbb7c56297aba886e5544ee2aaed3024813465",
    "test": "3730d312f6e3440559ace48831e51066acaca737f6eabec99bccb9e4b3c39d14",
}
_GSM8K_MARKER = "####"
_SVAMP = PinnedFile(
    "SVAMP.json",
    "https://raw.githubusercontent.com/arkilpatel/SVAMP/689d7ccac74b9983a2ac7cc3b264f441b99e7c53/SVAMP.json",
    ("5be77703a6d891ae476d7c082787ad361392aa02453b132516cdd5f4e7934e3e",),
)


def questions(
    path: Path,
    prompts: str = "prompt",
    answers: str = "answer",
    choices: str | list[str] | None = None,
    goals: str | None = None,
    ids: str | None = None,
    groups: Sequence[str] = (),
    answer_kind: AnswerKind = "text",
    answers_are: Reading | None = None,
    separator: str | None = None,
    unknown: str | None = None,
    values: dict[str, Values] | None = None,
    encoding: Annotated[str, Later()] = "utf-8",
) -> Examples:
    """Questions and answers of a table: JSON Lines, JSON, CSV, TSV or Parquet.

    An answer is a text, a number, a truth value, a list of accepted texts, or nothing (null, an empty field) where
    nothing is right. With choices it is the right one of them, as its text (white space around it does not matter), as
    its position, counted from 0, or as its letter; one of the three for the whole column.

    Args:
        path: the file; its ending says what it is, and it may be gzipped.
        prompts: the column of the questions, or a text with columns in braces, such as "{passage}\\n{question}".
        answers: the column of the right answers.
        choices: the column of the texts to choose among, each with the white space that parts it from the prompt; in
            a CSV file a JSON list. Or a list of columns, with a choice in each.
        goals: the column of what an attacker wants answers to begin with.
        ids: the column of names of the questions; by default they are numbered.
        groups: columns by which results may be told apart.
        answer_kind: how answers are read and compared.
        answers_are: what answers say of choices, their position, their text or their letter; by default numbers of JSON
            and Parquet are positions, and texts must have one reading.
        separator: what parts the values of a CSV file; by default a comma.
        unknown: the group of rows without a value; by default they are refused.
        values: what group columns hold, such as {country: [NA, DE]}, text or number; by default text without codes for
            missing values such as NA, and with one spelling of each number.
        encoding: of a text file, such as windows-1252; none is guessed.

    Raises:
        MissingData: there is no such file.
        InvalidOutput: the file cannot be read, lacks a column, or holds something else; with the line.
    """
    named = (*columns_named(prompts), answers, *choice_names(choices), goals, ids, *groups)
    used = [name for name in named if name is not None]
    table = read_table(path, separator, columns=used, encoding=encoding)
    return questions_of(table, prompts, answers, choices, goals, ids, groups, answer_kind, answers_are, unknown, values)


def questions_of(
    table: Table,
    prompts: str,
    answers: str | None,
    choices: str | list[str] | None,
    goals: str | None,
    ids: str | None,
    groups: Sequence[str],
    answer_kind: AnswerKind,
    answers_are: Reading | None,
    unknown: str | None,
    values: dict[str, Values] | None,
) -> Examples:
    """The questions of a table, as `questions` reads them; without a column of answers nothing is right."""
    columns: dict[str, list[Any]] = {"prompts": asked_texts(table, prompts)}
    given = [None] * table.n if answers is None else nested_values(table, answers, "answers")
    if answers is None:
        columns["answers"] = given
    elif choices is None:
        columns["answers"] = [_answer(value, answers, table, row) for row, value in enumerate(given)]
        for row, answer in enumerate(columns["answers"]):
            _check_kind(answer, answer_kind, answers, table, row)
    else:
        offered = _offered(table, choices)
        right = right_choices(given, offered, answers_are, table, answers)
        columns["choices"] = offered
        columns["answers"] = [
            _answer(value, answers, table, row) if offered[row] is None else right[row]
            for row, value in enumerate(given)
        ]
    if goals is not None:
        columns["goals"] = [text or None for text in table.texts(goals, "goals")]
    return Examples(
        ids=numbered_ids(table) if ids is None else table.names(ids, "id"),
        columns=columns,
        groups=group_texts(table, groups, unknown, values),
        facts={"answer_kind": answer_kind},
    )


def choice_names(choices: str | list[str] | None) -> list[str]:
    """The columns of choices: one of lists, or one for each choice."""
    return [choices] if isinstance(choices, str) else list(choices or [])


def _offered(table: Table, choices: str | list[str]) -> list[list[str] | None]:
    if isinstance(choices, list):
        return choice_columns(table, choices)
    listed = nested_values(table, choices, "choices")
    return [_choices(each, choices, table, row) for row, each in enumerate(listed)]


def gsm8k(
    split: Literal["train", "test"] = "test", folder: Location | None = None, download: Download = True
) -> Examples:
    """GSM8K: grade-school mathematics in words (Cobbe et al. 2021, arXiv:2110.14168), MIT licence.

    The expected answer is the number alone. Models that were not tuned on questions need a template with examples.

    Args:
        split: 7,473 questions to learn from or 1,319 to judge by.
        folder: the folder where train.jsonl and test.jsonl lie; by default the user's cache.
        download: fetch the file if it is not there.

    Raises:
        MissingData: the file is missing or not the published one.
    """
    file = PinnedFile(f"{split}.jsonl", f"{_GSM8K}/{split}.jsonl", (_GSM8K_SHA256[split],))
    lines = read_pinned(file, folder or default_folder("gsm8k"), download=download).decode().split("\n")
    rows = [json.loads(line) for line in lines if line]
    solved = [row["answer"].rpartition(_GSM8K_MARKER)[2].strip().replace(",", "") for row in rows]
    return Examples(
        ids=[f"{split}-{number:04d}" for number in range(len(rows))],
        columns={"prompts": [row["question"] for row in rows], "answers": solved},
        facts={"source": "GSM8K", "answer_kind": "number"},
    )


def svamp(
    folder: Location | None = None,
    download: Download = True,
    errors: Literal["corrected", "left_out", "as_published"] = "corrected",
) -> Examples:
    """SVAMP: 1,000 word problems, varied so that shortcuts fail (Patel et al. 2021, arXiv:2103.07191), MIT licence.

    Of some problems the published answer is wrong or there is none; `svamp_errors` beside this file lists them.

    Args:
        folder: the folder where SVAMP.json lies; by default the user's cache.
        errors: what becomes of listed problems: "corrected": they have the right answer, or none, so that they do not
            count; "left_out": they are not asked; "as_published": they are scored as in the file.
        download: fetch the file if it is not there.

    Raises:
        MissingData: the file is missing or not the published one.
    """
    rows = json.loads(read_pinned(_SVAMP, folder or default_folder("svamp"), download=download))
    if errors == "left_out":
        rows = [row for row in rows if row["ID"] not in CORRECTED and row["ID"] not in UNANSWERABLE]
    answers: list[str | None] = [_plain_decimal(row["Answer"]) for row in rows]
    if errors == "corrected":
        pairs = zip(rows, answers, strict=True)
        answers = [None if row["ID"] in UNANSWERABLE else CORRECTED.get(row["ID"], answer) for row, answer in pairs]
    return Examples(
        ids=[row["ID"] for row in rows],
        columns={
            "prompts": [f"{row['Body'].strip()} {row['Question'].strip()}" for row in rows],
            "answers": answers,
        },
        # The published file spells one type in two ways.
        groups={"operation": [row["Type"].lower().replace("divison", "division") for row in rows]},
        facts={"source": "SVAMP", "answer_kind": "number"},
    )


def _plain_decimal(number: float) -> str:
    """All digits of a number, without a decimal point where it is whole."""
    return str(int(number)) if float(number).is_integer() else repr(float(number))


def _answer(value: Any, name: str, table: Table, row: int) -> Any:
    """A text, a list of texts, or None."""
    if is_missing(value):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float | Decimal):
        return value if isinstance(value, str) else f"{value:f}" if isinstance(value, Decimal) else f"{value}"
    if isinstance(value, list) and value and not any(isinstance(item, list | dict | None) for item in value):
        return [_answer(item, name, table, row) for item in value]
    table.refuse(row, f"{name!r} must be an answer or a list of them, not {value!r:.80}")


def _check_kind(answer: Any, kind: str, name: str, table: Table, row: int) -> None:
    """Refuse an answer that no number or truth value can equal, where answers are compared as such."""
    accepted = [] if answer is None else [answer] if isinstance(answer, str) else answer
    if accepted and not any(is_of_kind(text, kind) for text in accepted):
        what = {"number": "number; write one with a decimal point", "boolean": "yes, no, true or false"}.get(kind, kind)
        table.refuse(row, f"{name!r} is {answer!r:.80}, as `answer_kind: {kind}` no {what}")


def _choices(value: Any, name: str, table: Table, row: int) -> list[str] | None:
    if isinstance(value, str) and value:
        # What is no JSON is told below, as what it is.
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(value)
    if value is None or value == "":
        return None
    if not isinstance(value, list) or len(value) < 2 or not all(isinstance(item, str) and item for item in value):
        quotes = "; write it as JSON, with double quotes" if isinstance(value, str) else ""
        table.refuse(row, f"{name!r} must be a list of two or more texts, not {value!r:.80}{quotes}")
    return value
