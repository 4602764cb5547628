"""The page of the command line: commands, options, exit codes, environment and events, from click."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence

import click

from harness.cli import COMMANDS, cli
from harness.cli.events import EVENTS

EXIT_CODES: Mapping[int, str] = {
    0: "everything is ok; skipped and suspect rows are",
    1: "a row is not ok, or nothing was measured",
    2: "the command line, the suite or a folder cannot be used",
    3: "a gate failed: an expectation, or `compare --gate`",
    4: "an internal error, which is a bug",
    130: "interrupted; finished cells are kept",
}
VARIABLES: Mapping[str, str] = {
    "HARNESS_RESULTS": "folder of runs and of the store, as `--results`",
    "HARNESS_STORE": "URL of a store that machines share, as `--store`; empty for none",
    "HARNESS_PLUGINS_DIR": "folders whose modules are loaded as plugins, as `--plugins-dir`; several as in PATH",
    "HARNESS_CONFIG": "the user's configuration, in place of ~/.config/harness/config.yaml",
    "HARNESS_DATA": "folder of data that does not ship, which datasets look into",
    "HARNESS_POWERCAP": "folder of the counters of energy, in place of /sys/class/powercap",
    "NO_COLOR": "any value: no colours (<https://no-color.org>)",
    "COLUMNS": "width that tables must fit, in place of that of the terminal",
    "GITHUB_STEP_SUMMARY": "file that the headline of a run is added to, as GitHub Actions shows it beside a job",
    "CUDA_VISIBLE_DEVICES": "the GPUs that may be used",
}
_COMPLETION = """## Shell completion

For bash, zsh and fish, by click; put the line into the start file of the shell:

    eval "$(_HARNESS_COMPLETE=bash_source harness)"     # ~/.bashrc
    eval "$(_HARNESS_COMPLETE=zsh_source harness)"      # ~/.zshrc
    _HARNESS_COMPLETE=fish_source harness | source      # ~/.config/fish/completions/harness.fish
"""
_CHANGES = """## Changes of a suite for one run

`--set`, `--limit`, `--seeds`, `--only` and `--skip` of `run` and `plan` change what is measured. They go into the
suite before it is read, so that plan, keys and errors are those of a suite that says so. `plan.json`, `run.json` and
the headline name them.

| example | what it does |
|---|---|
| `--set 'models[0].with.width=64'` | puts a value at a path, as error messages print it |
| `--set mlp.with.width=64` | the same, by the label of the component |
| `--set mlp=digit_cnn` | puts another component in the place of the one with this label |
| `--set 'model={use: checkpoint, with: {path: mine.pt}}'` | in the place of all models; so with other roles |
| `--set 'physical.attacks=[none]'` | a key of the experiment `physical` |
| `--limit 20` | uses the first 20 examples of every dataset; training data keep their size |
| `--seeds 0-4` | in place of those of the suite |
| `--only model=mlp --only 'attack=pgd*'` | keeps cells whose labels match; patterns of one role are alternatives |
| `--skip experiment=physical` | leaves out an experiment |

A path in a value counts from the working directory. An option that matches nothing is an error with what there is.
"""


def command_line_page() -> str:
    """The page as Markdown."""
    return "\n".join([*_head(), *_commands(), _CHANGES, *_exit_codes(), *_variables(), _COMPLETION, *_events()])


def _head() -> Iterator[str]:
    yield "# Command line\n"
    yield "Options that every command takes, before or after its name:\n"
    yield from _table(["option", "meaning"], [_option_row(p) for p in cli.params if isinstance(p, click.Option)])


def _commands() -> Iterator[str]:
    context = click.Context(cli, info_name="harness")
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        yield from _command(command, click.Context(command, context, info_name=name))


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    own = context.command_path
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _command(inner, click.Context(inner, context, info_name=name))
        return
    arguments = " ".join(p.make_metavar(context) for p in command.params if isinstance(p, click.Argument))
    yield f"## `{f'{own} {arguments}'.strip()}`\n"
    yield f"{inspect.cleandoc(command.help or '')}\n"
    shared = {p.name for p in cli.params}
    options = [p for p in command.params if isinstance(p, click.Option) and p.name not in shared]
    if options:
        yield from _table(["option", "meaning"], [_option_row(option) for option in options])


def _option_row(option: click.Option) -> list[str]:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    kind = "" if option.is_flag else f" {_values(option)}"
    default = option.default
    has_default = option.show_default and default not in (None, "", ()) and not callable(default)
    return [f"{names}{kind}", f"{option.help or ''}{f' [default: {default}]' if has_default else ''}"]


def _values(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return " or ".join(map(str, option.type.choices))
    return option.metavar or ("N" if option.type.name.split()[0] in ("integer", "float") else option.type.name.upper())


def _exit_codes() -> Iterator[str]:
    yield "## Exit codes\n"
    yield from _table(["code", "meaning"], [[str(code), text] for code, text in EXIT_CODES.items()])


def _variables() -> Iterator[str]:
    yield "## Environment\n"
    yield from _table(["variable", "meaning"], [[f"`{name}`", text] for name, text in VARIABLES.items()])


def _events() -> Iterator[str]:
    yield "## Events\n"
    yield (
        "`harness run SUITE --events jsonl` writes one JSON object per line to the standard output, and nothing else "
        "there. Each has `event` and `time` (UTC), and these fields:\n"
    )
    yield from _table(
        ["event", "field", "meaning"],
        [[f"`{name}`", f"`{field}`", text] for name, fields in EVENTS.items() for field, text in fields.items()],
    )


def _table(columns: Sequence[str], body: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for line in body:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |"
    yield ""
