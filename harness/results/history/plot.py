"""The history of a suite as a picture: a panel for each model and metric, a line for each attack."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.contract.cells import TREATMENTS
from harness.contract.errors import UsageError
from harness.figures import PALETTE, SMALLEST_TEXT, WIDTH, faint_grid, line_style, save, shortened, title
from harness.figures import panels as panels_of
from harness.results.history.series import PastRun, Series
from harness.results.history.table import Readings, heading

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_PANELS = 12
MAX_LINES = 20
"""Lines in a panel; more can neither be told apart nor named beside it."""
_MAX_GRID_COLUMNS = 3
_MAX_TICKS = 4
_LEGEND_COLUMNS = 3
_MOST_LETTERS = 30
_REMARKS = ("step", "no marker: not measured again", "of equal lines the first is drawn")
_LOG_SCALE_FROM_RATIO = 50.0
_RING: Mapping[str, Any] = {
    "marker": "o",
    "markersize": 10,
    "markerfacecolor": "none",
    "markeredgecolor": "black",
    "linestyle": "",
}
_SWEPT = re.compile(r"\s+\w+=.*")


@dataclass(frozen=True)
class _Style:
    colour: str
    dashes: str
    marker: str
    width: float = 1.2

    @property
    def line(self) -> dict[str, Any]:
        """The style as arguments of a matplotlib line."""
        marker = {"marker": self.marker, "markersize": 3.2}
        return {"color": self.colour, "linestyle": self.dashes, "linewidth": self.width, **marker}


@dataclass(frozen=True)
class _Panel:
    """A model and a metric.

    Attributes:
        title: what tells it from its neighbours on the left and right.
        metric: what is on its y axis.
        series: its lines.
        n_left_out: how many lines more there are.
    """

    title: str
    metric: str
    series: tuple[Series, ...]
    n_left_out: int = 0

    def with_fewer_lines(self) -> _Panel:
        """The panel with at most `MAX_LINES` lines, in their order; those with steps come before others."""
        different = _without_repeats(self.series)
        ranked = sorted(range(len(different)), key=lambda number: not different[number].steps)
        chosen = tuple(different[number] for number in sorted(ranked[:MAX_LINES]))
        return replace(self, series=chosen, n_left_out=len(different) - len(chosen))


@dataclass(frozen=True)
class LeftOut:
    """What did not fit into a picture: panels beyond `MAX_PANELS`, and lines of a panel beyond `MAX_LINES`."""

    panels: int = 0
    lines: int = 0

    def __str__(self) -> str:
        counts = {"panel": self.panels, "line": self.lines}
        words = [f"{count} {word}{'s' if count != 1 else ''}" for word, count in counts.items() if count]
        return f"{' and '.join(words)} did not fit" if words else ""


def draw_history(history: Sequence[Series], runs: Sequence[PastRun], readings: Readings, path: Path) -> LeftOut:
    """Draw the history and return what was left out; what has steps comes first.

    Raises:
        UsageError: the file cannot be written.
    """
    panels = _panels(history, readings)
    shown = [panel.with_fewer_lines() for panel in _panels_that_fit(panels)]
    left_out = LeftOut(len(panels) - len(shown), sum(panel.n_left_out for panel in shown))
    titles = list(dict.fromkeys(panel.title for panel in shown))
    is_grid = len(titles) <= _MAX_GRID_COLUMNS and len(shown) == len(panels)
    columns = len(titles) if is_grid else min(2, len(shown))
    cells = _grid(shown, titles) if is_grid else list(shown)
    styles = _styles(shown)
    below = 0.5 + 0.17 * -(-(len(styles) + len(_REMARKS)) // _LEGEND_COLUMNS)
    sharey = "row" if is_grid else False
    figure, axes = panels_of(len(cells), columns, (WIDTH / columns, 2.0), (0.0, below), sharex=True, sharey=sharey)
    for axis, panel in zip(axes.flat, cells, strict=False):
        if panel is None:
            axis.set_visible(False)
            continue
        _draw_panel(axis, panel, runs, styles)
        if not is_grid:
            title(axis, panel.title)
            axis.set_ylabel(panel.metric)
    if is_grid:
        for axis, words in zip(axes[0], titles, strict=True):
            title(axis, words)
        for line, metric in zip(axes, dict.fromkeys(panel.metric for panel in shown), strict=True):
            line[0].set_ylabel(metric)
    for axis in axes.flat[max(0, len(cells) - columns) :]:
        _date_axis(axis, runs)
    _legend(figure, styles)
    if str(left_out):
        figure.suptitle(f"{left_out}, those without steps first", x=0.01, ha="left", fontsize=SMALLEST_TEXT)
    try:
        save(figure, path)
    except OSError as error:
        raise UsageError(f"the picture {str(path)!r} cannot be written: {error.strerror or error}") from error
    return left_out


def _panels(history: Sequence[Series], readings: Readings) -> list[_Panel]:
    """Group series into panels by metric and then by model, in the order of the table."""
    experiments = {series.row.experiment for series in history}
    by_place: dict[tuple[str, str], list[Series]] = {}
    for series in history:
        model = series.row.labels.get("model", "")
        title = " / ".join(name for name in (series.row.experiment if len(experiments) > 1 else "", model) if name)
        by_place.setdefault((heading(series, readings), title or series.row.experiment), []).append(series)
    metrics = list(dict.fromkeys(metric for metric, _ in by_place))
    metrics.sort(key=lambda metric: min(_rank(s) for (m, _), own in by_place.items() if m == metric for s in own))
    return [
        _Panel(title, metric, tuple(own))
        for name in metrics
        for (metric, title), own in by_place.items()
        if metric == name
    ]


def _rank(series: Series) -> int:
    return ("metric", "cost", "seconds").index(series.sort)


def _panels_that_fit(panels: Sequence[_Panel]) -> list[_Panel]:
    """Return at most `MAX_PANELS` panels in their order; those with steps come before others when some are left out."""
    ranked = sorted(panels, key=lambda panel: not any(series.steps for series in panel.series))
    fitting = ranked[:MAX_PANELS]
    return [panel for panel in panels if panel in fitting]


def _grid(panels: Sequence[_Panel], titles: Sequence[str]) -> list[_Panel | None]:
    """Return a row for each metric with an entry for each model, None where there is no panel."""
    placed = {(panel.metric, panel.title): panel for panel in panels}
    metrics = dict.fromkeys(panel.metric for panel in panels)
    return [placed.get((metric, title)) for metric in metrics for title in titles]


def _name(series: Series) -> str:
    """Return the name that tells a line from the others of its panel."""
    labels = series.row.labels
    words = [labels[role] for role in TREATMENTS if role in labels] or [labels.get("data", "all")]
    words += [f"({series.display})"] if series.row.derived and series.display else []
    words += [f"seed {series.row.seed}"] if series.row.seed else []
    return " ".join(words)


def _styles(panels: Sequence[_Panel]) -> dict[str, _Style]:
    """A colour for each kind of attack, a dash for each of its budgets; what is derived is black."""
    derived = {_name(series): bool(series.row.derived) for panel in panels for series in panel.series}
    families: dict[str, list[str]] = {}
    for name, is_derived in derived.items():
        families.setdefault("" if is_derived else _SWEPT.sub("", name), []).append(name)
    coloured = [family for family in families if family]
    styles: dict[str, _Style] = {}
    for family, names in families.items():
        index = coloured.index(family) if family else 0
        colour = line_style(index)[0] if family else "black"
        marker = line_style(index // len(PALETTE))[2]
        for i, name in enumerate(names):
            styles[name] = _Style(colour, line_style(i)[1], marker, 1.2 if family else 2.0)
    return {name: styles[name] for name in derived}


def _draw_panel(axis: Axes, panel: _Panel, runs: Sequence[PastRun], styles: Mapping[str, _Style]) -> None:
    positions = {run.run: position for position, run in enumerate(runs)}
    for series in panel.series:
        _draw_line(axis, series, positions, styles[_name(series)])
    steps = {(positions[change.step.after.run], change.step.after.value) for s in panel.series for change in s.steps}
    if steps:
        axis.plot(*zip(*steps, strict=True), **_RING, zorder=5)
    _scale(axis, [point.value for series in panel.series for point in series.points if series.sort != "metric"])
    axis.set_xlim(-0.4, len(runs) - 0.6)
    faint_grid(axis)


def _without_repeats(history: Sequence[Series]) -> list[Series]:
    """Leave out series that equal an earlier one, as the accuracy without attack does for every attack."""
    first: dict[tuple[tuple[object, ...], ...], Series] = {}
    for series in history:
        first.setdefault(tuple((p.run, p.value, p.low, p.high) for p in series.points), series)
    return list(first.values())


def _draw_line(axis: Axes, series: Series, positions: Mapping[str, int], style: _Style) -> None:
    fresh = {point.run for point in series.measurements}
    axis.plot(
        [positions[point.run] for point in series.points],
        [point.value for point in series.points],
        **style.line,
        markevery=[i for i, point in enumerate(series.points) if point.run in fresh],
    )
    banded = [(p, p.low, p.high) for p in series.points if p.low is not None and p.high is not None]
    if banded:
        low, high = [low for _, low, _ in banded], [high for _, _, high in banded]
        xs = [positions[point.run] for point, _, _ in banded]
        axis.fill_between(xs, low, high, color=style.colour, alpha=0.08, linewidth=0)


def _scale(axis: Axes, efforts: Sequence[float]) -> None:
    """Costs and timings of a cheap and a dear attack differ by orders of magnitude; a cost may be 0."""
    positive = [effort for effort in efforts if effort > 0]
    if positive and max(positive) > _LOG_SCALE_FROM_RATIO * min(positive):
        if len(positive) == len(efforts):
            axis.set_yscale("log")
        else:
            axis.set_yscale("symlog", linthresh=min(positive))


def _date_axis(axis: Axes, runs: Sequence[PastRun]) -> None:
    every = -(-len(runs) // _MAX_TICKS)
    positions = list(range(len(runs) - 1, -1, -every))[::-1]
    axis.set_xticks(positions, [_date(runs[position].started) for position in positions], fontsize=SMALLEST_TEXT)
    axis.tick_params(labelbottom=True)


def _date(started: str) -> str:
    try:
        return f"{datetime.fromisoformat(started):%-d %b\n%H:%M}"
    except ValueError:
        return started


def _legend(figure: Figure, styles: Mapping[str, _Style]) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], **style.line) for style in styles.values()]
    ring, bare = Line2D([], [], **_RING), Line2D([], [], color=PALETTE[-1], linewidth=1.2)
    figure.legend(
        [*handles, ring, bare, Line2D([], [], linestyle="")],
        [*(shortened(name, _MOST_LETTERS) for name in styles), *_REMARKS],
        loc="outside lower center",
        fontsize=SMALLEST_TEXT,
        frameon=False,
        ncols=_LEGEND_COLUMNS,
    )
