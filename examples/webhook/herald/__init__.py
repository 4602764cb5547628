"""An observer: it posts a message to a webhook when a run has ended, such as that of a chat."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

from harness.api import Row, hookimpl

URL = "HERALD_URL"
"""The variable of the environment that names where to post to, a secret of many chats; without it nothing is posted."""
TEMPLATE = "HERALD_TEMPLATE"
"""The variable that names a file: JSON with $run, $exit_code, $rows and $statuses in its texts."""
DEFAULT = '{"text": "$run: exit code $exit_code; $statuses"}'
_SECONDS = 10.0


@hookimpl
def harness_run_end(run_id: str, rows: Sequence[Row], exit_code: int) -> None:
    """Post that the run has ended. What goes wrong is raised: the run warns of it and goes on."""
    url = os.environ.get(URL)
    if not url:
        return
    counted = Counter(str(row.status) for row in rows)
    statuses = ", ".join(f"{n} {status}" for status, n in counted.items()) or "no rows"
    file = os.environ.get(TEMPLATE)
    template = Path(file).read_text(encoding="utf-8") if file else DEFAULT
    post(url, fill(template, run=run_id, exit_code=exit_code, rows=len(rows), statuses=statuses))


def fill(template: str, **values: Any) -> bytes:
    """Return the template, which is JSON, with these values in its texts.

    Raises:
        ValueError: it is no JSON, or names a value that there is not.
    """
    texts = {name: json.dumps(str(value))[1:-1] for name, value in values.items()}
    try:
        filled = Template(template).substitute(texts)
        json.loads(filled)
    except (KeyError, ValueError) as error:
        raise ValueError(f"the template of the webhook cannot be filled in: {error}") from None
    return filled.encode()


def post(url: str, body: bytes) -> None:
    """Post JSON. Raises RuntimeError, which does not name the address, if it is not taken."""
    if not url.startswith(("http://", "https://")):
        raise RuntimeError(f"{URL} is no address that begins with http:// or https://")
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS):
            pass
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"the webhook answered {error.code} {error.reason}") from None
    except OSError as error:
        raise RuntimeError(f"the webhook cannot be reached: {getattr(error, 'reason', error)}") from None
