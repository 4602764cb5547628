"""Groups of a table: what is missing is declared, and one number has one spelling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.api import InvalidOutput, Table, parse_table, read_groups, read_table


def column(*cells: str) -> Table:
    rows = "".join(f'"{cell}",\n' for cell in cells)
    return parse_table(f"g,y\n{rows}".encode(), "t.csv")


def groups(table: Table, **declared: Any) -> list[str]:
    found = read_groups(table, "g", **declared)
    return [found.levels[code] for code in found.codes]


def test_texts_are_groups_as_they_are_written() -> None:
    cells = ["a, b", "a|b", "a*b", "a\nb", "007", "1234567890123456789", "1234567890123456790", "gap"]
    assert groups(column(*cells)) == cells


@pytest.mark.parametrize("code", ["NA", "nan", "NULL", "None", "n/a", "#N/A", "?", "<NA>", "."])
def test_a_code_for_missing_values_is_declared_missing_or_a_value(code: str) -> None:
    table = column("m", code, "f")
    with pytest.raises(InvalidOutput) as error:
        groups(table)
    assert f"t.csv, line 3: 'g' holds {code!r}: is it a value, or is none known?" in str(error.value)
    assert groups(table, unknown="not stated") == ["m", "not stated", "f"]
    assert groups(table, values="text") == groups(table, values=["f", "m", code]) == ["m", code, "f"]


def test_missing_values_are_refused_or_named() -> None:
    with pytest.raises(InvalidOutput, match=r"1 of 3 rows have no 'g', first on line 3; call them something"):
        groups(column("m", " ", "f"), values="text")
    assert groups(column("m", " ", "NA", "f"), unknown="m") == ["m", "m", "m", "f"]


def test_two_spellings_of_one_number_are_declared() -> None:
    assert groups(column("1", "2", "10")) == ["1", "2", "10"]
    table = column("1", "2", "1.0", "2e0")
    with pytest.raises(InvalidOutput, match=r"line 4: 'g' holds '1.0', and '1' on line 2: one number or two groups\?"):
        groups(table)
    assert groups(table, values="text") == ["1", "2", "1.0", "2e0"]
    assert groups(table, values="number") == groups(table, values=[1, 2]) == ["1", "2", "1", "2"]
    assert groups(column("0.50", "100", "-0.0"), values="number") == ["0.5", "100", "0"]
    with pytest.raises(InvalidOutput, match="line 3: 'g' holds 'x', which is no number, as `values:` says"):
        groups(column("1", "x"), values="number")


def test_nothing_but_the_declared_values_may_occur() -> None:
    with pytest.raises(InvalidOutput, match="line 3: 'g' holds 'male', none of its declared values 'f', 'm'"):
        groups(column("m", "male", "f"), values=["m", "f"])
    assert groups(column("m", "?", "f"), values=["m", "f"], unknown="x") == ["m", "x", "f"]


def test_truth_values_are_declared_in_any_spelling(tmp_path: Path) -> None:
    for cells in (("True", "False"), ("TRUE", "FALSE"), ("true", "false")):
        assert groups(column(*cells), values=[True, False]) == list(cells)
        assert groups(column(*cells), values=["true", "false"]) == list(cells)
    pq.write_table(pa.table({"g": [True, False, None]}), tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert groups(table, values=[True, False], unknown="?") == ["True", "False", "?"]
    with pytest.raises(InvalidOutput, match="'g' holds 'False', none of its declared values 'True'"):
        groups(table, values=[True], unknown="?")


@pytest.mark.parametrize("values", [None, [True, False]])
def test_two_spellings_of_a_truth_value_are_refused(values: list[bool] | None) -> None:
    with pytest.raises(InvalidOutput, match="line 4: 'g' holds 'TRUE', and 'True' on line 2, which means the same"):
        groups(column("True", "False", "TRUE"), values=values)
    assert groups(column("True", "TRUE"), values=["True", "TRUE"]) == ["True", "TRUE"]


def test_numbers_of_parquet_have_one_spelling(tmp_path: Path) -> None:
    pq.write_table(pa.table({"g": pa.array([1.0, 2.5, float("nan")])}), tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert groups(table, unknown="none") == ["1", "2.5", "none"]
    with pytest.raises(InvalidOutput, match="1 of 3 rows have no 'g', first on row 3"):
        groups(table)


def test_numbers_of_any_length_stay_apart() -> None:
    long = "12345678901234567890123456789012"
    assert groups(column(f"{long}3", f"{long}4", f"{long}3.0"), values="number") == [f"{long}3", f"{long}4", f"{long}3"]
    assert groups(column("1e400", "10e399", "-1e-400", "-0"), values="number") == ["1E+400", "1E+400", "-1E-400", "0"]


def test_what_no_number_is_as_large_as_is_text() -> None:
    digest = "3e99999999999999999999"
    assert groups(column(digest, "a")) == [digest, "a"]
    assert groups(column("1e999999999", "b")) == ["1e999999999", "b"]


@pytest.mark.parametrize(("one", "other"), [("Zoë", "Zoe\u0308"), ("north", "nor\u200bth"), ("a", "a\u00ad")])
def test_texts_that_look_the_same_are_refused_until_declared(one: str, other: str) -> None:
    with pytest.raises(InvalidOutput, match=r"t\.csv, line 3: 'g' holds .* on line 2, which looks the same"):
        groups(column(one, other))
    assert groups(column(one, other), values="text") == [one, other]


@pytest.mark.parametrize("other", ["A\u00a0B", "A  B", "A\x00 B", "A \u200bB"])
def test_white_space_and_controls_make_no_other_group(other: str) -> None:
    with pytest.raises(InvalidOutput, match=r"line 3: 'g' holds .* which looks the same"):
        groups(column("A B", other))
    assert groups(column("A B", other), values="text") == ["A B", other]


def test_joiners_are_seen() -> None:
    cells = ["\u0645\u06cc\u200c\u062e\u0648", "\u0645\u06cc\u062e\u0648"]
    assert groups(column(*cells)) == cells
