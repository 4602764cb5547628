"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

results_option = click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    envvar="HARNESS_RESULTS",
    help="Folder of runs and of the store of finished cells.",
)
