"""A dataset made of any table whose columns have roles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from harness.api import Examples, Later, Split, read_table
from harness_fairness.data.column_roles import Roles, examples_of

Values = list[str | int | float | bool] | Literal["text", "number"]
Kept = str | dict[str, str]


def csv_table(
    path: Path,
    id: str | None = None,
    label: str | None = None,
    positive: str | int | bool | None = None,
    negative: str | int | bool | None = None,
    classes: list[str | int | bool] | None = None,
    target: str | None = None,
    score: str | None = None,
    prediction: str | None = None,
    groups: list[str] | None = None,
    values: dict[str, Values] | None = None,
    features: list[str] | None = None,
    scaled: bool = True,
    levels: dict[str, list[str | int | float | bool] | int] | None = None,
    keep: dict[str, Kept] | None = None,
    unknown: str | None = None,
    separator: str | None = None,
    decimal: Literal[".", ","] = ".",
    header: list[str] | None = None,
    encoding: Annotated[str, Later()] = "utf-8",
    split: Split = "all",
) -> Examples:
    """Any table (.csv, .tsv, .txt, .parquet, .jsonl, .json) with a role for each column: to audit or to learn from.

    For the task `from_scores` give a label with a score or a prediction, one of the two alone where selection rates are
    audited, or what the metric reads in `keep`; for `classify` a label and features; for `regress` a target and
    features. A column has one type: what does not fit it is refused with its line.

    Args:
        path: the file; the first line of a text names the columns, unless `header:` does.
        id: the column that names the rows; without it they are numbered.
        label: the column with the true class.
        positive: the value of the label that means 1; of the prediction where there is no label. 1 and true, in any
            case, are one value, whichever of them the column holds.
        negative: the value that means 0; by default the only other one.
        classes: the values of the label in order, where there are more than two.
        target: the column with the number to predict.
        score: the column with what a system gave the row.
        prediction: the column with the class a system gave the row.
        groups: columns that group the rows.
        values: what group columns hold, such as {race: [Black, White, NA], sex: number, ward: text}; by default text
            without codes for missing values such as NA, and with one spelling of each number.
        features: columns that a model is given; numbers and truth values are standardised over the training rows,
            others one-hot.
        scaled: false leaves numbers as they are, for a model that scales them itself.
        levels: of features that are categories, their levels or how many there may be, such as {class: [1, 2, 3]}; by
            default columns of text, up to 1,000 levels and half the rows.
        keep: further record columns, each with the column it comes from, such as {speaker: who}. They are texts, but
            for `errors`, `words`, `correct_words`, `genuine` and `confidence`, which are numbers; for others say
            {length: {column: Total, type: number}}.
        unknown: the group of rows without a value; by default they are refused.
        separator: between the values of a text, one character or `whitespace` for runs of spaces; by default a comma
            for .csv, a tab else.
        decimal: the decimal sign of numbers in a text.
        header: the names of the columns of a text that has no line of names.
        encoding: of a text file, such as windows-1252; none is guessed.
        split: by the hash of the id: 20 % test, 20 % validation, 60 % training.
    """
    roles = Roles(
        id=id,
        label=label,
        positive=None if positive is None else str(positive),
        negative=None if negative is None else str(negative),
        classes=None if classes is None else list(map(str, classes)),
        target=target,
        score=score,
        prediction=prediction,
        groups=groups or (),
        values=values or {},
        features=features or (),
        scaled=scaled,
        levels=levels or {},
        keep=keep or {},
        unknown=unknown,
    )
    return examples_of(read_table(path, separator, roles.columns, decimal, header, encoding), roles, split)
