"""One look for the pictures of reporters: a palette, panels, one legend, and files. Used by its own name."""

from harness.figures import (
    DASHES,
    MARKERS,
    PALE,
    PALETTE,
    empty_figure,
    faint_grid,
    legend,
    line_style,
    panels,
    png,
    save,
)

__all__ = [
    "DASHES",
    "MARKERS",
    "PALE",
    "PALETTE",
    "empty_figure",
    "faint_grid",
    "legend",
    "line_style",
    "panels",
    "png",
    "save",
]
