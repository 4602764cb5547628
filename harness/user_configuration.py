"""The user's configuration: what is true of one user and one machine, and stands in no suite.

# ~/.config/harness/config.yaml
keys:
  api.example.org: EXAMPLE_API_KEY    # host: the environment variable that holds the key
store:
  url: s3://bucket/lab               # a store that machines share; further keys go to its file system
environments:
  geneval: /opt/geneval               # name: a virtual environment, or a Python in one
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from harness.contract.errors import HarnessError


def config_path() -> Path:
    """The file of the user's configuration: $HARNESS_CONFIG, or harness/config.yaml in the folder for such files."""
    named = os.environ.get("HARNESS_CONFIG")
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(named) if named else Path(folder) / "harness" / "config.yaml"


def configured(key: str, meaning: str) -> dict[str, str]:
    """A mapping of texts in the user's configuration; empty if it has none, or there is no configuration.

    Args:
        key: the key at the top under which it stands.
        meaning: what is mapped to what, for the error.

    Raises:
        HarnessError: the configuration cannot be read, or holds something else under the key.
    """
    path = config_path()
    try:
        raw: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        # The text of an error of YAML shows the lines of the file, and somebody may have put a key there.
        raise HarnessError(f"{path} cannot be read: {type(error).__name__}") from None
    found = raw.get(key, {}) if isinstance(raw, Mapping) else {} if raw is None else None
    if not isinstance(found, dict) or not all(isinstance(text, str) for pair in found.items() for text in pair):
        raise HarnessError(f"{path}: `{key}` must map {meaning}")
    return found
