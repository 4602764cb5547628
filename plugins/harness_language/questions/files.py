"""Questions from files: own ones, and published ones about arithmetic in words."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from harness.api import Examples, Location, MissingData, PinnedFile, Uncounted, default_folder, read_pinned
from harness_language.questions.tables import Rows, column, read_rows

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
    choices: str | None = None,
    goals: str | None = None,
    ids: str | None = None,
    groups: Sequence[str] = (),
    answer_kind: Literal["text", "number", "boolean"] = "text",
) -> Examples:
    """Questions and answers of a JSON Lines, JSON, CSV or TSV file.

    An answer is a text, a number, a truth value, a list of accepted texts, or nothing (null, an empty field) where
    nothing is right. With choices it is the right one of them, as its text or as its position, counted from 0.

    Args:
        path: a .jsonl, .json, .csv or .tsv file.
        prompts: the column of the questions.
        answers: the column of the right answers.
        choices: the column of the texts to choose among, each with the white space that parts it from the prompt; in
            a CSV file a JSON list.
        goals: the column of what an attacker wants answers to begin with.
        ids: the column of names of the questions; by default they are numbered.
        groups: columns by which results may be told apart.
        answer_kind: how answers are read and compared.

    Raises:
        MissingData: the file cannot be read, or lacks a column.
    """
    rows = read_rows(path)
    asked = [_text(value, prompts, number, path) for number, value in _numbered(column(rows, prompts, path))]
    right = column(rows, answers, path)
    offered: list[list[str] | None] = [None] * len(rows)
    columns: dict[str, list[Any]] = {"prompts": asked}
    if choices is not None:
        offered = [_choices(value, choices, number, path) for number, value in _numbered(column(rows, choices, path))]
        columns["choices"] = offered
    columns["answers"] = [
        _answer(value, answers, number, path) if texts is None else _position(value, texts, answers, number, path)
        for number, (value, texts) in _numbered(zip(right, offered, strict=True))
    ]
    if goals is not None:
        columns["goals"] = [value or None for value in column(rows, goals, path)]
    return Examples(
        ids=_ids(rows, ids, path),
        columns=columns,
        groups={name: [str(value) for value in column(rows, name, path)] for name in groups},
        facts={"answer_kind": answer_kind},
    )


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


def svamp(folder: Location | None = None, download: Download = True) -> Examples:
    """SVAMP: 1,000 word problems, varied so that shortcuts fail (Patel et al. 2021, arXiv:2103.07191), MIT licence.

    Args:
        folder: the folder where SVAMP.json lies; by default the user's cache.
        download: fetch the file if it is not there.

    Raises:
        MissingData: the file is missing or not the published one.
    """
    rows = json.loads(read_pinned(_SVAMP, folder or default_folder("svamp"), download=download))
    return Examples(
        ids=[row["ID"] for row in rows],
        columns={
            "prompts": [f"{row['Body'].strip()} {row['Question'].strip()}" for row in rows],
            "answers": [f"{row['Answer']:g}" for row in rows],
        },
        # The published file spells one type in two ways.
        groups={"operation": [row["Type"].lower().replace("divison", "division") for row in rows]},
        facts={"source": "SVAMP", "answer_kind": "number"},
    )


def _numbered(values: Any) -> enumerate[Any]:
    return enumerate(values, start=1)


def _text(value: Any, name: str, number: int, path: Path) -> str:
    if not isinstance(value, str) or not value:
        raise MissingData(f"{name!r} in row {number} of {path} must be text that is not empty, not {value!r:.80}")
    return value


def _answer(value: Any, name: str, number: int, path: Path) -> Any:
    """A text, a list of texts, or None."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return value if isinstance(value, str) else f"{value}"
    if isinstance(value, list) and value and not any(isinstance(item, list | dict | None) for item in value):
        return [_answer(item, name, number, path) for item in value]
    raise MissingData(f"{name!r} in row {number} of {path} must be an answer or a list of them, not {value!r:.80}")


def _choices(value: Any, name: str, number: int, path: Path) -> list[str] | None:
    if isinstance(value, str) and value:
        # What is no JSON is told below, as what it is.
        with contextlib.suppress(json.JSONDecodeError):
            value = json.loads(value)
    if value is None or value == "":
        return None
    if not isinstance(value, list) or len(value) < 2 or not all(isinstance(item, str) and item for item in value):
        raise MissingData(f"{name!r} in row {number} of {path} must be a list of two or more texts, not {value!r:.80}")
    return value


def _position(answer: Any, offered: list[str], name: str, number: int, path: Path) -> int | None:
    """The position of the right choice: a number is a position, a text is one of the choices or else a position."""
    if answer is None or answer == "":
        return None
    if answer in offered:
        return offered.index(answer)
    written = str(answer) if isinstance(answer, int | str) and not isinstance(answer, bool) else ""
    if written.isdecimal() and int(written) < len(offered):
        return int(written)
    raise MissingData(
        f"{name!r} in row {number} of {path} must be one of the choices or its position from 0 to {len(offered) - 1}, "
        f"not {answer!r:.80}"
    )


def _ids(rows: Rows, name: str | None, path: Path) -> list[str]:
    if name is None:
        return [f"row-{number:05d}" for number in range(1, len(rows) + 1)]
    ids = [str(value) for value in column(rows, name, path)]
    twice = next((value for value in ids if ids.count(value) > 1), None) if len(set(ids)) < len(ids) else None
    if twice is not None:
        raise MissingData(f"the name {twice!r} in the column {name!r} of {path} is there more than once")
    return ids
