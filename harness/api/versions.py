"""The version of `harness.api`, and names that have left it, kept with a warning for two minor releases."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

API_VERSION = (1, 0)
"""Major and minor; the major rises when a name leaves for good, the minor when one comes."""

_MOVED = dict.fromkeys(("DistanceBlock", "nearest", "within_radii"), "harness_generative.nearest.neighbours")

__all__ = ["API_VERSION"]


def __getattr__(name: str) -> Any:
    if name not in _MOVED:
        raise AttributeError(f"module 'harness.api' has no attribute {name!r}")
    warnings.warn(f"harness.api.{name} is {_MOVED[name]}.{name} since version 1.0", DeprecationWarning, stacklevel=2)
    return getattr(importlib.import_module(_MOVED[name]), name)  # keyed: through the module that defines it
