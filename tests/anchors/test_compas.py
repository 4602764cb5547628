"""The published table of ProPublica's audit of COMPAS, from the scores alone, and what became of its gap."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.testing import run_suite

SUITE = """
suite: compas
task: from_scores
data: {{use: compas, with: {{folder: {folder}}}}}
metrics:
  - {{use: group_rate, as: fpr, with: {{rate: fpr}}}}
  - {{use: group_rate, as: fnr, with: {{rate: fnr}}}}
  - {{use: group_difference, as: gap, with: {{group: race, member: African-American, reference: Caucasian, rate: fpr}}}}
  - {{use: subgroup_error_gap, as: all, with: {{group: race, rate: fpr}}}}
groups: [race]
"""
# Larson, Mattu, Kirchner & Angwin 2016, "How we analyzed the COMPAS recidivism algorithm": TN, FP, FN, TP.
PUBLISHED = {"African-American": (990, 805, 532, 1369), "Caucasian": (1139, 349, 461, 505)}


@pytest.mark.slow
def test_the_published_table(data_folder: Path, tmp_path: Path) -> None:
    run = run_suite(SUITE.format(folder=data_folder / "bias"), tmp_path)
    whole = next(row for row in run.rows if row.cell)
    assert (whole.status, whole.n) == ("ok", 7214)
    frame = run.records(whole).frame()
    groups = {row.labels["group"]: row for row in run.rows if "group" in row.labels}
    for race, (tn, fp, fn, tp) in PUBLISHED.items():
        mine = frame[frame["group.race"] == race]
        counts = mine.groupby(["label", "prediction"]).size()
        assert [int(counts[place]) for place in ((0, 0), (0, 1), (1, 0), (1, 1))] == [tn, fp, fn, tp]
        row = groups[f"race: {race}"]
        assert row.estimates["fpr"].value == pytest.approx(fp / (fp + tn))
        assert row.estimates["fnr"].value == pytest.approx(fn / (fn + tp))
    shown = [
        [100 * (groups[f"race: {race}"].estimates[rate].value or 0) for rate in ("fpr", "fnr")] for race in PUBLISHED
    ]
    assert [round(x, 2) for pair in shown for x in pair] == [44.85, 27.99, 23.45, 47.72]


@pytest.mark.slow
def test_the_gap_with_its_interval(data_folder: Path, tmp_path: Path) -> None:
    run = run_suite(SUITE.format(folder=data_folder / "bias"), tmp_path)
    gap = next(row for row in run.rows if row.cell).estimates["gap"]
    # Newcombe's interval of 805 of 1795 and 349 of 1488, at 99 %: it holds for all five races at once, as p does.
    assert [round(x or 0, 3) for x in (gap.value, gap.low, gap.high)] == [0.214, 0.172, 0.255]
    assert gap.p is not None
    assert gap.p < 1e-30
    assert gap.reason == "p by Fisher's exact test, Holm over 5 tests"
    # With 8 Native Americans among the negatives the largest gap of all is not that one, and is not resolved.
    largest = next(row for row in run.rows if row.cell).estimates["all"]
    assert (largest.value or 0) > (gap.value or 0)
    assert largest.null is not None
    assert largest.null > 0.1
