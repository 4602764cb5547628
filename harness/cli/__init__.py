"""The command line: one file per command, each imported only when it is called."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.ending import end_when_asked, interrupt_when_asked
from harness.cli.streams import echo, escape_warnings, flush_output, open_closed_streams, styled
from harness.contract.errors import Exit, HarnessError
from harness.version import __version__

if TYPE_CHECKING:
    from harness.plugins import Catalog
    from harness.scoring.plugin_calls import PluginCalls

COMMANDS = {
    "run": "Run a suite and print its table.",
    "plan": "Show the cells of a suite and what will be skipped, without running anything.",
    "table": "Print the table of a finished run again.",
    "report": "Write a run as one HTML page with tables, curves and examples.",
    "compare": "Compare two runs: what is better, what is worse, what is not resolved.",
    "nightly": "Run a suite, compare it with an earlier run, and raise an alarm only for what is no noise.",
    "leaderboard": "Rank the models of all runs by what they were measured on, with ties.",
    "history": "Show every row of a suite over its runs, and mark what changed.",
    "score": "Compute metrics on the stored records of a run.",
    "import": "Make a run of the logs of other tools, to compare and rank what they hold.",
    "export": "Write the numbers of a run in a format that others read.",
    "verify": "Measure a sample of a run's cells again, another way, and certify that they come out equal.",
    "explain": "Say why a cell ran or was reused, and how it ended.",
    "list": "List the components that plugins offer.",
    "describe": "Show a component: its parameters, defaults and documentation.",
    "reference": "Write the reference as Markdown: commands, suite keys, every component.",
    "new": "Write a suite or a plugin to start from.",
    "schema": "Print the JSON Schema of suite files, for editors.",
    "cache": "Show, check and clean the store of finished cells.",
    "doctor": "Check this installation and every plugin.",
}


class _LazyGroup(click.Group):
    """A group of commands that imports the module of a command only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"harness.cli.{cmd_name}_command").command
        _take_shared_options(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _take_shared_options(command: click.Command) -> None:
    """Let the options that stand before a command stand behind it too."""
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            _take_shared_options(inner)
    elif not any(parameter.name == "plugins_dirs" for parameter in command.params):
        command.params += [_plugins_option(expose_value=False), _debug_option(expose_value=False)]


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """Add what stands behind a command to what stands before it."""
    session = ctx.find_object(Session)
    if session is not None and value:
        if param.name == "debug":
            session.debug = True
        else:
            session.plugins_dirs = tuple(dict.fromkeys((*session.plugins_dirs, *value)))
    return value


def _plugins_option(*, expose_value: bool = True) -> click.Option:
    return click.Option(
        ["--plugins-dir", "plugins_dirs"],
        multiple=True,
        type=click.Path(path_type=Path),
        envvar="HARNESS_PLUGINS_DIR",
        expose_value=expose_value,
        callback=_keep,
        help="Also load every module in this folder as a plugin. May be repeated.",
    )


def _debug_option(*, expose_value: bool = True) -> click.Option:
    return click.Option(
        ["--debug"],
        is_flag=True,
        expose_value=expose_value,
        callback=_keep,
        help="Show tracebacks, and do not catch exceptions of plugins.",
    )


_OUTPUT_ERRORS = (errno.ENOSPC, errno.EIO, errno.EBADF)
_EXIT_CODES = (
    "Exit codes: 0 all ok, 1 some cell is not ok, 2 usage or suite error, 3 a gate failed, 4 internal error, "
    "130 interrupted."
)


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EXIT_CODES,
)
@click.version_option(__version__, prog_name="harness")
@click.pass_context
def cli(ctx: click.Context, plugins_dirs: tuple[Path, ...], debug: bool) -> None:
    """One benchmark harness for the ways in which neural networks fail.

    A suite is a YAML file that says what to measure. Try: harness run robustness
    """
    ctx.obj = Session(plugins_dirs, debug)
    # https://no-color.org; click itself looks only whether the output is a terminal.
    ctx.color = False if os.environ.get("NO_COLOR") else None


cli.params += [_plugins_option(), _debug_option()]


class Session:
    """The options that stand before the command, and the plugins, loaded when a command needs them."""

    def __init__(self, plugins_dirs: tuple[Path, ...], debug: bool) -> None:
        self.plugins_dirs, self.debug = plugins_dirs, debug

    def catalog(self) -> Any:
        """Return every component of every plugin that can be loaded."""
        from harness.plugins import load_catalog

        return load_catalog(self.plugins_dirs)

    @contextlib.contextmanager
    def calls(self, catalog: Catalog) -> Iterator[PluginCalls]:
        """What calls metrics: in a process of their own, but in this one for a debugger."""
        if self.debug:
            from harness.scoring.in_process import InThisProcess

            yield InThisProcess(catalog)
            return
        from harness.scoring_process.client import ScoringProcess

        with ScoringProcess(self.plugins_dirs) as calls:
            yield calls


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    try:
        result = cli.main(args=given, prog_name="harness", standalone_mode=False)
        flush_output()
        return int(result or 0)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        echo(f"{_error_prefix()} {error.format_message()}{_help_of(error)}", err=True)
        return Exit.USAGE
    except HarnessError as error:
        if debug:
            echo(traceback.format_exc(), err=True)
        echo(f"{_error_prefix()} {error}", err=True)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        echo("interrupted", err=True)
        return Exit.INTERRUPTED
    except BrokenPipeError:
        return Exit.OK
    except OSError as error:
        if error.filename is not None or error.errno not in _OUTPUT_ERRORS or debug:
            return _internal_error(error, debug=debug)
        with contextlib.suppress(OSError):
            flush_output()
        echo(f"{_error_prefix()} the output cannot be written: {error.strerror}; what was made is kept", err=True)
        return Exit.USAGE
    except Exception as error:  # Whatever is raised by then is a bug of the core, and is told as one.
        if "--pdb" in given:
            import pdb

            traceback.print_exc()
            pdb.post_mortem(error.__traceback__)
            return Exit.CELL_NOT_OK
        return _internal_error(error, debug=debug)


def _error_prefix() -> str:
    return "error:" if os.environ.get("NO_COLOR") else styled("error:", fg="red", bold=True)


def _help_of(error: click.ClickException) -> str:
    """Where a user of a wrong option or argument reads on."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    return "" if context is None else f"\nsee {context.command_path} --help"


def _internal_error(error: Exception, *, debug: bool) -> int:
    if debug:
        echo("".join(traceback.format_exception(error)), err=True)
    echo(
        f"internal error: {type(error).__name__}: {error}\n"
        "This is a bug in harness. Run again with --debug for the traceback.",
        err=True,
    )
    return Exit.INTERNAL


def entry() -> None:
    """Run the command line as the console script `harness`."""
    open_closed_streams()
    escape_warnings()
    interrupt_when_asked()
    try:
        code = main()
    except KeyboardInterrupt:
        # A second one, while the first was told.
        code = Exit.INTERRUPTED
    end_when_asked(code)
    sys.exit(code)
