"""Impact ratios: by hand, without labels, against the most selected group or a named one, and their coverage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.api import Estimate, InvalidOutput, Records, proportion
from harness.testing import run_suite
from harness_fairness.metrics.impact_ratios import ImpactRatio, SelectionRate
from harness_fairness.metrics.intervals import ratio
from harness_fairness.metrics.rate_gaps import DemographicParityDifference


def selected(**groups: tuple[int, int]) -> Records:
    """So many are selected of so many in each group; there are no labels."""
    rows = [(name, int(i < s)) for name, (s, n) in groups.items() for i in range(n)]
    names, predictions = zip(*rows, strict=True)
    return Records.of({"id": [str(i) for i in range(len(rows))], "prediction": predictions, "group.g": names})


SOME = selected(a=(30, 100), b=(48, 80), c=(50, 100), d=(1, 2))


def test_the_smallest_ratio_to_the_most_selected() -> None:
    estimate = ImpactRatio("g").estimate(SOME)
    assert estimate.value == pytest.approx(0.3 / 0.6)
    assert (estimate.n, estimate.reason, estimate.method) == (282, "a against b", "wilson ratio, 6 at once")
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low < 0.5 < estimate.high <= 1


def test_each_group_against_the_most_selected() -> None:
    values = {m: ImpactRatio("g").estimate_of_member(SOME, m) for m in "abcd"}
    assert [values[m].value for m in "abcd"] == pytest.approx([0.5, 1.0, 0.5 / 0.6, 0.5 / 0.6])
    assert values["b"].high == 1.0
    assert values["d"].low is not None
    assert values["d"].low < 0.3, "1 of 2 says little"


def test_two_groups_have_the_interval_of_their_ratio() -> None:
    estimate = ImpactRatio("g").estimate_of_member(selected(a=(30, 100), b=(48, 80)), "a")
    assert (estimate.low, estimate.high) == pytest.approx(ratio(30, 100, 48, 80))


def test_a_named_reference_may_be_less_selected() -> None:
    estimate = ImpactRatio("g", reference="a").estimate_of_member(SOME, "b")
    assert (estimate.value, estimate.low, estimate.high) == (2.0, *ratio(48, 80, 30, 100))
    assert ImpactRatio("g", reference="b").estimate(SOME).value == 0.5
    alone = ImpactRatio("g", reference="a").estimate_of_member(SOME, "a")
    assert (alone.value, alone.reason) == (None, "it is the reference of all others")
    with pytest.raises(InvalidOutput, match="no group 'z'"):
        ImpactRatio("g", reference="z").estimate(SOME)


def test_small_groups_may_be_left_out() -> None:
    small = selected(a=(30, 100), b=(48, 100), tiny=(2, 2))
    assert ImpactRatio("g").estimate(small).value == pytest.approx(0.3)
    some = ImpactRatio("g", least_share=0.02)
    estimate = some.estimate(small)
    assert estimate.value == pytest.approx(0.3 / 0.48)
    assert estimate.reason == "a against b; left out, fewer than 2 % of the examples: tiny (2)"
    left_out = some.estimate_of_member(small, "tiny")
    assert (left_out.value, left_out.reason) == (None, "'tiny' is left out: fewer than 2 % of the examples")
    with pytest.raises(InvalidOutput, match="the reference 'tiny' has fewer than 2 % of the examples"):
        ImpactRatio("g", "tiny", least_share=0.02).estimate(small)


def test_nobody_selected_has_no_ratio() -> None:
    assert ImpactRatio("g").estimate(selected(a=(0, 9), b=(0, 9))).value is None
    estimate = ImpactRatio("g").estimate(selected(a=(5, 9), b=(0, 9)))
    assert (estimate.value, estimate.low) == (0.0, 0.0)
    assert not ImpactRatio("g").estimate(selected(a=(5, 9))).applies
    nothing = ImpactRatio("g").estimate(Records.of({"id": ["a"], "error": [0.1], "group.g": ["a"]}))
    assert nothing == Estimate.not_applicable(
        "the records have no predictions; declare a threshold or a column of predictions", n=1
    )


@pytest.mark.parametrize("shares", [[0.5, 0.5, 0.5], [0.6, 0.3, 0.55], [0.3, 0.28, 0.29, 0.3, 0.27]])
def test_the_ratio_to_the_truly_most_selected_is_covered(shares: list[float]) -> None:
    rng, draws, covered = np.random.default_rng(0), 150, np.zeros(2)
    n, truth = 60, np.array(shares) / max(shares)
    for _ in range(draws):
        some = selected(**{f"g{i}": (int(rng.binomial(n, p)), n) for i, p in enumerate(shares)})
        estimates = [ImpactRatio("g").estimate(some), ImpactRatio("g").estimate_of_member(some, "g1")]
        for i, (estimate, true) in enumerate(zip(estimates, (truth.min(), truth[1]), strict=True)):
            assert estimate.low is not None
            covered[i] += estimate.low <= true <= (np.inf if estimate.high is None else estimate.high)
    assert (covered / draws >= 0.93).all()


def test_selection_rates_and_their_gap_need_no_labels() -> None:
    rate = SelectionRate().estimate(SOME)
    assert rate == proportion(129, 282)
    gap = DemographicParityDifference("g").estimate(SOME)
    assert gap.value == pytest.approx(0.3)
    assert gap.low is not None
    assert gap.low > 0


STUB = '''
"""A table of scores without labels."""
from harness.api import Component, Examples, hookimpl


@hookimpl
def harness_components():
    yield Component("dataset", "applicants", "stub:applicants", "x")


def applicants():
    ids = [str(i) for i in range(120)]
    scores = [i % 10 + 3 * (i % 3 == 0) for i in range(120)]
    return Examples(ids, {"scores": scores}, {"race": ["bwa"[i % 3] for i in range(120)]})
'''


def test_an_audit_without_labels(tmp_path: Path) -> None:
    """The table of Local Law 144: selection rate and impact ratio of every group, in one column each."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "stub.py").write_text(STUB, encoding="utf-8")
    run = run_suite(
        "suite: s\ntask: {use: from_scores, with: {threshold: 7}}\ndata: applicants\n"
        "metrics: [selection_rate, {use: impact_ratio, with: {group: race, least_share: 0.02}},"
        " {use: group_rate, with: {rate: fpr}}]\ngroups: [race]\n"
        "expect: [{metric: impact_ratio, at_least: 0.1}]\n",
        tmp_path,
        plugin_folders=[tmp_path / "plugins"],
    )
    rows = {row.labels.get("group", ""): row for row in run.rows}
    assert {(row.status, row.reason) for row in run.rows} == {("ok", "")}
    rates = {m: rows[f"race: {m}"].estimates["selection_rate"].value or 0.0 for m in "abw"}
    for member, rate in rates.items():
        estimate = rows[f"race: {member}"].estimates["impact_ratio"]
        assert estimate.value == pytest.approx(rate / max(rates.values()))
        assert estimate.low is not None
    assert rows[""].estimates["impact_ratio"].value == pytest.approx(min(rates.values()) / max(rates.values()))
    assert rows["race: gap"].estimates["selection_rate"].p is not None
    assert not rows["race: gap"].estimates["impact_ratio"].applies
    assert not rows[""].estimates["group_rate"].applies
    assert replace(rows["race: a"].estimates["group_rate"], n=0) == Estimate.not_applicable(
        "the records have no labels with predictions, which fpr needs", n=0
    )
