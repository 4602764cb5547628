"""The headline on the summary page of a job of GitHub Actions, and of others that read the same variable."""

from __future__ import annotations

import os
from pathlib import Path

from harness.cli.streams import echo
from harness.environment_secrets import without_secrets
from harness.escaping import markdown_line
from harness.results.headline.headline import Headline

VARIABLE = "GITHUB_STEP_SUMMARY"


def add_to_job_summary(suite: str, headline: Headline) -> None:
    """Append the headline of a run to the file that the environment names; a file that cannot be written only warns."""
    file = os.environ.get(VARIABLE)
    if not file:
        return
    text = without_secrets(f"## {markdown_line(suite)}\n\n{headline.markdown}\n\n")
    try:
        with Path(file).open("a", encoding="utf-8") as summary:
            summary.write(text)
    except OSError as error:
        echo(f"warning: the job summary {file!r} ({VARIABLE}) cannot be written: {error.strerror}", err=True)
