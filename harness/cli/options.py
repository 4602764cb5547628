"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

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


def _places(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in value]
    if wrong := next((name + sign for name, sign, place in pairs if not (name and place)), None):
        raise click.BadParameter(f"write NAME=PATH, not {wrong!r}", ctx, param)
    return {name: place for name, _, place in pairs}


environment_option = click.option(
    "--environment",
    "environments",
    multiple=True,
    metavar="NAME=PATH",
    callback=_places,
    help="The virtual environment that the suite calls NAME, or a Python in it. May be repeated.",
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


store_option = click.option(
    "--store",
    metavar="URL",
    envvar="HARNESS_STORE",
    help="A store that machines share, such as s3://bucket/lab or a folder: what it has is fetched, what is made is "
    "put there too. [default: `store: {url: ...}` of the user's configuration]",
)


def _names(ctx: click.Context, param: click.Parameter, value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip())


columns_option = click.option(
    "--columns",
    default="",
    metavar="NAMES",
    callback=_names,
    help="Print the whole tables with these columns only, beside the labels; names separated by commas.",
)

_CHANGES = (
    click.option(
        "--set",
        "sets",
        multiple=True,
        metavar="KEY=VALUE",
        help="Put VALUE (YAML) into the suite: at a path such as models[0].with.width, in place of a component by its "
        "label, or of all models (model=...), attacks and so on. May be repeated.",
    ),
    click.option("--limit", type=click.IntRange(min=1), help="Use only the first examples of every dataset."),
    click.option("--seeds", default="", metavar="SEEDS", help="In place of the suite's, such as 0-4 or 0,2,5."),
    click.option(
        "--only",
        multiple=True,
        metavar="ROLE=LABEL",
        help="Keep only these cells, such as model=mlp or attack='pgd*'. May be repeated.",
    ),
    click.option(
        "--skip",
        multiple=True,
        metavar="ROLE=LABEL",
        help="Leave out these cells, such as attack=none. May be repeated.",
    ),
    click.option(
        "--shard",
        default="",
        metavar="NUMBER/COUNT",
        help="Only this part of the cells, such as 1/3; `harness table RUN RUN RUN` puts the parts together.",
    ),
    click.option(
        "--shard-by",
        type=click.Choice(["model", "cell"]),
        default="model",
        show_default=True,
        help="Whether the cells of a model stay in one shard, so that it is trained once.",
    ),
)


def changes_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that change a suite for one run: the fields of `Changes`."""
    for option in reversed(_CHANGES):
        command = option(command)
    return command
