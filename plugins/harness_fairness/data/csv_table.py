"""A dataset made of any table whose columns have roles."""

from __future__ import annotations

from pathlib import Path

from harness.api import Examples
from harness_fairness.data.column_roles import Roles, Split, examples_of
from harness_fairness.data.table_files import read_table


def csv_table(
    path: Path,
    id: str | None = None,
    label: str | None = None,
    positive: str | int | None = None,
    negative: str | int | None = None,
    classes: list[str] | None = None,
    target: str | None = None,
    score: str | None = None,
    prediction: str | None = None,
    groups: list[str] | None = None,
    features: list[str] | None = None,
    keep: dict[str, str] | None = None,
    unknown: str | None = None,
    separator: str | None = None,
    split: Split = "all",
) -> Examples:
    """Any table (.csv, .tsv, .txt, .parquet) with a role for each column: scores to audit, or features to learn from.

    For the task `from_scores` give a label with a score or a prediction, or what the metric reads in `keep`; for
    `classify` a label and features; for `regress` a target and features.

    Args:
        path: the file; the first line of a text names the columns.
        id: the column that names the rows; without it they are numbered.
        label: the column with the true class.
        positive: the value of the label that means 1.
        negative: the value that means 0; by default the only other one.
        classes: the values of the label in order, where there are more than two.
        target: the column with the number to predict.
        score: the column with what a system gave the row.
        prediction: the column with the class a system gave the row.
        groups: columns that group the rows.
        features: columns that a model is given; numbers are standardised over the training rows, others one-hot.
        keep: further record columns, each with the column it comes from, such as {words: Total}.
        unknown: the group of rows without a value; by default they are refused.
        separator: between the values of a text; by default a comma for .csv, a tab else.
        split: by the hash of the id: 20 % test, 20 % validation, 60 % training.
    """
    roles = Roles(
        id=id,
        label=label,
        positive=None if positive is None else str(positive),
        negative=None if negative is None else str(negative),
        classes=classes,
        target=target,
        score=score,
        prediction=prediction,
        groups=groups or (),
        features=features or (),
        keep=keep or {},
        unknown=unknown,
    )
    return examples_of(read_table(path, separator), roles, split)
