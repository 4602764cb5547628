"""The version of the files of a run: it stands in each of them and is checked when one is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.contract.errors import UsageError

SCHEMA = 2
"""Schema version of run.json, plan.json, result.json and records; raise it when what is written there changes."""


def check_schema(path: Path, schema: Any, *, oldest: int = SCHEMA) -> None:
    """Refuse a file that this version of harness cannot read.

    Args:
        path: the file.
        schema: what it says of its version; callers give theirs for files that once said nothing.
        oldest: the oldest version that can be read.

    Raises:
        UsageError: another version wrote it.
    """
    if isinstance(schema, int) and oldest <= schema <= SCHEMA:
        return
    is_newer = isinstance(schema, int) and schema > SCHEMA
    raise UsageError(
        f"{path} was written by another version of harness: its schema is {schema}, and this version reads {SCHEMA}; "
        + ("update harness, or " if is_newer else "")
        + "read the tables and records of the run as files"
    )
