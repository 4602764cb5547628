"""pyarrow without pandas, which it imports with the first value that it converts, in a quarter of a second."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from types import ModuleType

from harness.instruments.late_imports import after_import, imported


def keep_pandas_out() -> None:
    """Have pyarrow learn of pandas when something imports it, instead of importing it to ask what a value is.

    No value can be one of pandas before that, so nothing is converted otherwise. `to_pandas` imports pandas itself.
    """
    after_import("pyarrow", _convert_without_pandas)
    after_import("pandas", _introduce_pandas)


class _WithoutPandas:
    """Says that there is no pandas."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def _convert_without_pandas() -> None:
    import pyarrow as pa

    if "pandas" in sys.modules:
        return
    hiding = _WithoutPandas()
    sys.meta_path.insert(0, hiding)
    try:
        # It asks once whether there is pandas.
        pa.scalar(0)
    finally:
        sys.meta_path.remove(hiding)


def _introduce_pandas() -> None:
    pyarrow = imported("pyarrow")
    if pyarrow is not None:
        # A pandas too old for pyarrow is one that pyarrow does not take for pandas.
        with suppress(ImportError):
            pyarrow.lib._pandas_api.pd  # noqa: B018
