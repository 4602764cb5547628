"""One look for every picture: a palette, panels, titles, one legend for all of them, and a way to save.

Pictures are read at 600 pixels and in print: none is wider than `WIDTH`, no text smaller than `SMALLEST_TEXT`.
Matplotlib takes a second to import, so only the functions import it. No window is ever opened.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

Dashes = Literal["-", "--", ":", "-."]
Corner = Literal["outside right upper", "outside upper center", "outside lower center"]

WIDTH = 6.6
"""Inches that a picture is wide at most: at 600 pixels a text of 7.5 points is then 9 pixels high."""
SMALLEST_TEXT = 7.5
"""The size of the smallest text in points."""
INK = "#222222"
MOST_PANELS = 12
"""Panels of a picture; `left_out` says how many more there would be."""

# Okabe & Ito's palette, which most people with colour blindness can tell apart, and a grey.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F")
PALE = "#999999"
DASHES: tuple[Dashes, ...] = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_DPI = 150
_LETTERS_PER_INCH = 14
_LEGEND_LETTERS = 30
_FRAME = "#8a8f98"
_LOOK: Mapping[str, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _FRAME,
    "axes.linewidth": 0.8,
    "axes.labelsize": 8.5,
    "axes.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.color": _FRAME,
    "ytick.color": _FRAME,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.color": INK,
}
# Text stays text, in the fonts of the reader, and the same rows give the same file.
_SVG: Mapping[str, Any] = {"svg.fonttype": "none", "svg.hashsalt": "harness"}


def line_style(number: int) -> tuple[str, Dashes, str]:
    """Return colour, dashes and marker of the line with this number; they repeat after 7, 4 and 7 lines."""
    return PALETTE[number % len(PALETTE)], DASHES[number % len(DASHES)], MARKERS[number % len(MARKERS)]


def empty_figure(width: float, height: float, layout: str | None = "constrained") -> Figure:
    """Return a figure without axes, of a size in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure: Figure = Figure(figsize=(width, height), layout=layout, dpi=_DPI)  # type: ignore[arg-type]
    FigureCanvasAgg(figure)
    return figure


def panels(
    count: int, most_columns: int, panel: tuple[float, float], margins: tuple[float, float], **sharing: Any
) -> tuple[Figure, npt.NDArray[Any]]:
    """Return a figure with a grid of panels, those beyond `count` hidden, and its axes `[lines, columns]`.

    It is `WIDTH` wide at most: panels that would need more are narrower.

    Args:
        count: number of panels, at least 1.
        most_columns: the largest number of columns of the grid.
        panel: width and height of a panel in inches.
        margins: width and height in inches that the figure has beyond its panels.
        sharing: `sharex`, `sharey` and `height_ratios`, as matplotlib takes them.
    """
    columns = min(most_columns, count)
    lines = -(-count // columns)
    figure = empty_figure(min(margins[0] + panel[0] * columns, WIDTH), margins[1] + panel[1] * lines)
    with _settings(_LOOK):
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
    names = [shortened(name, _LEGEND_LETTERS) for name in handles]
    figure.legend(list(handles.values()), names, loc=loc, fontsize=8, frameon=False, **options)


def name_axes(axes: npt.NDArray[Any], x: str, y: str) -> None:
    """Name the x axis below the lowest panel of each column of a grid, and the y axis at the left of each line."""
    for column in axes.T:
        lowest = [axis for axis in column if axis.get_visible()][-1]
        lowest.set_xlabel(x)
        lowest.tick_params(labelbottom=True)
    for line in axes:
        line[0].set_ylabel(y)


def title(axis: Axes, text: str) -> None:
    """Write the title of a panel, cut in the middle where it is longer than the panel is wide."""
    letters = round(axis.bbox.width / axis.figure.dpi * _LETTERS_PER_INCH)
    lines = [shortened(line, letters) for line in text.split("\n")]
    axis.set_title("\n".join(lines), loc="left", fontsize=9.5, fontweight="bold", color=INK)


def shortened(text: str, letters: int) -> str:
    """Return a text of at most so many letters, cut in the middle, since labels differ at both ends."""
    text = " ".join(text.split())
    if len(text) <= letters:
        return text
    tail = (letters - 1) // 2
    return f"{text[: letters - 1 - tail].rstrip()}…{text[len(text) - tail :].lstrip()}"


def left_out(figure: Figure, number: int, what: str) -> None:
    """Say above a picture how many panels or lines more there are; nothing where there are none."""
    if number > 0:
        figure.suptitle(f"{number} more {what} left out", x=0.01, ha="left", fontsize=SMALLEST_TEXT, color=INK)


def save(figure: Figure, path: Path) -> Path:
    """Write a figure to a file, in the format of its suffix, and return the path; beside a PNG an SVG of the same."""
    _show_as_written(figure)
    with warnings.catch_warnings():
        _allow_any_letter()
        if path.suffix == ".png":
            _save_twice(figure, path)
        else:
            figure.savefig(path)
    return path


def _save_twice(figure: Figure, path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    # `savefig` would draw everything twice, to find out what it already knows here.
    canvas = FigureCanvasAgg(figure)
    canvas.print_png(path)  # type: ignore[no-untyped-call]
    figure.set_layout_engine("none")
    with _settings(_SVG):
        FigureCanvasSVG(figure).print_svg(path.with_suffix(".svg"), metadata={"Date": None})  # type: ignore[no-untyped-call]
    # An SVG is drawn at 72 dots per inch, and the figure keeps what it was drawn with last.
    figure.set_canvas(canvas)
    figure.set_dpi(_DPI)


def png(figure: Figure) -> bytes:
    """Return a figure as the content of a PNG file."""
    content = io.BytesIO()
    _show_as_written(figure)
    with warnings.catch_warnings():
        _allow_any_letter()
        figure.savefig(content, format="png")
    return content.getvalue()


def settle(figure: Figure) -> None:
    """Work out where everything of a figure is, once and for all, so that labels can be placed by it."""
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    _show_as_written(figure)
    with warnings.catch_warnings():
        _allow_any_letter()
        layout = figure.get_layout_engine()
        # To work out the layout takes a fraction of the time of a drawing, and settles what it measures.
        if isinstance(layout, ConstrainedLayoutEngine):
            layout.execute(figure)
        else:
            figure.draw_without_rendering()
    figure.set_layout_engine("none")


def _settings(values: Mapping[str, Any]) -> Any:
    """A context with some of matplotlib's settings."""
    import matplotlib as mpl

    settings: dict[Any, Any] = dict(values)
    return mpl.rc_context(settings)


def _allow_any_letter() -> None:
    """Say nothing of letters that the font lacks, such as emoji: the PNG shows a box, the SVG the reader's own font."""
    warnings.filterwarnings("ignore", message="Glyph .* missing from")


def _show_as_written(figure: Figure) -> None:
    """Have texts with a dollar sign shown as they are, since labels are no formulas; powers of ten stay formulas."""
    for text in _texts(figure):
        if "$" in text.get_text() and "mathdefault" not in text.get_text():
            text.set_parse_math(False)


def _texts(figure: Figure) -> Iterator[Text]:
    """Yield the texts of a figure that hold what others have named, which the numbers beside its axes do not."""
    from matplotlib.ticker import FixedFormatter, FuncFormatter

    yield from figure.texts
    legends = [*figure.legends]
    for axes in figure.axes:
        yield from axes.texts
        yield from (axes.title, axes._left_title, axes._right_title, axes.xaxis.label, axes.yaxis.label)  # type: ignore[attr-defined]
        own = axes.get_legend()
        legends += [] if own is None else [own]
        for axis in (axes.xaxis, axes.yaxis):
            if isinstance(axis.get_major_formatter(), FixedFormatter | FuncFormatter):
                yield from axis.get_ticklabels()
    for each in legends:
        yield from each.get_texts()
