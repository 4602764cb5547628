"""The Pareto front of cost and quality, and axes of costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from harness.figures.label_placement import Line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Better = Literal["less", "more"]

# Up to this ratio of the largest to the smallest number for every inch of its width, an axis has marks at 1, 2 and 5
# times powers of ten.
_RATIO_PER_INCH = 40
_WIDE = 20


def pareto_front(points: Sequence[tuple[float, float]], better: Better) -> list[tuple[float, float]]:
    """The (cost, quality) points that no other dominates, by increasing cost: each costs more and is better.

    Args:
        points: costs, of which less is better, and qualities.
        better: whether less or more of the quality is better.
    """
    sign = 1.0 if better == "less" else -1.0
    front: list[tuple[float, float]] = []
    for cost, value in sorted(points, key=lambda point: (point[0], sign * point[1])):
        if not front or sign * value < sign * front[-1][1]:
            front.append((cost, value))
    return front


def front_steps(front: Sequence[tuple[float, float]]) -> list[Line]:
    """The level and the upright lines along a front."""
    corners = [((x0, y0), (x1, y0), (x1, y1)) for (x0, y0), (x1, y1) in pairwise(front)]
    return [line for start, corner, end in corners for line in ((start, corner), (corner, end))]


def log_cost_axis(axis: Axes, costs: Sequence[float], text: Callable[[float], str] = "{:g}".format) -> None:
    """Make the x axis one of costs: logarithmic, with few marks and room for labels at both ends.

    Args:
        axis: to change.
        costs: all positive costs that are drawn, here or in panels beside it.
        text: a mark as text.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_xscale("log")
    # Room at both ends for labels, and for a panel whose rows all cost the same.
    axis.margins(x=0.15, y=0.1)
    inches = axis.bbox.width / axis.figure.dpi
    has_room = max(costs) < _RATIO_PER_INCH * inches * min(costs)
    axis.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if has_room else (1.0,)))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: text(x)))
    axis.xaxis.set_minor_formatter(NullFormatter())


def log_if_wide(axis: Axes, values: Sequence[float]) -> None:
    """Make the y axis logarithmic where positive values differ by more than a factor of 20, as errors may."""
    if min(values) > 0 and max(values) > _WIDE * min(values):
        axis.set_yscale("log", nonpositive="clip")
