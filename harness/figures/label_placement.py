"""Labels beside the points of a plot, placed greedily where they overlap least."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.figures import INK, SMALLEST_TEXT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox

_SIZE = SMALLEST_TEXT
_DIRECTIONS = 16
_DISTANCES = (5.0, 11.0, 19.0, 29.0, 41.0)
# A point of distance weighs as much as this share of a label that is covered.
_FAR = 0.004
_OUTSIDE, _COVERS = 10.0, 1.0
_MARKER, _LINE, _APART = 4.0, 1.0, 2.0

Line = tuple[tuple[float, float], tuple[float, float]]
"""The ends of a line, in the units of the axes."""


@dataclass(frozen=True)
class Label:
    """A text for a point of a plot.

    Attributes:
        x, y: the point, in the units of the axes.
        text: the text of the label.
    """

    x: float
    y: float
    text: str


def place_labels(
    axis: Axes, labels: Sequence[Label], points: Sequence[tuple[float, float]], lines: Sequence[Line]
) -> None:
    """Write each label near its point where it overlaps the least with other elements and the border.

    The layout of the figure must be settled: call `figure.draw_without_rendering()` before.

    Args:
        axis: where they are written.
        labels: what is written, in the order in which places are taken.
        points: the markers that should be seen, in the units of the axes.
        lines: level and upright lines that should be seen, as their two ends.
    """
    pixels = axis.figure.dpi / 72
    taken = [_between(axis, (point, point), _MARKER * pixels) for point in points]
    taken += [_between(axis, line, _LINE * pixels) for line in lines]
    for label in labels:
        x, y = axis.transData.transform((label.x, label.y))
        width, height = _extent(axis, label.text)
        boxes = {
            (dx, dy): _box(x + dx * pixels, y + dy * pixels, width, height, is_right=dx > 0) for dx, dy in _offsets()
        }
        best = min(boxes, key=lambda offset: _cost(boxes[offset], taken, axis.bbox) + _FAR * math.hypot(*offset))
        taken.append(boxes[best].padded(_APART * pixels))
        _write(axis, label, best)


def _between(axis: Axes, ends: Line, margin: float) -> Bbox:
    """The box in pixels around two points."""
    from matplotlib.transforms import Bbox

    (x0, y0), (x1, y1) = axis.transData.transform(ends)
    return Bbox.from_extents(min(x0, x1) - margin, min(y0, y1) - margin, max(x0, x1) + margin, max(y0, y1) + margin)


def _offsets() -> list[tuple[float, float]]:
    angles = [2 * math.pi * (i + 0.5) / _DIRECTIONS for i in range(_DIRECTIONS)]
    return [(r * math.cos(a), r * math.sin(a)) for r in _DISTANCES for a in angles]


def _extent(axis: Axes, text: str) -> tuple[float, float]:
    """Width and height of a text in pixels."""
    made = axis.annotate(text, (0, 0), xycoords="axes fraction", fontsize=_SIZE)
    box = made.get_window_extent()
    made.remove()
    return box.width, box.height


def _box(x: float, y: float, width: float, height: float, *, is_right: bool) -> Bbox:
    """The box of a text that starts or ends at x, with its middle at y."""
    from matplotlib.transforms import Bbox

    return Bbox.from_bounds(x if is_right else x - width, y - height / 2, width, height)


def _cost(box: Bbox, taken: Sequence[Bbox], inside: Bbox) -> float:
    """The share of a label that overlaps with others or lies outside."""
    area = box.width * box.height
    covered = sum(_shared(box, other) for other in taken)
    return _COVERS * covered / area + _OUTSIDE * (1 - _shared(box, inside) / area)


def _shared(one: Bbox, other: Bbox) -> float:
    width = float(min(one.x1, other.x1) - max(one.x0, other.x0))
    height = float(min(one.y1, other.y1) - max(one.y0, other.y0))
    return max(width, 0.0) * max(height, 0.0)


def _write(axis: Axes, label: Label, offset: tuple[float, float]) -> None:
    from matplotlib.patheffects import withStroke

    dx, dy = offset
    # A label that had to go far is tied to its point.
    leader = {"arrowstyle": "-", "color": INK, "linewidth": 0.5, "shrinkB": 3}
    axis.annotate(
        label.text,
        (label.x, label.y),
        offset,
        textcoords="offset points",
        fontsize=_SIZE,
        color=INK,
        ha="left" if dx > 0 else "right",
        va="center",
        arrowprops=leader if math.hypot(dx, dy) > _DISTANCES[1] else None,
        annotation_clip=False,
        path_effects=[withStroke(linewidth=2, foreground="white")],
        zorder=5,
    ).set_in_layout(False)
