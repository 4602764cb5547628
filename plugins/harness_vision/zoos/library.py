"""Imports an optional library, or names the extra that installs it."""

from __future__ import annotations

import importlib
from types import ModuleType

from harness.api import HarnessError


def library(module: str, extra: str) -> ModuleType:
    """The imported module of an optional library.

    Raises:
        HarnessError: it is not installed, or not the build that fits the installed torch.
    """
    install = f'pip install "neural-harness[{extra}]"'
    try:
        return importlib.import_module(module)  # keyed: components declare it as required
    except ImportError as error:
        raise HarnessError(
            f"{module} cannot be imported ({error}); it comes with the extra {extra}: {install}"
        ) from error
    except RuntimeError as error:
        # What torchvision raises beside a torch of another build, and so does all that imports it.
        raise HarnessError(
            f"{module} cannot be imported beside this torch ({error}); install torch and torchvision of one build, "
            f"then {install}"
        ) from error
