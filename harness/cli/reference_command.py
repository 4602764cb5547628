"""`harness reference FOLDER`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli import Session
from harness.cli.streams import echo


@click.command("reference")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.pass_obj
def command(session: Session, folder: Path) -> None:
    """Write the reference into FOLDER as Markdown: commands, suite keys, hooks, results, every component.

    The components are those of your installation, with `--plugins-dir` also your own.
    """
    from harness import hooks
    from harness.cli.reference_pages.command_line import command_line_page
    from harness.cli.reference_pages.components import component_pages
    from harness.cli.reference_pages.results import hooks_page, results_page
    from harness.cli.reference_pages.suites import suites_page
    from harness.files import write_whole
    from harness.signatures import SignatureReader
    from harness.suite.json_schema import suite_schema

    catalog = session.catalog()
    pages = {
        "command-line": command_line_page(),
        "suites": suites_page(suite_schema(catalog, SignatureReader())),
        "results": results_page(),
        "hooks": hooks_page(hooks),
        **dict(component_pages(catalog)),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        write_whole(folder / f"{name}.md", text.encode())
    echo(f"{len(pages)} pages in {folder}")
