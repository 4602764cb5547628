"""Two sides compared: what is tested how, what is refused, and what the verdict says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats

from harness.contract.errors import InvalidOutput, UsageError
from harness.contract.estimates import Estimate
from harness.contract.rows import Row, Status
from harness.results.comparison.compare import Compared, Comparison, ExampleValues, MetricFacts, Side, compare
from harness.statistics.intervals import mean, proportion

ACCURACY = {"name": "harness/accuracy", "version": 1, "parameters": {}}


def row(model: str = "m", attack: str = "pgd", *, eps: float = 0.1, n: int = 100, **more: Any) -> Row:
    fields = {
        "experiment": "e",
        "labels": {"model": model, "data": "d", "attack": attack},
        "seed": 0,
        "status": Status.OK,
        "estimates": {"accuracy": proportion(n // 2, n)},
        "n": n,
        "comparability": {"task": {"name": "t"}, "data": {"digest": "d", "ids": "i", "n": n}, "protocol": {"eps": eps}},
        "components": {"attack": {"name": "p/pgd", "version": 1, "parameters": {"eps": eps}}},
        "cell": f"{model}/{attack}",
    }
    return Row(**{**fields, **more})


def side(
    name: str,
    rows: Sequence[Row],
    values: Mapping[str, ExampleValues | None] | None = None,
    direction: str = "max",
    identity: Mapping[str, Any] | None = ACCURACY,
) -> Side:
    metrics = {
        (r.experiment, label): MetricFacts(direction, "fraction", identity) for r in rows for label in r.estimates
    }
    found = values or {}
    return Side(name, Path(name), rows, metrics, lambda row, metric: found.get(row.cell))


def shares(*values: float, ids: Sequence[str] | None = None) -> ExampleValues:
    return ExampleValues(ids or [str(i) for i in range(len(values))], np.array(values))


def only(comparison: Comparison) -> Compared:
    (compared,) = comparison.compared
    return compared


def test_the_same_examples_are_compared_in_pairs() -> None:
    """Eight examples are lost and none is won: McNemar's p is 2/2^8, while two intervals alone show nothing."""
    before, after = [1.0] * 90 + [0.0] * 10, [1.0] * 82 + [0.0] * 18
    a = side("a", [row(estimates={"accuracy": proportion(90, 100)})], {"m/pgd": shares(*before)})
    b = side("b", [row(estimates={"accuracy": proportion(82, 100)})], {"m/pgd": shares(*after)})
    found = only(compare(a, b))
    assert found.difference is not None
    assert found.difference.method == "exact McNemar, Newcombe paired"
    assert found.difference.value == 0.82 - 0.9
    assert found.difference.p == pytest.approx(2 / 2**8)
    assert (found.facts.direction, found.verdict) == ("max", "worse")
    unpaired = only(compare(side("a", a.rows), side("b", b.rows)))
    assert unpaired.difference is not None
    assert unpaired.difference.method == "Newcombe independent"
    assert unpaired.verdict == "not resolved"


def test_examples_in_another_order_are_the_same_examples() -> None:
    one = shares(1.0, 0.0, 0.5, ids=["x", "y", "z"])
    other = shares(0.5, 1.0, 0.0, ids=["z", "x", "y"])
    rows = [row(estimates={"accuracy": mean([1.0, 0.0, 0.5])})]
    found = only(compare(side("a", rows, {"m/pgd": one}), side("b", rows, {"m/pgd": other})))
    assert found.difference is not None
    assert (found.difference.value, found.difference.low, found.difference.high, found.difference.p) == (0, 0, 0, 1)


def test_other_examples_are_not_paired() -> None:
    rows = [row(estimates={"accuracy": proportion(1, 2)})]
    one, other = shares(1.0, 0.0, ids=["x", "y"]), shares(1.0, 0.0, ids=["x", "z"])
    found = only(compare(side("a", rows, {"m/pgd": one}), side("b", rows, {"m/pgd": other})))
    assert found.difference is not None
    assert found.difference.method == "Newcombe independent"


@pytest.mark.parametrize(
    ("direction", "verdicts"), [("max", ["better", "worse"]), ("min", ["worse", "better"]), ("", ["changed"] * 2)]
)
def test_the_direction_decides_which_is_better(direction: str, verdicts: list[str]) -> None:
    few, many = ([row(estimates={"accuracy": proportion(k, 100)})] for k in (20, 80))
    there = compare(side("a", few, direction=direction), side("b", many, direction=direction))
    back = compare(side("a", many, direction=direction), side("b", few, direction=direction))
    assert [only(there).verdict, only(back).verdict] == verdicts
    assert there.gate_fails == (verdicts[0] == "worse")


def test_less_of_a_gap_between_groups_is_better_whatever_the_metric() -> None:
    def gap(value: float) -> Row:
        labels = {"model": "m", "data": "d", "attack": "pgd", "group": "sex: gap"}
        estimate = Estimate(value, value - 0.01, value + 0.01, 0.95, "studentised maximum", 1000)
        return row(labels=labels, estimates={"accuracy": estimate}, cell="")

    # Accuracy itself is better the more of it there is.
    entry = only(compare(side("A", [gap(0.3)]), side("B", [gap(0.1)])))
    assert (entry.verdict, entry.facts.direction) == ("better", "min")
    assert only(compare(side("A", [gap(0.1)]), side("B", [gap(0.3)]))).verdict == "worse"


def test_a_metric_without_direction_is_left_out() -> None:
    both = compare(side("a", [row()], direction="none"), side("b", [row()], direction="none"))
    assert (both.compared, both.n_tests) == ([], 0)
    refusal = both.refusal()
    assert refusal is not None
    assert "nothing to compare" in str(refusal)


def test_a_bare_table_takes_the_direction_of_the_other_side() -> None:
    few, many = ([row(estimates={"accuracy": proportion(k, 100)})] for k in (20, 80))
    table = Side("table.json", Path("table.json"), few)
    comparison = compare(table, side("b", many))
    assert only(comparison).verdict == "better"
    assert list(comparison.notes) == [
        "table.json is a table: versions of metrics are not checked, and no test is paired"
    ]
    assert only(compare(table, Side("u", Path("u"), many))).verdict == "changed"


def test_holm_is_for_all_tests_of_the_comparison() -> None:
    """One test of p = .03 counts alone and does not count among three."""
    a, b = proportion(50, 100), proportion(65, 100)
    alone = compare(side("a", [row(estimates={"accuracy": a})]), side("b", [row(estimates={"accuracy": b})]))
    assert only(alone).verdict == "better"
    names = ("x", "y", "z")
    rows_a = [row(name, estimates={"accuracy": a if name == "x" else b}) for name in names]
    rows_b = [row(name, estimates={"accuracy": b}) for name in names]
    three = compare(side("a", rows_a), side("b", rows_b))
    first = three.compared[0]
    assert first.difference is not None
    assert first.difference.p is not None
    assert first.difference.p == pytest.approx(0.0325, abs=0.001)
    assert first.p_holm == pytest.approx(3 * first.difference.p)
    assert (first.verdict, three.n_tests) == ("not resolved", 3)


def test_what_measures_something_else_is_refused_by_name() -> None:
    comparison = compare(side("a", [row(attack="pgd eps=0.1")]), side("b", [row(attack="pgd eps=0.2", eps=0.2)]))
    found = only(comparison)
    assert (found.verdict, found.why) == ("not comparable", "attack.eps 0.1 ≠ 0.2")
    assert comparison.n_tests == 0
    assert comparison.gate_fails, "a gate must not pass unseen"
    assert str(comparison.refusal()) == (
        "not a single row of a can be compared with one of b:\n  attack.eps (1 pair)\n"
        "--allow FIELD compares in spite of a differing field"
    )


def test_what_is_allowed_is_compared_and_stamped() -> None:
    a, b = side("a", [row(), row("other")]), side("b", [row(eps=0.2), row("other")])
    comparison = compare(a, b, allowed=["attack", "data.n"])
    assert [each.verdict for each in comparison.compared] == ["not resolved"] * 2
    assert [field.name for field in comparison.compared[0].allowed] == ["attack.eps"]
    assert comparison.allowed == {"attack": 1, "data.n": 0}
    assert comparison.refusal() is None


def test_a_metric_of_another_version_is_refused() -> None:
    a, b = side("a", [row()]), side("b", [row()], identity={**ACCURACY, "version": 2})
    assert only(compare(a, b)).why == "metric.version 1 ≠ 2"
    allowed = compare(a, b, allowed=["metric.version"])
    assert (only(allowed).verdict, allowed.allowed) == ("not resolved", {"metric.version": 1})
    # A table does not say which version made it.
    assert only(compare(a, side("b", [row()], identity=None))).verdict == "not resolved"


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ([row("another")], "not in B"),
        ([row(status=Status.FAILED, reason="boom", estimates={})], "failed in B: boom"),
        ([row(status=Status.SKIPPED, reason="", estimates={})], "skipped in B"),
    ],
)
def test_a_row_that_was_ok_and_is_lost(other: list[Row], why: str) -> None:
    comparison = compare(side("a", [row()]), side("b", other))
    found = only(comparison)
    assert (found.verdict, found.why, found.lost) == ("not comparable", why, True)
    assert comparison.gate_fails
    assert why in str(comparison.refusal())


def test_what_is_not_ok_in_a_or_only_in_b_is_counted() -> None:
    broken = row("broken", status=Status.FAILED, reason="boom", estimates={})
    comparison = compare(side("a", [row(), broken]), side("b", [row(), row("broken"), row("new")]))
    assert only(comparison).verdict == "not resolved"
    assert list(comparison.notes) == ["1 row only in B", "1 row of A not ok, left out"]
    assert not comparison.gate_fails


def test_numbers_that_one_side_does_not_have() -> None:
    here, absent = proportion(1, 2), Estimate.not_applicable("the records have no robust", n=2)
    undefined = Estimate.undefined("no example was fooled")
    a = row(estimates={"x": here, "y": here, "z": undefined, "u": absent, "v": here, "w": undefined})
    b = row(estimates={"x": here, "z": here, "u": absent, "v": absent, "w": undefined, "new": here})
    comparison = compare(side("a", [a]), side("b", [b]))
    assert {each.metric: each.why or each.verdict for each in comparison.compared} == {
        "x": "not resolved",
        "y": "not measured in B",
        "z": "undefined in A: no example was fooled",
        "v": "not applicable in B: the records have no robust",
    }
    assert list(comparison.notes) == ["measured in B only: new"]


def test_a_metric_that_fails_per_example_is_told() -> None:
    def broken(row: Row, metric: str) -> ExampleValues | None:
        raise InvalidOutput("per_example of accuracy: boom")

    a = Side("a", Path("a"), [row()], {("e", "accuracy"): MetricFacts("max")}, broken)
    assert only(compare(a, side("b", [row()]))).why == "per_example of accuracy: boom"


def test_a_number_without_interval_is_not_resolved() -> None:
    a, b = ([row(estimates={"accuracy": Estimate(v, None, None, 0.95, "none", 9)})] for v in (1.0, 5.0))
    found = only(compare(side("a", a), side("b", b)))
    assert found.difference is not None
    assert (found.difference.value, found.p_holm, found.verdict) == (4.0, None, "not resolved")


def test_a_run_against_itself_differs_by_exactly_nothing() -> None:
    rng = np.random.default_rng(0)
    rows = [row(f"m{i}", n=50, estimates={"accuracy": mean(rng.random(50))}) for i in range(5)]
    values = {r.cell: shares(*rng.random(50)) for r in rows[:3]}
    same = side("a", rows, values)
    comparison = compare(same, same)
    assert len(comparison.compared) == comparison.n_tests == 5
    for each in comparison.compared:
        assert each.difference is not None
        assert (each.difference.value, each.difference.p, each.p_holm, each.verdict) == (0.0, 1.0, 1.0, "not resolved")


def test_two_models_of_one_run() -> None:
    rows = [row("one", estimates={"accuracy": proportion(20, 100)}), row("other"), row("third")]
    same = side("a", rows)
    found = only(compare(same, same, ["one=other"]))
    assert found.b is not None
    assert (found.a.labels["model"], found.b.labels["model"], found.verdict) == ("one", "other", "better")


def test_draws_belong_to_the_row() -> None:
    """The interval of a row does not depend on which other rows are compared."""
    rng = np.random.default_rng(0)
    rows = [row(name, n=40, estimates={"accuracy": mean(rng.random(40))}) for name in ("x", "y")]
    a = side("a", rows, {r.cell: shares(*rng.random(40)) for r in rows})
    b = side("b", rows, {r.cell: shares(*rng.random(40)) for r in rows})
    both = compare(a, b).compared
    alone = compare(
        side("a", rows[1:], {"y/pgd": a.values(rows[1], "")}), side("b", rows[1:], {"y/pgd": b.values(rows[1], "")})
    )
    assert only(alone).difference == both[1].difference
    assert both[0].difference != both[1].difference


# --- metrics that a gate reads --------------------------------------------------------------------------------


def test_only_the_metrics_that_are_named_are_compared_and_corrected_for() -> None:
    before = row(estimates={"accuracy": proportion(50, 100), "other": proportion(90, 100)})
    after = row(estimates={"accuracy": proportion(50, 100), "other": proportion(20, 100)})
    a, b = side("a", [before]), side("b", [after])
    assert compare(a, b).gate_fails
    named = compare(a, b, metrics=["accuracy"])
    assert [each.metric for each in named.compared] == ["accuracy"]
    assert (named.n_tests, named.gate_fails) == (1, False)
    assert compare(a, side("b", []), metrics=["accuracy"]).gate_fails
    with pytest.raises(UsageError, match="no row of a has the metric 'acuracy'; did you mean 'accuracy'"):
        compare(a, b, metrics=["acuracy"])


def fooled(k: int, **more: Any) -> Row:
    """A row of 100 attacked examples of which k were fooled; their mean distance needs one."""
    distance = Estimate(0.1, 0.1, 0.1, 0.95, "mean", k) if k else Estimate.undefined("nothing was fooled", n=0)
    return row(estimates={"robust": proportion(100 - k, 100), "distance": distance}, **more)


def test_an_improvement_that_leaves_another_metric_undefined_passes_the_gate() -> None:
    gone = compare(side("a", [fooled(1)]), side("b", [fooled(0)]))
    by_metric = {each.metric: each for each in gone.compared}
    assert by_metric["distance"].why == "undefined in B: nothing was fooled"
    assert (by_metric["distance"].excused, gone.gate_fails) == (True, False)
    # What was undefined in A was never ok there.
    assert not compare(side("a", [fooled(0)]), side("b", [fooled(1)])).gate_fails
    assert not compare(side("a", [fooled(1)]), side("b", [fooled(0)]), metrics=["distance"]).gate_fails


def test_an_attack_that_does_clearly_less_to_the_same_network_fails_the_gate() -> None:
    before, after = ({"components": {"model": {"name": "p/net", "parameters": {"width": w}}}} for w in (1, 2))
    broken = compare(side("a", [fooled(60, **before)]), side("b", [fooled(0, **before)]))
    assert [each.verdict for each in broken.compared] == ["better", "not comparable"]
    assert broken.gate_fails
    # A few examples are chance, and another network may be robust.
    assert not compare(side("a", [fooled(1, **before)]), side("b", [fooled(0, **before)])).gate_fails
    assert not compare(side("a", [fooled(60, **before)]), side("b", [fooled(0, **after)])).gate_fails


def test_a_metric_that_is_undefined_without_an_improvement_fails_the_gate() -> None:
    broken = row(estimates={"robust": proportion(99, 100), "distance": Estimate.undefined("no distances", n=0)})
    assert compare(side("a", [fooled(1)]), side("b", [broken])).gate_fails
    worse = row(estimates={"robust": proportion(20, 100), "distance": Estimate.undefined("no distances", n=0)})
    assert compare(side("a", [fooled(1)]), side("b", [worse])).gate_fails
    absent = row(estimates={"robust": proportion(100, 100), "distance": Estimate.not_applicable("no column", n=2)})
    assert compare(side("a", [fooled(1)]), side("b", [absent])).gate_fails


def test_a_committed_table_comes_out_again_or_not() -> None:
    few, many = ([row(estimates={"accuracy": proportion(k, 100)})] for k in (20, 80))
    better = compare(side("a", few), side("b", many))
    assert (better.gate_fails, better.reproduces) == (False, False)
    assert compare(side("a", few), side("b", few)).reproduces


# --- trained anew ---------------------------------------------------------------------------------------------

MODEL = {"name": "p/net", "version": 1, "parameters": {"epochs": 3}}


def trained(digest: str, k: int, seed: int = 0, recipe: Mapping[str, Any] = MODEL, **more: Any) -> Row:
    """A row of 100 examples with k right, of weights that were trained here."""
    facts = {"weights": {"digest": digest, "trained_here": True}} if digest else {}
    estimates = {"accuracy": proportion(k, 100)}
    components = {"model": recipe, "attack": {"name": "p/pgd", "version": 1, "parameters": {"eps": 0.1}}}
    fields = {"seed": seed, "estimates": estimates, "components": components, "facts": facts, "cell": digest}
    return row(**{**fields, **more})


def test_one_training_on_a_side_is_no_evidence_of_a_change_of_code() -> None:
    found = only(comparison := compare(side("a", [trained("x", 90)]), side("b", [trained("y", 50)])))
    assert found.difference is not None
    assert (found.difference.value, found.difference.p, found.difference.low) == (-0.4, None, None)
    assert found.difference.method == "one training on a side: no evidence of a change of code"
    assert (found.verdict, found.anew, comparison.gate_fails) == ("not resolved", True, False)
    assert "1 row trained anew" in comparison.notes[0]


def test_the_same_weights_and_other_recipes_are_compared_over_examples() -> None:
    same = only(compare(side("a", [trained("x", 90)]), side("b", [trained("x", 50)])))
    assert (same.verdict, same.anew) == ("worse", False)
    longer = {**MODEL, "parameters": {"epochs": 5}}
    other = only(compare(side("a", [trained("x", 90)]), side("b", [trained("y", 50, recipe=longer)])))
    assert (other.verdict, other.anew) == ("worse", False)


def test_a_side_that_does_not_know_its_weights_is_told() -> None:
    comparison = compare(side("a", [trained("", 90)]), side("b", [trained("y", 50)]))
    assert only(comparison).verdict == "worse"
    assert "1 row trained in B: A does not say which weights it had" in comparison.notes


def test_trainings_of_both_sides_are_the_sample_where_there_are_several() -> None:
    """Welch's t of (.90, .92, .94) and (.80, .86, .80) by hand: -0.1 / sqrt(.0004/3 + .0012/3), p from SciPy."""
    a = side("a", [trained(f"a{seed}", k, seed) for seed, k in enumerate((90, 92, 94))])
    b = side("b", [trained(f"b{seed}", k, seed) for seed, k in enumerate((80, 86, 80, 82))])
    found = only(compare(a, b))
    expected = scipy.stats.ttest_ind([0.80, 0.86, 0.80, 0.82], [0.90, 0.92, 0.94], equal_var=False)
    assert found.difference is not None
    assert found.difference.value == pytest.approx(-0.10)
    assert found.difference.p == pytest.approx(expected.pvalue)
    assert (found.difference.low, found.difference.high) == pytest.approx(expected.confidence_interval())
    assert found.difference.method == "Welch's t over 3 and 4 trainings"
    assert (found.verdict, found.anew, found.seeds) == ("worse", True, "0, 1, 2 → 0, 1, 2, 3")
    assert found.estimate_a is not None
    assert (found.estimate_a.value, found.estimate_a.n) == (pytest.approx(0.92), 3)
    noise = side("b", [trained(f"b{seed}", k, seed) for seed, k in enumerate((94, 85, 90))])
    assert only(compare(a, noise)).verdict == "not resolved"


def test_a_training_that_is_lost_fails_the_gate_beside_others() -> None:
    a = side("a", [trained(f"a{seed}", 90, seed) for seed in range(3)])
    failed = trained("", 0, 2, status=Status.FAILED, reason="boom", estimates={})
    b = side("b", [*(trained(f"b{seed}", 90, seed) for seed in range(2)), failed])
    comparison = compare(a, b)
    assert [(each.verdict, each.why) for each in comparison.compared] == [
        ("not resolved", ""),
        ("not comparable", "failed in B: boom"),
    ]
    assert comparison.gate_fails


def test_all_right_in_every_training_against_none() -> None:
    a, b = (side(name, [trained(f"{name}{s}", k, s) for s in range(3)]) for name, k in (("a", 100), ("b", 0)))
    assert only(compare(a, b)).verdict == "worse"
    one_less = side("b", [trained(f"b{s}", 99, s) for s in range(3)])
    assert only(compare(a, one_less)).verdict == "not resolved"


def test_a_worst_case_has_the_weights_of_the_cells_of_its_model() -> None:
    def rows(digest: str, k: int) -> list[Row]:
        worst = row(
            derived="worst_case", cell="", components={"model": MODEL}, estimates={"accuracy": proportion(k, 100)}
        )
        return [trained(digest, 90), worst]

    comparison = compare(side("a", rows("x", 90)), side("b", rows("y", 20)))
    assert [each.anew for each in comparison.compared] == [True, True]
    assert not comparison.gate_fails
    assert compare(side("a", rows("x", 90)), side("b", rows("x", 20))).gate_fails
