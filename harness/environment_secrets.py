"""Values of environment variables that hold secrets, kept out of what is printed and written."""

from __future__ import annotations

import json
import os
import re

_NAME = re.compile(
    r"(TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|(API|ACCESS|PRIVATE|AUTH)_?KEY)S?$", re.IGNORECASE
)
MIN_CHARACTERS = 8
"""Shorter values stand in ordinary texts by chance, and are no secrets."""


def without_secrets(text: str) -> str:
    """Return a text in which each value of a variable such as HF_TOKEN is replaced by the name of the variable."""
    for name, value in os.environ.items():
        if len(value) >= MIN_CHARACTERS and _NAME.search(name):
            text = text.replace(value, f"[{name}]").replace(json.dumps(value)[1:-1], f"[{name}]")
    return text
