"""Two spellings of one value are refused, never counted as two values."""

from __future__ import annotations

import pytest

from harness.api import InvalidOutput, parse_table, read_groups, refuse_lookalikes, refuse_two_spellings


@pytest.mark.parametrize("other", ["ne\u0301", "n\u00e9\u200b"])
def test_texts_that_look_the_same_are_refused_with_both_lines(other: str) -> None:
    table = parse_table(f"y\nn\u00e9\nno\n{other}\n".encode(), "t.csv")
    with pytest.raises(InvalidOutput, match=r"line 4: the label 'y' holds .* on line 2, which looks the same"):
        refuse_lookalikes(table, "y", "label", table.categories("y", "label"))


@pytest.mark.parametrize(("one", "other"), [("Yes", "yes"), ("1", "01"), ("1e0", "1"), ("TRUE", "true")])
def test_two_spellings_are_refused_with_both_lines(one: str, other: str) -> None:
    table = parse_table(f"y\n{one}\n{other}\n".encode(), "t.csv")
    with pytest.raises(InvalidOutput, match=r"line 3: .* on line 2, which may mean the same"):
        refuse_two_spellings(table, "y", "label", table.categories("y", "label"))


@pytest.mark.parametrize("code", [r"\N", "n.a.", "-nan", "#DIV/0!", "#N/A N/A", "1.#IND", "\u200b"])
def test_codes_of_other_programs_are_no_groups(code: str) -> None:
    table = parse_table(f"g,x\n{code},1\na,2\n".encode(), "t.csv")
    with pytest.raises(InvalidOutput, match="line 2: 'g' holds"):
        read_groups(table, "g")


@pytest.mark.parametrize("encoding", ["idna", "punycode", "unicode_escape"])
def test_a_codec_that_is_no_encoding_of_files_is_refused(encoding: str) -> None:
    with pytest.raises(InvalidOutput, match="is no encoding of text"):
        parse_table("g\n\u00e9\n".encode(), "t.csv", encoding=encoding)


def test_no_names_are_no_header() -> None:
    with pytest.raises(InvalidOutput, match="`header:` names no column"):
        parse_table(b"1,2\n", "t.csv", header=[])
