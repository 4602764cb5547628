"""The pages of hooks, and of what rows and tables hold."""

from __future__ import annotations

import inspect
from dataclasses import fields
from types import ModuleType

from harness.cli.reference_pages import markdown as md
from harness.contract.estimates import Estimate
from harness.contract.rows import STATUS_MEANINGS, Row

_SUFFIXES = {
    "": "the value; empty where it is undefined",
    "_low, _high": "the ends of its 95 % interval",
    "_null": "what chance, or no effect, would show",
    "_p": "the two-sided p-value, where a test was made",
    "_n": "how many examples it rests on",
    "_missing": "how many should have counted and could not",
    "_method": "how interval and p-value were made, or why there are none",
}


def hooks_page(hooks: ModuleType) -> str:
    """Every hook with its signature and documentation."""
    found = [(name, hook) for name, hook in vars(hooks).items() if name.startswith("harness_") and callable(hook)]
    sections = [
        [
            f"## `{name}`",
            md.block("python", f"def {name}{inspect.signature(hook)}"),
            md.prose(inspect.getdoc(hook) or ""),
        ]
        for name, hook in found
    ]
    lead = "What a plugin may implement, with `harness.api.hookimpl`."
    return md.page("Hooks", lead, *(part for section in sections for part in section))


def results_page() -> str:
    """Statuses, the fields of a row, and the columns of table.csv."""
    return md.page(
        "Results",
        "What stands in `table.csv`, `table.json` and in `harness.run(...).rows`.",
        "## Statuses",
        md.table(
            ["status", "what happened"], [[md.code(s.value), md.text(what)] for s, what in STATUS_MEANINGS.items()]
        ),
        "## Columns of a metric",
        "In `table.csv` each metric has these columns, its name with a suffix.",
        md.table(
            ["suffix", "meaning"], [[md.code(suffix) or "none", meaning] for suffix, meaning in _SUFFIXES.items()]
        ),
        "## Fields of a row",
        _fields(Row),
        "## Fields of an estimate",
        _fields(Estimate),
    )


def _fields(kind: type) -> str:
    """The attributes of a dataclass as its docstring says what they are."""
    doc = inspect.getdoc(kind) or ""
    lead, _, listed = doc.partition("Attributes:\n")
    names = ", ".join(md.code(field.name) for field in fields(kind))
    return f"{md.prose(lead)}\n\n{md.prose('Attributes:' + chr(10) + listed)}\n\nIn order: {names}."
