"""A dataset of prompts from a file, without reference images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge

from harness.api import (
    Examples,
    GroupValues,
    InvalidOutput,
    Later,
    MissingData,
    Table,
    read_groups,
    read_table,
    unpacked_content,
)
from harness_generative.judges.objects import Expected

_COLUMNS = ("prompt", "prompts", "caption", "text")
_LINES = ".txt"


def prompts(
    path: Path,
    column: str | None = None,
    images: Annotated[int, Ge(1)] = 1,
    groups: list[str] | None = None,
    unknown: str | None = None,
    values: Annotated[dict[str, GroupValues] | None, Later()] = None,
) -> Examples:
    """Your own prompts: a text file with one in each line, or a column of a table.

    In a suite:

        suite: prompted
        task: {use: generate, with: {text_judge: {use: clip_judge, with: {folder: clip}}}}
        data: {use: prompts, with: {path: prompts.txt, images: 4}}
        models: [{use: pipeline, with: {folder: stable-diffusion}}]
        samplers: [one_shot]
        metrics: [clip_score]

    There is no reference, so metrics that compare with one do not apply. Images that were made elsewhere for these
    prompts are measured by `from_samples`, in their order. A table whose rows have `include`, and perhaps `exclude`, as
    GenEval's evaluation_metadata.jsonl has (Ghosh et al. 2023, arXiv:2310.11513), says which objects each image must
    show, how many, of which colour and where; the task's `answerer` is asked for them.

    Args:
        path: a .txt file, of which empty lines are left out, or a table (.csv, .jsonl, .parquet and others).
        column: the column of prompts; by default prompt, prompts, caption or text.
        images: how many images are made for each prompt; intervals are then over prompts.
        groups: columns that group the prompts, such as `tag`.
        unknown: the group of prompts without a value; by default they are refused.
        values: what group columns hold, such as {country: [NA, DE]}, text or number; by default text without codes for
            missing values such as NA, and with one spelling of each number.

    Raises:
        MissingData: there is no such file.
        InvalidOutput: it holds no prompts, or cannot be read.
    """
    if path.suffix.lower() == _LINES:
        if groups or column:
            raise InvalidOutput(f"{path.name} is text without columns; `column` and `groups` are for tables")
        texts, of_groups, expected = _lines(path), dict[str, list[str]](), list[str]()
    else:
        table = read_table(path)
        texts = _prompts(table, column)
        coded = {name: read_groups(table, name, unknown, (values or {}).get(name)) for name in groups or ()}
        of_groups = {name: [group.levels[code] for code in group.codes] for name, group in coded.items()}
        expected = _expected(table)
    rows = [row for row in range(len(texts)) for _ in range(images)]
    number: dict[str, str] = {}
    for row, text in enumerate(texts):
        number.setdefault(text, f"prompt-{row:05d}")
    ids = [f"prompt-{row:05d}" for row in rows]
    if images > 1:
        ids = [f"{name}-image-{place % images}" for place, name in enumerate(ids)]
    columns: dict[str, Any] = {"prompts": [texts[row] for row in rows]}
    if expected:
        columns["expected"] = [expected[row] for row in rows]
    told = {"prompt": [number[texts[row]] for row in rows]}
    told |= {name: [values[row] for row in rows] for name, values in of_groups.items()}
    repeated = len(number) < len(rows)
    return Examples(ids, columns, told, {"box": [0.0, 1.0], **({"clusters": "prompt"} if repeated else {})})


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise MissingData(f"{path} is not there; it should be a file of prompts, one in each line")
    try:
        lines = unpacked_content(path).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InvalidOutput(f"{path.name}, line {line}: not UTF-8 text; save it as UTF-8") from None
    texts = [line.strip() for line in lines if line.strip()]
    if not texts:
        raise InvalidOutput(f"{path.name} holds no prompts; write one in each line")
    return texts


def _prompts(table: Table, column: str | None) -> list[str]:
    name = column or next((name for name in _COLUMNS if name in table.header), _COLUMNS[0])
    texts = table.texts(name, "prompts", "missing")
    if None in texts:
        table.refuse(texts.index(None), f"the prompt is missing (column {name!r})")
    return [str(text).strip() for text in texts]


def _expected(table: Table) -> list[str]:
    """The expected objects of each prompt as JSON; none if the table has no column `include`."""
    if "include" not in table.header:
        return []
    lists = [
        table.values(name, "objects") if name in table.header else [None] * table.n for name in ("include", "exclude")
    ]
    rows = []
    for row, (include, exclude) in enumerate(zip(*lists, strict=True)):
        written = {"include": include or [], "exclude": exclude or []}
        try:
            Expected.of(written)
        except InvalidOutput as error:
            table.refuse(row, str(error))
        rows.append(json.dumps(written, sort_keys=True))
    return rows
