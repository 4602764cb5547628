"""Imports from optional libraries, with an error that says what usually prevents the import."""

from __future__ import annotations

import importlib
from typing import Any

from harness.api import HarnessError, cause_of


def attribute_of(module: str, name: str) -> Any:
    """Return the attribute `name` of a module, which may be imported only on first access.

    Raises:
        HarnessError: it cannot be imported.
    """
    try:
        return getattr(importlib.import_module(module), name)  # keyed: components declare it as required
    except (ImportError, AttributeError, RuntimeError) as error:
        message = cause_of(error, 200)
        raise HarnessError(
            f"{name} of {module} cannot be imported ({message}); if that is for torchvision, which must be of the same "
            "build as torch, install that build, or remove torchvision where it is not needed itself"
        ) from error
