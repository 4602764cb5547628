"""A judged night as machines read it: the summary page of a job, annotations, and JUnit's XML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from harness.escaping import markdown_cell, markdown_line, on_a_line
from harness.results.nights.judge import Night, NightRow

MAX_SUMMARY_BYTES = 1024 * 1024
"""GitHub shows no summary of a step that is larger."""
MAX_ANNOTATIONS = 10
"""GitHub shows no more annotations of a step."""
_HEAD = "| | row | metric | what |\n|---|---|---|---|"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ROOM_FOR_THE_CUT = 200


def summary_markdown(night: Night, most_bytes: int = MAX_SUMMARY_BYTES) -> str:
    """Return the night as Markdown of at most so many bytes, the gravest rows first; what is cut off is counted.

    Args:
        night: judged.
        most_bytes: at least a few hundred.
    """
    head = f"## {markdown_line(night.suite)}: night\n\n{markdown_line(night.sentence)}\n\n"
    lines = [_line(row) for row in night.rows]
    room = most_bytes - len(head.encode()) - len(_HEAD.encode()) - _ROOM_FOR_THE_CUT
    kept = 0
    for line in lines:
        room -= len(line.encode()) + 1
        if room < 0:
            break
        kept += 1
    table = "\n".join([_HEAD, *lines[:kept]]) + "\n" if kept else ""
    left = len(lines) - kept
    cut = f"\n{left} of {len(lines)} rows are left out, since a summary may hold {most_bytes} bytes\n" if left else ""
    return f"{head}{table}{cut}\n"


def _line(row: NightRow) -> str:
    return f"| {row.label} | {' | '.join(map(markdown_cell, (row.name, row.metric, row.reason)))} |"


def annotation_lines(night: Night, most: int = MAX_ANNOTATIONS) -> list[str]:
    """Return workflow commands of GitHub Actions for what regressed, then for what is suspicious; at most so many."""
    kinds = {"regression": "error", "suspicious": "warning"}
    told = [(kinds[row.label], row) for row in night.rows if row.label in kinds]
    shown = told if len(told) <= most else told[: most - 1]
    lines = [f"::{kind} title={_property(f'{night.suite}: {row.label}')}::{_data(str(row))}" for kind, row in shown]
    if len(told) > len(shown):
        lines.append(f"::{told[len(shown)][0]} title={_property(night.suite)}::{len(told) - len(shown)} more rows")
    return lines


def _data(text: str) -> str:
    return on_a_line(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def junit_xml(night: Night) -> str:
    """Return the night as JUnit's XML: a test for every row, failed if it regressed, skipped without enough data."""
    counts = {"tests": len(night.rows), "failures": night.counts["regression"]}
    counts |= {"skipped": night.counts["insufficient data"], "errors": 0}
    suite = ET.Element("testsuite", {"name": _xml(night.suite), **{name: str(n) for name, n in counts.items()}})
    for row in night.rows:
        name = f"{row.name} / {row.metric}" if row.metric else row.name
        case = ET.SubElement(
            suite, "testcase", {"classname": _xml(f"{night.suite}.{row.experiment}"), "name": _xml(name)}
        )
        if row.label == "regression":
            ET.SubElement(case, "failure", {"message": _xml(row.reason)})
        elif row.label == "insufficient data":
            ET.SubElement(case, "skipped", {"message": _xml(row.reason)})
        else:
            ET.SubElement(case, "system-out").text = _xml(f"{row.label}: {row.reason}")
    suites = ET.Element("testsuites")
    suites.append(suite)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _xml(text: str) -> str:
    """A text without the characters that XML cannot hold."""
    return _NOT_XML.sub("�", text)


def terminal_lines(night: Night) -> Sequence[str]:
    """Return what a terminal shows: every row that regressed or is suspicious, then the sentence."""
    grave = [f"{row.label}: {on_a_line(str(row))}" for row in night.rows if row.label in ("regression", "suspicious")]
    return [*grave, on_a_line(night.sentence)]
