"""Numbers written as text, in one strict spelling for a whole column."""

from __future__ import annotations

import re
from typing import Any

DECIMALS = (".", ",")
_MINUS = "\N{MINUS SIGN}"
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(?:[\s.,'’][0-9]{3})+(?:[.,][0-9]+)?")
_NUMBER = r"^[+-]?(\d+{point}?\d*|{point}\d+)([eE][+-]?\d{{1,9}})?$"


def are_numbers(texts: Any, decimal: str) -> Any:
    """Whether each text is a number, null for null.

    A number is digits, with a sign, a decimal sign and an exponent where needed; `1_0`, `nan` and `inf` are none.
    """
    import pyarrow.compute as pc

    return pc.match_substring_regex(texts, _NUMBER.format(point="[.]" if decimal == "." else ","))


def is_number(text: str) -> bool:
    """Whether a text is a number with a decimal point, as `are_numbers` says."""
    return re.fullmatch(_NUMBER.format(point="[.]"), text, re.ASCII) is not None


def parsed(texts: Any, decimal: str) -> Any:
    """The numbers of texts that all are numbers, as float64, correctly rounded."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if decimal != ".":
        texts = pc.replace_substring(texts, decimal, ".")
    return pc.cast(texts, pa.float64())


def advice(text: str, decimal: str) -> str:
    """What to do about a value that is no number."""
    other = DECIMALS[decimal == "."]
    if _MINUS in text:
        return "write its minus as '-'"
    if _THOUSANDS.fullmatch(text) or re.fullmatch(rf"[+-]?[0-9]*{re.escape(other)}[0-9]+", text):
        told = "write it without separators of thousands"
        is_decimal = decimal not in text and text.count(other) == 1
        return f"{told}; if {other!r} is its decimal sign, say `decimal: {other!r}`" if is_decimal else told
    sign = re.fullmatch(r"\s*([^\w\s.,+-]*)\s*[0-9][0-9.,]*\s*([^\w\s.,+-]*)\s*", text)
    if sign and any(sign.groups()):
        return f"write it without {' and '.join(repr(each) for each in sign.groups() if each)}"
    return "write a number, or take the row out"
