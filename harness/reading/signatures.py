"""Files that are no table, known by how they begin, with what to do about each."""

from __future__ import annotations

import re

from harness.reading.encodings import ADVICE

_BEGINNINGS: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern), told)
    for pattern, told in (
        (rb"PK\x03\x04|PK\x05\x06", 'is a workbook or another packed file; in Excel save it as "CSV UTF-8"'),
        (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 'is an old Excel workbook; save it as "CSV UTF-8"'),
        (rb"\x1f\x8b\x08", "is gzipped twice; unpack it once"),
        (rb"BZh[1-9]1AY&SY|\xfd7zXZ\x00|\x28\xb5\x2f\xfd", "is packed, and not by gzip; unpack it, or pack it by gzip"),
        (rb"PAR1", "is Parquet; let its name end in .parquet"),
        (rb"ARROW1\x00\x00", "is an Arrow file; save it as Parquet"),
        (rb"version https://git-lfs\.github\.com/", "is a pointer of Git LFS, not the file: run git lfs pull"),
        (rb"(?i)\s*<(?:!doctype\s+html|html\b)", "is a web page; download the file itself"),
    )
)
_JSON = re.compile(rb'\s*(?:\[\s*)?\{\s*"')
_UTF16 = re.compile(rb"\xff\xfe|\xfe\xff|\0[^\0]|[^\0]\0|\0\0\xfe\xff")


def fault_of(content: bytes, *, is_json: bool) -> str:
    """What a file is instead of a table of text, and what to do; empty if nothing is known against it.

    Args:
        content: the beginning of the file, unpacked.
        is_json: whether its name says that it holds JSON.
    """
    for pattern, told in _BEGINNINGS:
        if pattern.match(content):
            return told
    if _UTF16.match(content):
        return f"is UTF-16 text; {ADVICE}"
    if not is_json and _JSON.match(content.removeprefix(b"\xef\xbb\xbf")):
        return "holds JSON; let its name end in .jsonl for one object on each line, or .json for a list of them"
    return ""
