"""One look for every picture: a palette, panels, one legend for all of them, and a way to save.

Matplotlib takes a second to import, so only the functions import it. No window is ever opened.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Dashes = Literal["-", "--", ":", "-."]
Corner = Literal["outside right upper", "outside upper center"]

# Okabe & Ito's palette, which most people with colour blindness can tell apart, and a grey.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F")
PALE = "#999999"
DASHES: tuple[Dashes, ...] = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def line_style(number: int) -> tuple[str, Dashes, str]:
    """Return colour, dashes and marker of the line with this number; they repeat after 7, 4 and 7 lines."""
    return PALETTE[number % len(PALETTE)], DASHES[number % len(DASHES)], MARKERS[number % len(MARKERS)]


def empty_figure(width: float, height: float, layout: str | None = "constrained") -> Figure:
    """Return a figure without axes, of a size in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure: Figure = Figure(figsize=(width, height), layout=layout)  # type: ignore[arg-type]
    FigureCanvasAgg(figure)
    return figure


def panels(
    count: int, most_columns: int, panel: tuple[float, float], margins: tuple[float, float], **sharing: Any
) -> tuple[Figure, npt.NDArray[Any]]:
    """Return a figure with a grid of panels, those beyond `count` hidden, and its axes `[lines, columns]`.

    Args:
        count: number of panels, at least 1.
        most_columns: the largest number of columns of the grid.
        panel: width and height of a panel in inches.
        margins: width and height in inches that the figure has beyond its panels.
        sharing: `sharex` and `sharey`, as matplotlib takes them.
    """
    columns = min(most_columns, count)
    lines = -(-count // columns)
    figure = empty_figure(margins[0] + panel[0] * columns, margins[1] + panel[1] * lines)
    axes = figure.subplots(lines, columns, squeeze=False, **sharing)
    for axis in axes.flat[count:]:
        axis.set_visible(False)
    return figure, axes


def faint_grid(axis: Axes) -> None:
    """Draw grid lines that do not compete with the data."""
    axis.grid(alpha=0.25, linewidth=0.6)


def legend(figure: Figure, axes: Iterable[Axes], loc: Corner = "outside right upper", **options: Any) -> None:
    """Name every line of the panels once, outside of them."""
    handles: dict[str, Any] = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(list(handles.values()), list(handles), loc=loc, fontsize=8, frameon=False, **options)


def save(figure: Figure, path: Path) -> Path:
    """Write a figure to a file, in the format of its suffix, and return the path."""
    _show_as_written(figure)
    figure.savefig(path, dpi=130)
    return path


def png(figure: Figure) -> bytes:
    """Return a figure as the content of a PNG file."""
    content = io.BytesIO()
    _show_as_written(figure)
    figure.savefig(content, format="png", dpi=110)
    return content.getvalue()


def _show_as_written(figure: Figure) -> None:
    """Have texts with a dollar sign shown as they are, since labels are no formulas; powers of ten stay formulas."""
    from matplotlib.text import Text
    from matplotlib.ticker import FixedFormatter

    named = [
        axis
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        if isinstance(axis.get_major_formatter(), FixedFormatter)
    ]
    for text in [*figure.findobj(Text), *(label for axis in named for label in axis.get_ticklabels())]:
        if "$" in text.get_text() and "mathdefault" not in text.get_text():
            text.set_parse_math(False)
