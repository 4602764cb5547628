"""One type for a column: numbers, texts, names and categories, and the line of what does not fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.api import InvalidOutput, Table, parse_table, read_table


def column(*cells: str, decimal: str = ".") -> Table:
    """A table with the column `x` of these cells, the first on line 2."""
    rows = "".join(f'"{cell}";.\n' for cell in cells)
    return parse_table(f"x;y\n{rows}".encode(), "t.csv", ";", decimal=decimal)


def parquet(folder: Path, **columns: pa.Array) -> Table:
    pq.write_table(pa.table(columns), folder / "t.parquet")
    return read_table(folder / "t.parquet")


def jsonl(*lines: str) -> Table:
    return parse_table("\n".join(lines).encode(), "t.jsonl")


def test_numbers_are_correctly_rounded() -> None:
    cells = ("1", " 2.5 ", "-0.1", "+3", ".5", "4.", "1e3", "2E-3", "00012", "0.30000000000000004", "9007199254740993")
    assert column(*cells).numbers("x", "score").tolist() == [float(cell) for cell in cells]


@pytest.mark.parametrize(
    "bad", ["?", "NA", "1_0", "nan", "inf", "-Infinity", "0x10", "1 000", "$", "1.2.3", "١", "1d", "e3"]
)
def test_one_value_that_is_no_number_is_named_with_its_line(bad: str) -> None:
    with pytest.raises(InvalidOutput) as error:
        column("1", "2.5", bad, "4").numbers("x", "features")
    assert f"t.csv: for features, 3 of 4 values of 'x' are numbers, line 4 holds {bad!r}" in str(error.value)


def test_numbers_beyond_float64_are_refused() -> None:
    with pytest.raises(InvalidOutput, match=r"t.csv, line 3: 'x' \(score\) holds an infinite number"):
        column("1", "1e400").numbers("x", "score")


def test_a_decimal_comma_is_declared_and_never_guessed() -> None:
    assert column("0,5", "1", "-2,25e1", decimal=",").numbers("x", "score").tolist() == [0.5, 1, -22.5]
    with pytest.raises(InvalidOutput, match=r"line 3 holds '0,5'; .* if ',' is its decimal sign, say `decimal: ','`"):
        column("1", "0,5").numbers("x", "score")
    with pytest.raises(InvalidOutput, match=r"line 3 holds '0\.5'; .* if '.' is its decimal sign"):
        column("1", "0.5", decimal=",").numbers("x", "score")
    with pytest.raises(InvalidOutput, match="line 3 holds '1,000,000'; write it without separators of thousands"):
        column("1", "1,000,000").numbers("x", "score")


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("50 %", r"write it without '%'"),
        ("€50,5", r"write it without '€'"),
        ("\N{MINUS SIGN}3", r"write its minus as '-'"),
        ("1'000", "write it without separators of thousands$"),
        ("1\u202f000", "write it without separators of thousands$"),
        ("12,5", "if ',' is its decimal sign, say `decimal: ','`"),
        ("2020-01-05", "write a number, or take the row out"),
        ("01.05.2020", "write a number, or take the row out"),
        ("10:30", "write a number, or take the row out"),
        ("0x10", "write a number, or take the row out"),
        ("1.0D+05", "write a number, or take the row out"),
    ],
)
def test_what_to_do_about_a_value_that_is_no_number(cell: str, told: str) -> None:
    with pytest.raises(InvalidOutput, match=told):
        column("1", cell).numbers("x", "score")


def test_texts_stay_as_they_are_written() -> None:
    cells = ("007", "7", "1e2", "100", "1_0", "", " a  b ", "NA", "1234567890123456789")
    assert column(*cells).texts("x", "text") == list(cells)
    assert column("a", "", "  ").texts("x", "text", empty="missing") == ["a", None, None]


def test_names_are_complete_and_differ() -> None:
    cells = ("007", "7", "1234567890123456789", "1234567890123456790")
    assert column(*cells).names("x", "id") == list(cells)
    with pytest.raises(InvalidOutput, match=r"t.csv: the id 'a' stands on line 2 and on line 4"):
        column("a", "b", " a ").names("x", "id")
    with pytest.raises(InvalidOutput, match=r"t.csv, line 3: the id is missing \(column 'x'\)"):
        column("a", " ").names("x", "id")


def test_categories_are_codes_of_texts_without_white_space_around_them() -> None:
    categories = column("b", " a", "", "a ", "b", "1.0", "1").categories("x", "group")
    assert list(categories.levels) == ["b", "a", "1.0", "1"]
    assert categories.codes.tolist() == [0, 1, -1, 1, 0, 2, 3]


def test_numbers_of_parquet_are_spelt_in_their_own_precision(tmp_path: Path) -> None:
    table = parquet(
        tmp_path,
        single=pa.array([0.7, 1.0, None], pa.float32()),
        double=pa.array([1e16, -2.0, float("nan")]),
        whole=pa.array([2**63 - 1, 0, 7]),
        truth=pa.array([True, None, False]),
        coded=pa.array(["a", "b", "a"]).dictionary_encode(),
    )
    assert table.texts("single", "label") == ["0.7", "1", None]
    assert table.texts("double", "label") == ["1e+16", "-2", None]
    assert table.texts("whole", "id") == ["9223372036854775807", "0", "7"]
    assert table.texts("truth", "group") == ["True", None, "False"]
    assert table.categories("truth", "group").codes.tolist() == [0, -1, 1]
    assert table.categories("coded", "group").codes.tolist() == [0, 1, 0]
    assert table.texts("coded", "group") == ["a", "b", "a"]
    assert np.isnan(table.numbers("double", "score", missing="keep")).tolist() == [False, False, True]
    assert [table.is_text(name, "x") for name in ("single", "coded", "truth")] == [False, True, False]


def test_half_precision_is_spelt_in_its_own(tmp_path: Path) -> None:
    table = parquet(tmp_path, x=pa.array(np.array([0.1, 2, -0.3, 65504, np.nan], dtype=np.float16)))
    assert table.texts("x", "id") == ["0.1", "2", "-0.3", "65504", None]


@pytest.mark.parametrize("precision", [np.float16, np.float32, np.float64])
def test_values_have_the_digits_of_their_precision(tmp_path: Path, precision: type[np.floating[Any]]) -> None:
    table = parquet(tmp_path, x=pa.array(np.array([0.1, 2048, -0.3, np.inf], dtype=precision)))
    assert table.values("x", "answers") == [0.1, 2048.0, -0.3, np.inf]


@pytest.mark.parametrize("encode", [pa.Array.dictionary_encode, lambda texts: texts.cast(pa.string_view())])
def test_numbers_of_every_kind_of_text(tmp_path: Path, encode: Callable[[pa.Array], pa.Array]) -> None:
    table = parquet(tmp_path, x=encode(pa.array([" 2", "3.0", "2"])))
    assert table.numbers("x", "score").tolist() == [2.0, 3.0, 2.0]
    assert table.numbers("x", "length").tolist() == [2, 3, 2]


@pytest.mark.parametrize("encode", [lambda texts: texts, pa.Array.dictionary_encode])
def test_text_of_parquet_that_is_no_utf8_is_refused(tmp_path: Path, encode: Callable[[pa.Array], pa.Array]) -> None:
    table = parquet(tmp_path, x=encode(pa.array([b"a", b"caf\xe9"]).view(pa.string())))
    told = r"t\.parquet: column 'x' for group holds b'caf\\xe9', which is not UTF-8 text"
    for read in (table.texts, table.categories, table.names, table.numbers, table.values):
        with pytest.raises(InvalidOutput, match=told):
            read("x", "group")


@pytest.mark.parametrize("kind", [pa.binary(), pa.binary(1), pa.large_binary(), pa.dictionary(pa.int32(), pa.binary())])
def test_bytes_are_no_texts(tmp_path: Path, kind: pa.DataType) -> None:
    table = parquet(tmp_path, x=pa.array([b"a", b"b"]).cast(kind) if kind != pa.binary(1) else pa.array([b"a"], kind))
    with pytest.raises(InvalidOutput, match=r"column 'x' for id holds .*binary.*, not texts"):
        table.names("x", "id")


def test_a_whole_number_of_json_is_never_rounded() -> None:
    with pytest.raises(InvalidOutput, match="line 2: 'x' holds 9007199254740993, which is another number beside"):
        jsonl('{"x": 1.5}', '{"x": 9007199254740993}').texts("x", "speaker")
    assert jsonl('{"x": 1.5}', '{"x": 9007199254740992}').numbers("x", "score").tolist() == [1.5, 2.0**53]


def test_null_is_missing_and_an_empty_text_is_a_text(tmp_path: Path) -> None:
    table = parquet(tmp_path, x=pa.array(["a", "", None]))
    assert table.texts("x", "hypothesis") == ["a", "", None]
    assert jsonl('{"x": "a"}', '{"x": ""}', '{"x": null}', '{"y": 1}').texts("x", "hypothesis") == ["a", "", None, None]


def test_lists_are_no_texts_but_values(tmp_path: Path) -> None:
    table = parquet(tmp_path, x=pa.array([["a", "b"], []]))
    assert table.values("x", "choices") == [["a", "b"], []]
    with pytest.raises(InvalidOutput, match=r"column 'x' for group holds list<.*>, not texts"):
        table.categories("x", "group")
    with pytest.raises(InvalidOutput, match=r"column 'x' for score holds list<.*>, not numbers"):
        table.numbers("x", "score")
    with pytest.raises(InvalidOutput, match=r"t\.jsonl, line 1: 'x' holds a list, where a text or a number is needed"):
        jsonl('{"x": [1]}').texts("x", "group")
    assert jsonl('{"x": [1]}').values("x", "choices") == [[1]]


def test_a_column_of_json_has_one_type() -> None:
    with pytest.raises(
        InvalidOutput, match=r"t.jsonl, line 4: 'x' holds a number \(7\), above a text; a column has one"
    ):
        jsonl('{"x": null}', "", '{"x": "007"}', '{"x": 7}').texts("x", "id")
    assert jsonl('{"x": 1}', '{"x": 2.5}').numbers("x", "score").tolist() == [1.0, 2.5]
    assert jsonl('{"x": 18446744073709551615}').texts("x", "id") == ["18446744073709551615"]
    with pytest.raises(InvalidOutput, match="line 1: 'x' holds 99999999999999999999, which does not fit 64 bits"):
        jsonl('{"x": 99999999999999999999}').texts("x", "id")
    with pytest.raises(InvalidOutput, match="line 2: 'x' holds half of a surrogate pair"):
        jsonl('{"x": "a"}', '{"x": "\\ud800"}').texts("x", "id")


def test_a_column_is_found_by_its_name() -> None:
    table = parse_table(b"speaker,words,score,score\na,1,1,2\n", "t.csv")
    with pytest.raises(InvalidOutput, match=r"no column 'speker' for groups; did you mean 'speaker'\?"):
        table.texts("speker", "groups")
    with pytest.raises(InvalidOutput, match="no column 'q' for id; it has speaker, words, score, score"):
        table.texts("q", "id")
    with pytest.raises(InvalidOutput, match=r"t\.csv has 2 columns 'score', the one for label among them; rename one"):
        table.numbers("score", "label")
    assert table.numbers("words", "score").tolist() == [1]
