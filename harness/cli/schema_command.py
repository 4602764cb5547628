"""`harness schema`."""

from __future__ import annotations

import click

from harness.cli import Session
from harness.cli.streams import echo
from harness.escaping import json_text
from harness.plugins import first_party as first_party_packages
from harness.signatures import SignatureReader
from harness.suite.json_schema import suite_schema


@click.command("schema")
@click.option(
    "--first-party", is_flag=True, help="Only components that ship with harness, as in the committed suite.schema.json."
)
@click.pass_obj
def command(session: Session, first_party: bool) -> None:
    """Print the JSON Schema of suite files, with every installed component and its parameters.

    Point your editor at it with a first line such as
    `# yaml-language-server: $schema=suite.schema.json`.
    """
    catalog = session.catalog()
    schema = suite_schema(catalog, SignatureReader(), first_party_packages() if first_party else None)
    echo(json_text(schema, indent=1))
