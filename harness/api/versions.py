"""The version of `harness.api`, and names that have left it, kept with a warning for two minor releases."""

from __future__ import annotations

import importlib
from typing import Any

from harness.contract.deprecation import deprecated as deprecated
from harness.contract.deprecation import warn_of_leaving

API_VERSION = (1, 4)
"""Major and minor; the major rises when a name leaves for good, the minor when one comes."""

LEAVING = {
    "DistanceBlock": ("harness_generative.nearest.neighbours.DistanceBlock", (1, 3)),
    "nearest": ("harness_generative.nearest.neighbours.nearest", (1, 3)),
    "within_radii": ("harness_generative.nearest.neighbours.within_radii", (1, 3)),
}
"""What `harness.api` no longer holds: what to use instead, and the version since which it warns."""

__all__ = ["API_VERSION", "deprecated"]


def __getattr__(name: str) -> Any:
    if name not in LEAVING:
        raise AttributeError(f"module 'harness.api' has no attribute {name!r}")
    # Written out, so that keys of who asks for such a name follow the code that defines it.
    moved = importlib.import_module("harness_generative.nearest.neighbours")
    warn_of_leaving(f"harness.api.{name}", *LEAVING[name])
    return getattr(moved, name)
