"""Libraries that need not be installed, with a word about what usually keeps them from being imported."""

from __future__ import annotations

import importlib
from typing import Any

from harness.api import HarnessError


def attribute_of(module: str, name: str) -> Any:
    """What a module calls `name`; such libraries import a thing when it is first asked for.

    Raises:
        HarnessError: it cannot be imported.
    """
    try:
        return getattr(importlib.import_module(module), name)  # keyed: components declare it as required
    except (ImportError, AttributeError, RuntimeError) as error:
        told = " ".join(str(error).split())[:200]
        raise HarnessError(
            f"{name} of {module} cannot be imported ({told}); if that is for torchvision, which must be of the same "
            "build as torch, install that build, or remove torchvision where it is not needed itself"
        ) from error
