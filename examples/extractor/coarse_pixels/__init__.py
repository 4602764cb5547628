"""An extractor of features: what is left of an image that is made small."""

from __future__ import annotations

from collections.abc import Iterable

from harness.api import Component, Declarations, hookimpl


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare the extractor; its module is imported only where it is used."""
    extractor = Declarations("extractor", __name__)
    return [extractor("coarse_pixels", "extractor:CoarsePixels")]
