"""Lines with their intervals, and their names beside their ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.figures import SMALLEST_TEXT, Dashes, legend, line_style, settle, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_DIRECT_LABELS = 8
"""Lines of a panel that are named beside their ends; more are named in a legend."""
_MOST_DIRECT_POINTS = 5
_MOST_LETTERS = 22
_LINE_HEIGHT = 1.25
_BESIDE = 1.04
# Text needs this contrast to white (WCAG 2.2, 1.4.3).
_LEAST_CONTRAST = 4.5


@dataclass(frozen=True)
class LineStyle:
    """How a line is drawn.

    Attributes:
        colour, dashes, marker: as matplotlib takes them; no marker if empty.
        width: in points.
        band: how opaque the band of its intervals is.
        order: lines of a higher order lie on those of a lower.
    """

    colour: str
    dashes: Dashes = "-"
    marker: str = "o"
    width: float = 1.4
    band: float = 0.12
    order: float = 2.0

    @classmethod
    def of(cls, number: int) -> LineStyle:
        """The style of the line with this number."""
        return cls(*line_style(number))


WORST = LineStyle("black", "-", "o", width=2.8, band=0.15, order=3.0)
"""The style of the worst case, which should be seen first."""


@dataclass(frozen=True)
class Point:
    """A value with its interval over a number.

    Attributes:
        x: the number.
        value: the value there.
        low, high: the ends of its interval; None where there is none.
    """

    x: float
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class LineEnd:
    """Where a line ends, and what it is called.

    Attributes:
        x, y: its last point, in the units of the axes.
        mean: the mean of its values, by which lines that end in one place are ordered.
        text: its name.
        colour: its colour.
        is_line: whether it is a line and not a point.
    """

    x: float
    y: float
    mean: float
    text: str
    colour: str
    is_line: bool = True


def draw_line(axis: Axes, points: Sequence[Point], style: LineStyle, name: str, *, is_joined: bool = True) -> LineEnd:
    """Draw a line with a band of its intervals, and return its end; points with bars where it is not joined.

    Args:
        axis: where it is drawn.
        points: by increasing x, at least one.
        style: how it is drawn.
        name: what it is called.
        is_joined: whether values between the points are plausible. A single point is never joined.
    """
    joined = is_joined and len(points) > 1
    axis.plot(
        [point.x for point in points],
        [point.value for point in points],
        linestyle=style.dashes if joined else "none",
        marker=style.marker or None,
        markersize=3.5 if joined else 5.0,
        color=style.colour,
        linewidth=style.width,
        label=name,
        zorder=style.order,
    )
    bands = [(p.x, p.low, p.high) for p in points if p.low is not None and p.high is not None]
    if bands and joined:
        x, low, high = zip(*bands, strict=True)
        axis.fill_between(x, low, high, color=style.colour, alpha=style.band, linewidth=0, zorder=1)
    elif bands:
        x, low, high = zip(*bands, strict=True)
        axis.vlines(x, low, high, color=style.colour, linewidth=1.1, alpha=0.7, zorder=style.order)
    mean = sum(point.value for point in points) / len(points)
    return LineEnd(points[-1].x, points[-1].value, mean, name, style.colour, joined)


def name_lines(figure: Figure, ends: Mapping[Axes, Sequence[LineEnd]]) -> None:
    """Name lines beside their ends, in their colours, in panels with at most eight lines; else in a legend.

    Call it last: it settles the layout. Names move up or down so that none covers another, and are then tied to their
    line.

    Args:
        figure: the figure of all these axes.
        ends: the ends of the lines of each panel that is labelled.
    """
    direct = {axis: own for axis, own in ends.items() if _can_be_direct(own)}
    others = [axis for axis in ends if axis not in direct]
    if others:
        legend(figure, others, "outside lower center", ncols=3)
    written = {axis: [_write(axis, end) for end in own] for axis, own in direct.items()}
    settle(figure)
    for axis, labels in written.items():
        _spread(axis, ends[axis], labels)


def _can_be_direct(ends: Sequence[LineEnd]) -> bool:
    lines = [end for end in ends if end.is_line]
    return len(lines) <= MOST_DIRECT_LABELS and len(ends) - len(lines) <= _MOST_DIRECT_POINTS


def readable(colour: str) -> str:
    """Return a colour dark enough for text on white, of the same hue."""
    from matplotlib.colors import to_hex, to_rgb

    red, green, blue = to_rgb(colour)
    while 1.05 / (_luminance(red, green, blue) + 0.05) < _LEAST_CONTRAST:
        red, green, blue = red * 0.93, green * 0.93, blue * 0.93
    return to_hex((red, green, blue))


def spread(wanted: Sequence[float], gap: float, high: float) -> list[float]:
    """Return places at least a gap apart, in the order of those wanted and as near to them as can be (least squares).

    Args:
        wanted: places in increasing order.
        gap: the least distance of neighbours.
        high: where the last place is at most and, unless there are too many, the first is at least 0.
    """
    # Without the gaps the problem is isotonic regression: neighbours in the wrong order share their mean.
    blocks: list[list[float]] = []
    for number, place in enumerate(wanted):
        blocks.append([place - number * gap])
        while len(blocks) > 1 and _mean(blocks[-2]) >= _mean(blocks[-1]):
            last = blocks.pop()
            blocks[-1] += last
    last_start = max(0.0, high - (len(wanted) - 1) * gap)
    flat = [min(max(_mean(block), 0.0), last_start) for block in blocks for _ in block]
    return [place + number * gap for number, place in enumerate(flat)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _luminance(*channels: float) -> float:
    """The relative luminance of sRGB (WCAG 2.2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _write(axis: Axes, end: LineEnd) -> Any:
    return axis.text(
        _BESIDE,
        0.5,
        shortened(end.text, _MOST_LETTERS),
        transform=axis.transAxes,
        fontsize=SMALLEST_TEXT,
        color=readable(end.colour),
        va="center",
        ha="left",
    )


def _spread(axis: Axes, ends: Sequence[LineEnd], labels: Sequence[Any]) -> None:
    """Move labels so that they do not overlap: the higher line has the higher label."""
    gap = _LINE_HEIGHT * SMALLEST_TEXT * axis.figure.dpi / 72 / axis.bbox.height
    inside = axis.transData + axis.transAxes.inverted()
    tips = [tuple(map(float, inside.transform((end.x, end.y)))) for end in ends]
    order = sorted(range(len(ends)), key=lambda i: (round(tips[i][1], 2), ends[i].mean))
    places = spread([tips[i][1] for i in order], gap, 1.0)
    for i, place in zip(order, places, strict=True):
        labels[i].set_position((_BESIDE, place))
    _tie(axis, ends, tips, [label.get_position()[1] for label in labels])


def _tie(axis: Axes, ends: Sequence[LineEnd], tips: Sequence[tuple[float, ...]], places: Sequence[float]) -> None:
    """Draw a thin line from the end of each line to its name, both as fractions of the axes."""
    from matplotlib.collections import LineCollection

    # An arrow of matplotlib is cut at its ends by bisection, which takes longer than all else in a picture.
    apart = 2 * axis.figure.dpi / 72 / axis.bbox.width
    segments = [[(x + apart, y), (_BESIDE - apart, place)] for (x, y), place in zip(tips, places, strict=True)]
    colours = [end.colour for end in ends]
    ties = LineCollection(
        segments, colors=colours, linewidths=0.6, alpha=0.6, transform=axis.transAxes, clip_on=False, zorder=3
    )
    ties.set_in_layout(False)
    axis.add_artist(ties)
