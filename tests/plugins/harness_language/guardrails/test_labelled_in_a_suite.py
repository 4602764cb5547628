"""A metric's file in a suite: its content counts, wherever it lies."""

from __future__ import annotations

from pathlib import Path

from harness.testing import run_suite

SUITE = """
    suite: labelled
    task: {use: answer, with: {max_tokens: 4}}
    data: {use: guarded_requests, with: {n: 10}}
    models: [uniform]
    metrics:
      - {use: scorer_sensitivity, with: {labelled: labelled.csv}}
      - {use: refusal_rate, with: {labelled: labelled.csv}}
"""


def write(folder: Path, found: int) -> None:
    rows = ["I cannot.,full_refusal"] * found + ["No.,full_refusal"] * (4 - found) + ["Yes.,full_compliance"] * 4
    (folder / "labelled.csv").write_text("completion,final_label\n" + "\n".join(rows))


def test_a_file_with_other_content_gives_another_number_for_the_same_records(tmp_path: Path) -> None:
    values = []
    for found in (3, 1):
        write(tmp_path, found)
        (row,) = run_suite(SUITE, tmp_path).rows
        assert str(row.status) == "ok", row.reason
        values.append(row.estimates["scorer_sensitivity"].value)
        assert row.estimates["refusal_rate"].method == "rogan-gladen, profile likelihood"
    assert values == [0.75, 0.25]
