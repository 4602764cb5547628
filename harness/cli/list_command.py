"""`harness list [KIND]`."""

from __future__ import annotations

import difflib
from typing import Any

import click

from harness.cli import Session
from harness.cli.streams import echo, styled
from harness.contract.components import KINDS
from harness.results.table import text_table


class _KindChoice(click.Choice[str]):
    """A kind of component, in the singular or the plural."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        kind = str(value).lower().removesuffix("s")
        if kind in self.choices:
            return kind
        close = difflib.get_close_matches(kind, self.choices, 1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        self.fail(f"{value!r} is not one of {', '.join(self.choices)}{hint}", param, ctx)


@click.command("list")
@click.argument("kind", required=False, type=_KindChoice(KINDS))
@click.pass_obj
def command(session: Session, kind: str | None) -> None:
    """List the components that plugins offer, all or of one KIND; "models" means the same as "model"."""
    catalog = session.catalog()
    undocumented: list[str] = []
    for listed in KINDS:
        entries = catalog.of_kind(listed) if kind in (None, listed) else []
        if entries:
            echo(styled(f"\n{listed}s", bold=True))
            body = [[entry.component.name, entry.summary, entry.package] for entry in entries]
            undocumented += [entry.without_summary for entry, row in zip(entries, body, strict=True) if not row[1]]
            echo(text_table(["name", "what it is", "from"], body))
    if kind and not catalog.of_kind(kind):
        echo(f"No plugin offers a component of kind {kind}.")
    problems = [*map(str, catalog.failures), *undocumented]
    if problems:
        echo()
    for problem in problems:
        echo(problem, err=True)
