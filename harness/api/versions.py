"""The version of `harness.api`, and names that have left it, kept with a warning for two minor releases."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

API_VERSION = (1, 3)
"""Major and minor; the major rises when a name leaves for good, the minor when one comes."""

_NEIGHBOURS = ("DistanceBlock", "nearest", "within_radii")

__all__ = ["API_VERSION"]


def __getattr__(name: str) -> Any:
    if name not in _NEIGHBOURS:
        raise AttributeError(f"module 'harness.api' has no attribute {name!r}")
    moved = importlib.import_module("harness_generative.nearest.neighbours")
    warnings.warn(f"harness.api.{name} is {moved.__name__}.{name} since version 1.0", DeprecationWarning, stacklevel=2)
    return getattr(moved, name)
