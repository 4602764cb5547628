"""pyarrow takes values of pandas for what they are, and does not import pandas where there are none."""

from __future__ import annotations

import subprocess
import sys

START = """
import sys
from harness.instruments.late_pandas import keep_pandas_out
keep_pandas_out()
"""


def shown_by(code: str) -> list[str]:
    return subprocess.run(
        [sys.executable, "-c", START + code], capture_output=True, text=True, check=True
    ).stdout.split()


def test_values_of_python_and_numpy_are_converted_without_pandas() -> None:
    code = """
import numpy as np, pyarrow as pa, pyarrow.compute as pc
column = pa.array(["a", None, "b"])
print(pc.sum(pc.equal(column, "a")).as_py(), pa.array(np.arange(3)).to_numpy().sum(), "pandas" in sys.modules)
"""
    assert shown_by(code) == ["1", "3", "False"]


def test_a_series_is_a_series_once_pandas_is_imported() -> None:
    code = """
import pyarrow as pa
pa.array([1])
import pandas as pd
print(pa.array(pd.Series([1.0, float("nan")])).null_count, pa.Table.from_pandas(pd.DataFrame({"a": [1]})).num_rows)
"""
    assert shown_by(code) == ["1", "1"]


def test_pandas_may_be_imported_first() -> None:
    code = """
import pandas as pd
import pyarrow as pa
print(pa.array(pd.Series([1.0, float("nan")])).null_count)
"""
    assert shown_by(code) == ["1"]


def test_pandas_may_import_pyarrow() -> None:
    code = """
import pandas as pd
print(pd.Series(["a", None], dtype="string[pyarrow]").isna().sum())
import pyarrow as pa
print(pa.array(pd.Series([1.0, float("nan")])).null_count)
"""
    assert shown_by(code) == ["1", "1"]


def test_a_table_becomes_a_frame() -> None:
    code = """
import pyarrow as pa
table = pa.table({"a": ["x", None]})
print("pandas" in sys.modules, table.to_pandas()["a"].isna().sum(), "pandas" in sys.modules)
"""
    assert shown_by(code) == ["False", "1", "True"]
