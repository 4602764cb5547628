"""Rows of separated text: pyarrow, where it is let at them, reads what the scan reads, and Python's reader agrees."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.reading.cells import UnbalancedQuote, are_plain, records
from harness.reading.separated import Separated

PIECES = st.lists(
    st.sampled_from(["a", "é", ",", ",", '"', '""', ',"', '",', "\n", "\r\n", "\r", " ", "\t"]), max_size=24
)


@given(PIECES)
@settings(max_examples=500, deadline=None)
def test_both_ways_of_reading_give_the_same_rows(pieces: list[str]) -> None:
    file = Separated("t.csv", f"x,y\n{''.join(pieces)}".encode(), ",")
    header = next(records(file.content, b","))
    if not are_plain(file.content, header.end, b","):
        return
    parsed = file._parsed(header.end, 2, [0, 1])
    if parsed is not None:
        scanned = file._scanned(2, [0, 1])
        assert {i: column.to_pylist() for i, column in parsed.items()} == {
            i: column.to_pylist() for i, column in scanned.items()
        }


@given(st.lists(st.lists(st.text('ab,"\n\r ;é', max_size=5), min_size=2, max_size=2), min_size=1, max_size=5))
@settings(max_examples=200, deadline=None)
def test_what_python_writes_is_read_back(rows: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([["x", "y"], *rows])
    columns = Separated("t.csv", text.getvalue().encode(), ",").columns([0, 1])
    assert [list(row) for row in zip(*(columns[i].to_pylist() for i in (0, 1)), strict=True)] == rows


def test_a_row_begins_where_its_first_value_does() -> None:
    rows = list(records(b'h,k\r\n"a\nb",1\n\n\r\n , ,\nc,d', b","))
    assert [(row.line, row.cells) for row in rows] == [(1, [b"h", b"k"]), (2, [b"a\nb", b"1"]), (7, [b"c", b"d"])]


@pytest.mark.parametrize("text", [b'"a', b'"a"b', b'x,"a\n', b'"a""'])
def test_unbalanced_quotes(text: bytes) -> None:
    with pytest.raises(UnbalancedQuote):
        list(records(text, b","))
