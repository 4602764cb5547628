"""Text of strangers in every format: nothing in it is a command to who or what reads it."""

from __future__ import annotations

import csv
import html.parser
import io
import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import escaping

ANYTHING = st.text(st.characters(exclude_categories=()))


def commands_in(text: str, allowed: str = "") -> set[str]:
    """Control characters, halves of characters, breaks, and what turns the direction of writing (UAX #9)."""
    while pairs := re.findall("\u2068[^\u2066-\u2069\n]*\u2069", text):
        text = text.replace(pairs[0], pairs[0][1:-1])
    turning = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    return {
        sign
        for sign in text
        if sign not in allowed
        and (
            unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp")
            or unicodedata.bidirectional(sign) in turning
            or sign in "\u200e\u200f\u061c"
        )
    }


@given(ANYTHING)
def test_no_command_is_left_in_any_format(text: str) -> None:
    assert not commands_in(escaping.visible(text), "\n\t")
    assert not commands_in(str(escaping.csv_value(text)), "\n\t")
    assert not commands_in(escaping.html_text(text), "\n\t")
    for escape in (escaping.on_a_line, escaping.markdown_cell, escaping.markdown_line, escaping.latex):
        assert not commands_in(escape(text))
    assert not commands_in(escaping.json_text({text: text}))


@given(ANYTHING)
def test_escaping_again_changes_nothing(text: str) -> None:
    for escape in (escaping.visible, escaping.on_a_line):
        assert escape(escape(text)) == escape(text)


def test_an_isolated_name_stays_isolated() -> None:
    assert escaping.visible("\u2068שלום\u2069: 1") == "\u2068שלום\u2069: 1"
    assert escaping.visible("\u2068a\u202eb\u2069") == "\u2068a\\u202eb\u2069"
    assert escaping.visible("\u2068a") == "\\u2068a"
    assert escaping.visible("a\u2069") == "a\\u2069"


def test_what_is_spelt_out() -> None:
    assert escaping.visible("a\x1b[31mb\r\u202ec\x9b\x7f\x85") == r"a\x1b[31mb\rc".replace("c", r"\u202ec\x9b\x7f\x85")
    assert escaping.visible("two\nlines\tand ≤ ä 漢 שלום") == "two\nlines\tand ≤ ä 漢 שלום"
    assert escaping.on_a_line("two\nlines\t") == r"two\nlines\t"


@given(st.dictionaries(ANYTHING, ANYTHING | st.floats(allow_nan=False)))
def test_json_comes_back(value: dict[str, object]) -> None:
    for indent in (None, 1):
        assert json.loads(escaping.json_text(value, indent)) == value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", r"a\|b"),
        ("<script>", r"\<script>"),
        ("</td>", r"\</td>"),
        ("<!--", r"\<!--"),
        ("&lt;b", r"\&lt;b"),
        ("![x](http://y)", r"\![x]\(http://y)"),
        ("[x][y] [x]: z", r"[x]\[y] [x]\: z"),
        ("0.9 [0.8, 1.0] p < 0.0001 & R", "0.9 [0.8, 1.0] p < 0.0001 & R"),
    ],
)
def test_markdown(text: str, shown: str) -> None:
    assert escaping.markdown_cell(text) == shown


@pytest.mark.parametrize("text", ["# a", "> a", "- a", "+ a", "= a", "1. a", "```"])
def test_a_paragraph_of_markdown_is_no_block(text: str) -> None:
    assert escaping.markdown_line(text) == f"\\{text}"
    assert escaping.markdown_line(f"x\n\n{text}") == f"x {text}"


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-1+1", "@sum(a)", "\t=1", " =1", "＝1", "-"])
def test_a_formula_is_a_text_to_a_spreadsheet(text: str) -> None:
    assert escaping.csv_value(text) == f"'{text}"


@pytest.mark.parametrize("value", [-1, -0.5, None, "-0.5", "+1e-3", "1", "a=b", "", "− 3"])
def test_numbers_and_other_texts_stay_as_they_are(value: object) -> None:
    assert escaping.csv_value(value) == value


@given(st.lists(ANYTHING, min_size=1))
def test_a_line_of_csv_has_its_fields(fields: list[str]) -> None:
    text = io.StringIO()
    csv.writer(text).writerow([escaping.csv_value(field) for field in fields])
    (read,) = csv.reader(io.StringIO(text.getvalue(), newline=""))
    assert read == [escaping.csv_value(field) for field in fields]


@given(ANYTHING)
def test_html_holds_one_text(text: str) -> None:
    seen: list[str] = []
    parser = html.parser.HTMLParser()
    parser.handle_data = seen.append  # type: ignore[method-assign]
    parser.handle_starttag = lambda *_: seen.append("a tag")  # type: ignore[method-assign]
    parser.feed(f'<p title="{escaping.html_text(text)}">{escaping.html_text(text)}</p>')
    parser.close()
    assert "".join(seen) == f"a tag{escaping.visible(text)}"


def test_latex() -> None:
    assert escaping.latex(r"a_b & 5 % \input{x} ~^") == (
        r"a\_b \& 5 \% \textbackslash{}input\{x\} \textasciitilde{}\textasciicircum{}"
    )
