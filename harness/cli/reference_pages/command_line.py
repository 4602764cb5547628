"""The page of commands, options and exit codes, from click."""

from __future__ import annotations

import inspect

import click

from harness.cli.reference_pages import markdown as md
from harness.contract.errors import Exit

_MEANINGS = {
    Exit.OK: "everything is ok; skipped cells are fine",
    Exit.CELL_NOT_OK: "some cell is not ok",
    Exit.USAGE: "the command or a suite cannot be used as it stands",
    Exit.GATE_FAILED: "an expectation or a gate failed",
    Exit.INTERNAL: "an internal error; please report it",
    Exit.INTERRUPTED: "interrupted; the same command goes on",
}


def command_line_page(group: click.Group) -> str:
    """All commands of a group with their options, and what each exit code means."""
    context = click.Context(group, info_name="harness")
    commands = {name: group.get_command(context, name) for name in group.list_commands(context)}
    sections = [_section(["harness", name], command) for name, command in commands.items() if command is not None]
    codes = [[str(int(code)), md.text(meaning)] for code, meaning in _MEANINGS.items()]
    return md.page(
        "Commands",
        "What stands before the command holds for all of them.",
        _options(group),
        *sections,
        "## Exit codes",
        md.table(["code", "meaning"], codes),
    )


def _section(path: list[str], command: click.Command) -> str:
    context = click.Context(command, info_name=" ".join(path))
    arguments = " ".join(part for part in command.collect_usage_pieces(context))
    parts = [f"{'#' * len(path)} `{' '.join(path)}`", md.block("text", f"{' '.join(path)} {arguments}")]
    parts += [md.prose(inspect.cleandoc(command.help or "").replace("\b\n", "")), _options(command)]
    if isinstance(command, click.Group):
        inner = {name: command.get_command(context, name) for name in command.list_commands(context)}
        parts += [_section([*path, name], each) for name, each in inner.items() if each is not None]
    return "\n\n".join(filter(None, parts))


def _options(command: click.Command) -> str:
    rows = []
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            names = ", ".join(md.code(name) for name in (*option.opts, *option.secondary_opts))
            variable = f" Also the variable `{option.envvar}`." if isinstance(option.envvar, str) else ""
            rows.append(
                [names, md.text(option.type.name if not option.is_flag else ""), md.text(option.help or "") + variable]
            )
    return md.table(["option", "value", "meaning"], rows) if rows else ""
