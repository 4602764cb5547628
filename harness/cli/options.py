"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

allow_imports_option = click.option(
    "--allow-imports",
    is_flag=True,
    help="Let the suite name code of installed packages that are no plugins. [default: of torch, plugins, its folder]",
)

trust_option = click.option(
    "--trust",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Let this file of the suite run code when it is loaded, such as a pickled model. May be repeated.",
)

no_examples_option = click.option(
    "--no-examples",
    is_flag=True,
    help="Show no single examples: no pictures, logs or page sections that may hold them. Records are kept.",
)

results_option = click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    envvar="HARNESS_RESULTS",
    help="Folder of runs and of the store of finished cells.",
)
