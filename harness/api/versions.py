"""The version of `harness.api`, and names that have left it, kept with a warning for two minor releases."""

from __future__ import annotations

from harness.contract.deprecation import Leaving, moved_names
from harness.contract.deprecation import deprecated as deprecated

API_VERSION = (1, 4)
"""Major and minor; the major rises when a name leaves for good, the minor when one comes."""

_NEIGHBOURS = ("DistanceBlock", "nearest", "within_radii")
LEAVING = {name: Leaving(f"harness_generative.nearest.neighbours.{name}", since=(1, 3)) for name in _NEIGHBOURS}
"""What `harness.api` no longer holds."""

__all__ = ["API_VERSION", "deprecated"]
__getattr__ = moved_names("harness.api", LEAVING)
