"""The headline on the summary page of a job of GitHub Actions, and of others that read the same variable."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from harness.cli.streams import echo
from harness.environment_secrets import without_secrets
from harness.escaping import markdown_line
from harness.results.headline.headline import Headline
from harness.results.nights.files import MAX_SUMMARY_BYTES

VARIABLE = "GITHUB_STEP_SUMMARY"


def add_to_job_summary(suite: str, headline: Headline) -> None:
    """Append the headline of a run to the file that the environment names; a file that cannot be written only warns."""
    append_to_job_summary(lambda _: f"## {markdown_line(suite)}\n\n{headline.markdown}\n\n")


def append_to_job_summary(text: Callable[[int], str]) -> None:
    """Append a text to the file that the environment names, if any; a file that cannot be written only warns.

    Args:
        text: given how many bytes there is room for, the text.
    """
    file = os.environ.get(VARIABLE)
    if not file:
        return
    try:
        with Path(file).open("a", encoding="utf-8") as summary:
            summary.write(without_secrets(text(MAX_SUMMARY_BYTES - summary.tell())))
    except OSError as error:
        echo(f"warning: the job summary {file!r} ({VARIABLE}) cannot be written: {error.strerror}", err=True)
