"""A table of results (CSV, TSV, Parquet, JSON Lines) whose columns have roles that the user declares."""

from __future__ import annotations

from pathlib import Path

from harness.contract.errors import HarnessError, UsageError
from harness.importing.logs import Log, Sample
from harness.importing.roles import Roles
from harness.reading.files import read_table
from harness.reading.table import Table

TOOL = "table"


def read_scores_table(path: Path, roles: Roles) -> Log:
    """The log. Raises UsageError with the line and the column, or if roles are missing."""
    scores = roles.named("score")
    if "id" not in roles.paths or not scores:
        raise UsageError(
            f"{path.name} is no log of a known tool (lm-eval samples_*.jsonl, inspect .eval or .json, Every Eval "
            "Ever, garak *.report.jsonl, the state of AutoAttack). If it is a table, say which columns are what: "
            "--map id=COLUMN --map score.acc=COLUMN, maybe prompt, reference, answer and group.NAME"
        )
    try:
        table = read_table(path, columns=set(roles.paths.values()))
        return Log(path.name, TOOL, "", path.name.partition(".")[0], _samples(table, roles, path.name))
    except UsageError:
        raise
    except HarnessError as error:
        raise UsageError(f"{path.name}: {error}") from None


def _samples(table: Table, roles: Roles, name: str) -> list[Sample]:
    texts = {role: table.texts(path, role) for role, path in roles.paths.items() if not role.startswith("score.")}
    scores = {role: table.numbers(path, f"score.{role}", "keep") for role, path in roles.named("score").items()}
    groups = roles.named("group")
    return [
        Sample(
            texts["id"][row] or "",
            (texts["prompt"][row] or "") if "prompt" in texts else "",
            (texts["reference"][row] or "") if "reference" in texts else "",
            texts["answer"][row] if "answer" in texts else None,
            {role: None if (value := float(values[row])) != value else value for role, values in scores.items()},
            f"{name}, {table.where(row)}",
            {group: texts[f"group.{group}"][row] or "" for group in groups},
        )
        for row in range(table.n)
    ]
