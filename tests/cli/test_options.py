"""Where results lie unless a command says otherwise."""

from __future__ import annotations

from pathlib import Path

import click
from click.testing import CliRunner

from harness.cli.options import results_option


@click.command()
@results_option
def show(results: Path) -> None:
    assert isinstance(results, Path)
    click.echo(results)


def test_the_option_goes_before_the_variable_and_the_variable_before_the_default() -> None:
    def said(*arguments: str, **variables: str) -> str:
        return CliRunner().invoke(show, arguments, env=variables).output.strip()

    assert said() == "results"
    assert said(HARNESS_RESULTS="there") == "there"
    assert said("--results", "here", HARNESS_RESULTS="there") == "here"
    assert "[default: results]" in " ".join(said("--help").split())
