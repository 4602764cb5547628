"""A leaderboard as a page whose tables can be sorted and filtered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.results.leaderboard.ranks import Board, Place
from harness.results.leaderboard.table import method_text, shown_metrics, texts_of_place, title_of, unranked_text
from harness.results.report.html import render_template
from harness.results.report.tables import Column, Field, Line, Table, estimate_field
from harness.results.table import metric_heading


@dataclass(frozen=True)
class BoardTable(Table):
    """The table of a board, and its title."""

    title: str


def html_text(boards: Sequence[Board]) -> str:
    """Boards as one HTML page that needs no other file."""
    return render_template("leaderboard.html.j2", boards=[_table(board) for board in boards])


def _table(board: Board) -> BoardTable:
    others = shown_metrics(board)
    columns = (
        Column("rank", "number"),
        Column("ranks left open", "number"),
        Column("model", "label"),
        Column(metric_heading(board.metric, board.facts.direction), "number"),
        Column("tied with", "text"),
        *(Column(name.replace("_", " "), "number") for name in others),
    )
    lines = tuple(Line(_fields(place, board, others), "ok", "", "") for place in board.places)
    notes = (*(unranked_text(*each) for each in board.unranked), method_text(board))
    return BoardTable("the board", "", "", columns, lines, notes, title_of(board))


def _fields(place: Place, board: Board, others: Sequence[str]) -> tuple[Field, ...]:
    rank, span, name, _, tied, *_ = texts_of_place(place, board, ())
    known = (place.others.get(other) for other in others)
    return (
        Field(rank, value=place.rank),
        Field(span, value=place.low),
        Field(name),
        estimate_field(place.estimate, board.facts.unit),
        Field(tied),
        *(Field("") if each is None else estimate_field(each, _unit(board)) for each in known),
    )


def _unit(board: Board) -> str:
    return "fraction" if board.facts.unit == "fraction" else ""
