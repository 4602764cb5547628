"""A leaderboard as text, Markdown, CSV, LaTeX (booktabs) and HTML."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from harness.escaping import latex_table, markdown_cell, on_a_line
from harness.results.comparison.compare import SIGNIFICANCE
from harness.results.leaderboard.ranks import Board, Place, Protocol, meanings
from harness.results.table import (
    KEY_LENGTH,
    csv_of,
    display_headings,
    display_text,
    interval,
    metric_heading,
    text_table,
)

_MAX_TIES_NAMED = 3


def protocols_text(protocols: Sequence[Protocol]) -> str:
    """Return a table of the protocols and what each means."""
    shown = display_headings([protocol.row for protocol in protocols])
    headings = ["key", "task", "data", "n", "treatment", *shown, "models ok", "metrics"]
    return text_table(headings, list(meanings(protocols)))


def terminal_text(boards: Sequence[Board]) -> str:
    """Boards for a terminal."""
    return "\n\n".join(_as_text(board, "simple", "", on_a_line) for board in boards)


def markdown_text(boards: Sequence[Board]) -> str:
    """Boards as Markdown."""
    return "\n\n".join(_as_text(board, "github", "## ", markdown_cell) for board in boards) + "\n"


def _as_text(board: Board, layout: str, heading: str, escape: Callable[[str], str]) -> str:
    columns, body = _columns(board)
    parts = [f"{heading}{escape(title_of(board))}", text_table(columns, body, layout)]
    below = [unranked_text(*each) for each in board.unranked]
    notes = [*below, method_text(board)]
    return "\n\n".join([*parts, "\n".join(f"- {escape(note)}" for note in notes)])


def csv_text(boards: Sequence[Board]) -> str:
    """One line per row, those that are not ranked included, without a rank."""
    return csv_of([line for board in boards for line in _flat(board)])


def _flat(board: Board) -> list[dict[str, object]]:
    head = {"key": board.protocol.key, "treatment": board.protocol.treatment, "metric": board.metric}
    lines: list[dict[str, object]] = []
    for place in board.places:
        estimate = place.estimate
        lines.append(
            {
                **head,
                "model": place.name,
                "rank": place.rank,
                "rank_low": place.low,
                "rank_high": place.high,
                "tied_with": "; ".join(place.tied),
                "value": estimate.value,
                "low": estimate.low,
                "high": estimate.high,
                "n": estimate.n,
                "status": "ok",
                "reason": "",
            }
        )
    for name, status, reason in board.unranked:
        lines.append({**head, "model": name, "status": status, "reason": reason})
    return lines


def latex_text(boards: Sequence[Board]) -> str:
    """Tables for LaTeX with the package booktabs."""
    return "\n".join(_latex(board) for board in boards)


def _latex(board: Board) -> str:
    columns, body = _columns(board)
    notes = " ".join([*(f"{unranked_text(*each)}." for each in board.unranked), method_text(board)])
    return latex_table(columns, body, f"{title_of(board)}. {notes}", "rcl" + "l" * (len(columns) - 3))


def _columns(board: Board) -> tuple[list[str], list[list[str]]]:
    others = shown_metrics(board)
    headings = ["rank", "ranks left open", "model", metric_heading(board.metric, board.facts.direction), "tied with"]
    return [*headings, *(name.replace("_", " ") for name in others)], [
        texts_of_place(place, board, others) for place in board.places
    ]


def shown_metrics(board: Board) -> list[str]:
    """Return the metrics beside the one that is ranked by of which any place has a value."""
    return [
        name
        for name in dict.fromkeys(name for place in board.places for name in place.others)
        if any(name in place.others and place.others[name].value is not None for place in board.places)
    ]


def texts_of_place(place: Place, board: Board, others: Sequence[str]) -> list[str]:
    """Return what tables show of a place: rank, ranks left open, name, value, ties, and other metrics."""
    rank = f"{place.rank}{'=' if place.shared else ''}"
    span = str(place.low) if place.low == place.high else f"{place.low}–{place.high}"
    more = f" and {len(place.tied) - _MAX_TIES_NAMED} more" if len(place.tied) > _MAX_TIES_NAMED else ""
    tied = ", ".join(place.tied[:_MAX_TIES_NAMED]) + more
    unit = "fraction" if board.facts.unit == "fraction" else ""
    values = [interval(place.others[name], unit) if name in place.others else "" for name in others]
    return [rank, span, place.name, interval(place.estimate, board.facts.unit), tied, *values]


def title_of(board: Board) -> str:
    """Return what is ranked, and under which protocol."""
    row = board.protocol.row
    parts = [board.protocol.treatment, display_text(row), f"data {row.labels.get('data', '')}", f"n = {row.n}"]
    what = ", ".join(text for text in parts if text and text != "data " and text != "n = None")
    return f"{board.metric.replace('_', ' ')} ({what}; key {board.protocol.key[:KEY_LENGTH]})"


def unranked_text(name: str, status: str, reason: str) -> str:
    """Return why something is not ranked."""
    return f"not ranked: {name}: {status}{f': {reason}' if reason else ''}"


def method_text(board: Board) -> str:
    """Return how the ranks that are left open were found."""
    tests = ", ".join(f"{method} ({times})" for method, times in board.methods.items())
    return (
        f"ranks left open: all pairs tested{f' ({tests})' if tests else ''}, corrected for their number at "
        f"{SIGNIFICANCE:g}; all intervals hold together"
    )


WRITERS: Mapping[str, Callable[[Sequence[Board]], str]] = {
    "text": terminal_text,
    "md": markdown_text,
    "csv": csv_text,
    "tex": latex_text,
}
