"""What machines read of a night: a summary that says what it leaves out, ten annotations, JUnit."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from harness.results.nights.files import MAX_SUMMARY_BYTES, annotation_lines, junit_xml, summary_markdown
from harness.results.nights.judge import Night, NightLabel, NightRow


def night(*labels: NightLabel, name: str = "m", reason: str = "−0.1") -> Night:
    return Night(
        "s", "run", "before", [NightRow("e", f"{name}{i}", "acc", label, reason) for i, label in enumerate(labels)]
    )


def test_a_summary_that_is_too_long_is_cut_at_a_row_and_says_how_many_are_left_out() -> None:
    whole = night(*["regression"] * 3, *["no regression"] * 30_000, reason="ä" * 40)
    text = summary_markdown(whole)
    assert MAX_SUMMARY_BYTES - 500 < len(text.encode()) <= MAX_SUMMARY_BYTES
    rows = [line for line in text.splitlines() if line.startswith(("| regression", "| no regression"))]
    assert all(line.endswith(" |") for line in rows)
    assert f"{len(whole.rows) - len(rows)} of 30003 rows are left out" in text
    assert "left out" not in summary_markdown(night("regression"))


def test_labels_of_strangers_make_no_table_of_their_own() -> None:
    text = summary_markdown(night("regression", name="a | b\n# c <img>"))
    assert len([line for line in text.splitlines() if line.startswith("|")]) == 3


def test_at_most_ten_annotations_the_gravest_first() -> None:
    lines = annotation_lines(night(*["regression"] * 8, *["suspicious"] * 9, "no regression"))
    assert len(lines) == 10
    assert [line.partition(" ")[0] for line in lines] == ["::error"] * 8 + ["::warning"] * 2
    assert lines[-1].endswith("::8 more rows")
    assert len(annotation_lines(night(*["suspicious"] * 10))) == 10
    assert annotation_lines(night("no regression", "insufficient data")) == []


def test_an_annotation_is_one_command() -> None:
    (line,) = annotation_lines(night("regression", name="100 %\n::error::", reason="a\r\nb"))
    assert "\n" not in line
    assert "100 %25" in line


def test_junit_counts_and_marks_rows() -> None:
    root = ET.fromstring(junit_xml(night("regression", "suspicious", "insufficient data", name="\x1b<&")))
    (suite,) = root
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    assert [[child.tag for child in case] for case in suite] == [["failure"], ["system-out"], ["skipped"]]
    assert suite[0].get("name") == "�<&0 / acc"
