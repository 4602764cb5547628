"""The headline of a run: which rows, which tests, which sentences."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from scipy.stats import binomtest

from harness.contract.estimates import Estimate
from harness.contract.rows import Row, Status
from harness.results.comparison.compare import Side
from harness.results.headline.headline import Headline
from harness.results.headline.make import make_headline
from harness.suite.plan import Expectation, HeadlineRequest, Plan, PlannedExperiment

MakeRow, MakeSide, MakePlan = Callable[..., Row], Callable[..., Side], Callable[..., Plan]


@pytest.fixture
def headline(side: MakeSide, plan: MakePlan) -> Callable[..., Headline]:
    def make(rows: Sequence[Row], *names: str, asked: HeadlineRequest | None = None, **more: Any) -> Headline:
        return make_headline(plan(asked or HeadlineRequest(), *names, **more), rows, side(rows))

    return make


MakeHeadline = Callable[..., Headline]


def test_two_models_are_tested_example_by_example(row: MakeRow, headline: MakeHeadline) -> None:
    """180 and 160 of 200, the 160 being among the 180: 20 discordant pairs, all for one."""
    made = headline([row("a", 160), row("b", 180)])
    (contrast,) = made.contrasts
    assert contrast.difference.value == pytest.approx(0.1)
    assert contrast.difference.p == pytest.approx(binomtest(0, 20).pvalue)
    assert contrast.p_holm == contrast.difference.p
    assert (contrast.a.labels["model"], contrast.b.labels["model"], contrast.verdict) == ("a", "b", "better")
    (said,) = made.sentences
    assert re.fullmatch(
        r"b has accuracy 0\.900 \[0\.851, 0\.934\], a 0\.800: "
        r"\+0\.100 \[\+0\.0\d\d, \+0\.1\d\d\], p < 0\.001\.",
        said,
    )
    assert str(made) == said


def test_less_is_better_where_the_metric_says_so(row: MakeRow, headline: MakeHeadline) -> None:
    made = headline([row("a", 20, name="error"), row("b", 60, name="error")])
    assert made.sentences[0].startswith("a has error 0.100")
    assert made.contrasts[0].verdict == "better"


def test_what_is_not_resolved_is_said(row: MakeRow, headline: MakeHeadline) -> None:
    made = headline([row("a", 160), row("b", 162)])
    assert made.sentences[0].startswith("b has accuracy 0.810")
    assert made.sentences[-1] == "Not resolved: b against a."


def test_p_values_are_corrected_for_every_pair_that_could_have_been_named(row: MakeRow, headline: MakeHeadline) -> None:
    """The best of three is known from what is tested: three pairs, not two."""
    made = headline([row("a", 160), row("b", 168), row("c", 180)])
    smallest = binomtest(0, 12).pvalue
    assert made.n_tests == 3
    by_name = {each.a.labels["model"]: each for each in made.contrasts}
    assert by_name["a"].p_holm == pytest.approx(3 * binomtest(0, 20).pvalue)
    assert by_name["b"].p_holm == pytest.approx(2 * smallest)
    # The closest that is resolved is named, for it says most.
    assert made.sentences[0].startswith("c has accuracy 0.900 [0.851, 0.934], b 0.840")
    assert made.sentences[0].endswith(", and further from a.")


def test_a_named_label_is_tested_against_all_others(row: MakeRow, headline: MakeHeadline) -> None:
    made = headline([row("a", 160), row("b", 130), row("c", 180)], asked=HeadlineRequest(against="a"))
    assert made.n_tests == 2
    assert [(each.a.labels["model"], each.b.labels["model"]) for each in made.contrasts] == [("a", "c"), ("a", "b")]
    assert [said.partition(" has")[0] for said in made.sentences] == ["c", "b"]
    assert "−0.150" in made.sentences[1]
    assert [each.verdict for each in made.contrasts] == ["better", "worse"]


def test_rows_are_contrasted_only_where_all_else_is_equal(row: MakeRow, headline: MakeHeadline) -> None:
    rows = [row(model, n, attack) for attack, n in (("none", 190), ("pgd", 100)) for model in ("a", "b")]
    made = headline(rows)
    assert {(each.a.labels["attack"], each.b.labels["attack"]) for each in made.contrasts} == {
        ("none", "none"),
        ("pgd", "pgd"),
    }
    assert made.sentences[-1] == "Not resolved: a against b; a against b (pgd)."


@pytest.mark.parametrize(("attack", "told"), [("pgd", "(linf ≤ 0.1)"), ("none", "a 0.800: +")])
def test_what_a_task_shows_is_told_of_attacks_and_where_rows_differ_in_it(
    row: MakeRow, headline: MakeHeadline, attack: str, told: str
) -> None:
    shown = {"facts": {"display": {"threat": "linf ≤ 0.1"}}}
    (said,) = headline([row("a", 160, attack, **shown), row("b", 180, attack, **shown)]).sentences
    assert told in said


def test_attacks_may_be_contrasted(row: MakeRow, headline: MakeHeadline) -> None:
    rows = [row("a", 150, "fgsm"), row("a", 100, "pgd")]
    made = headline(rows)
    assert made.contrasts[0].role == "attack"
    assert made.sentences[0].startswith("fgsm has accuracy 0.750")


def test_rows_that_measure_different_things_are_not_tested(row: MakeRow, headline: MakeHeadline) -> None:
    other = {"task": {"name": "harness/classify"}, "protocol": {"attack": "none", "norm": "l2"}}
    made = headline([row("a", 160), row("b", 180, comparability=other)])
    assert made.contrasts == ()
    assert made.sentences == ("b has accuracy 0.900 [0.851, 0.934].", "a has accuracy 0.800 [0.739, 0.850].")


def test_one_model_alone_has_no_contrast(row: MakeRow, headline: MakeHeadline) -> None:
    made = headline([row("a", 160)])
    assert (made.contrasts, made.n_tests) == ((), 0)
    assert made.sentences == ("a has accuracy 0.800 [0.739, 0.850].",)


def test_five_hundred_models(row: MakeRow, headline: MakeHeadline) -> None:
    """The twelve best are shown; all pairs of the five hundred count, since the best are picked from all of them."""
    made = headline([row(f"m{i}", 50 + i % 120) for i in range(500)])
    assert len(made.rows) == 12
    assert made.left_out == 488
    assert made.n_tests == 500 * 499 // 2
    assert {each.row.estimates["accuracy"].value for each in made.rows} == {169 / 200, 168 / 200, 167 / 200}
    assert len(made.contrasts) == 11
    assert made.sentences[-1].startswith("Not resolved: ")


def test_the_model_that_others_are_held_against_is_among_the_twelve(row: MakeRow, headline: MakeHeadline) -> None:
    rows = [row(f"m{i}", 100 + i) for i in range(40)]
    made = headline(rows, asked=HeadlineRequest(against="m3"))
    assert len(made.rows) == 12
    assert "m3" in [each.row.labels["model"] for each in made.rows]
    assert made.n_tests == 39


def test_experiments_share_the_room(row: MakeRow, headline: MakeHeadline) -> None:
    names = [f"e{i}" for i in range(5)]
    rows = [row(f"m{j}", 100 + j, experiment=name) for name in names for j in range(9)]
    made = headline(rows, *names)
    assert [sum(each.row.experiment == name for each in made.rows) for name in names] == [3, 3, 2, 2, 2]
    assert made.left_out == 33
    assert len(made.sentences) <= 6


def test_each_of_many_experiments_has_a_row(row: MakeRow, headline: MakeHeadline) -> None:
    names = [f"e{i}" for i in range(20)]
    made = headline([row("a", 100 + i, experiment=name) for i, name in enumerate(names)], *names)
    assert [each.row.experiment for each in made.rows] == names
    assert len(made.sentences) == 6


def test_an_experiment_may_stay_out(row: MakeRow, side: MakeSide) -> None:
    rows = [row("a", 100), row("a", 110, experiment="f")]
    kept = PlannedExperiment("e", "", (), (), ())
    out = PlannedExperiment("f", "", (), (), (), headline=HeadlineRequest(show=False))
    made = make_headline(Plan("s", "", "s.yaml", {"e": kept, "f": out}, ()), rows, side(rows))
    assert [each.row.experiment for each in made.rows] == ["e"]


def test_all_rows_failed(row: MakeRow, headline: MakeHeadline) -> None:
    rows = [row(m, 0, status=Status.FAILED, reason="out of\nluck", estimates={}) for m in ("a", "b")]
    made = headline(rows)
    assert made.sentences == ("No row has a number: 2 failed; out of luck.",)
    assert len(made.rows) == 2


def test_some_rows_failed(row: MakeRow, headline: MakeHeadline) -> None:
    bad = {"status": Status.FAILED, "estimates": {}}
    rows = [row("a", 160), row("b", 180), row("c", 0, reason="boom", **bad), row("d", 0, reason="bang", **bad)]
    made = headline(rows)
    assert made.sentences[0] == "2 rows failed: boom and 1 more (c / none; d / none)."
    assert made.sentences[1].startswith("b has accuracy")


def test_what_to_do_stands_at_the_end_of_a_reason_and_is_told(row: MakeRow, headline: MakeHeadline) -> None:
    remedy = "put the file at ~/data/weights.pt, or name another folder with HARNESS_DATA"
    reason = (
        f"the weights {'of a model with a long name ' * 4}cannot be downloaded: the network is unreachable; {remedy}"
    )
    bad = {"status": Status.FAILED, "estimates": {}}
    assert remedy in headline([row("a", 160), row("b", 0, reason=reason, **bad)]).sentences[0]
    (said,) = headline([row("b", 0, reason=f"{'x ' * 5000}; {remedy}", **bad)]).sentences
    assert said.endswith(f"{remedy}.")
    assert len(said) < 500


def test_skipped_rows_are_no_failure(row: MakeRow, headline: MakeHeadline) -> None:
    rows = [row("a", 160), row("b", 180), row("c", 0, status=Status.SKIPPED, reason="no gradients", estimates={})]
    made = headline(rows)
    assert len(made.sentences) == 1
    assert [each.row.labels["model"] for each in made.rows] == ["b", "a"]


def test_doubts_are_counted_by_their_signs_and_not_tested(row: MakeRow, headline: MakeHeadline) -> None:
    doubt = {"status": Status.SUSPECT, "reason": "zero gradients: 9 of 10; loss is flat: 0.1"}
    made = headline([row("a", 190, "pgd", **doubt), row("b", 180, "pgd"), row("c", 60, "pgd")])
    assert "1 attack row is suspect: zero gradients; loss is flat." in made.sentences
    assert {each.b.labels["model"] for each in made.contrasts} == {"b"}


def test_failed_expectations_are_told(row: MakeRow, headline: MakeHeadline) -> None:
    wanted = Expectation("accuracy", {"model": "a"}, at_least=0.95)
    made = headline([row("a", 100)], expect=(wanted,))
    assert made.sentences[-1].startswith("1 of 1 expectations failed: accuracy ≥ 0.95 where model a at a / none, 0.5")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (HeadlineRequest(rows=({"model": "x"},)), "The headline says nothing: it selects no row."),
        (HeadlineRequest(metrics=("auroc",)), "The headline says nothing: no row has auroc."),
    ],
)
def test_a_headline_of_nothing_says_so(row: MakeRow, headline: MakeHeadline, asked: HeadlineRequest, told: str) -> None:
    assert told in headline([row("a", 100)], asked=asked).sentences


def test_no_rows_at_all(headline: MakeHeadline) -> None:
    assert headline([]) == Headline(changes=())


def test_long_labels_are_cut_and_labels_from_right_to_left_are_set_apart(row: MakeRow, headline: MakeHeadline) -> None:
    long = "resnet " * 30 + "end"
    made = headline([row(long, 180), row("שלום", 100), row("🦊", 90)], asked=HeadlineRequest(against="שלום"))
    (best, _) = made.sentences
    assert "…" in best
    assert best.partition(" has")[0].endswith("end")
    assert len(best.partition(" has")[0]) == 40
    assert "\N{FIRST STRONG ISOLATE}שלום\N{POP DIRECTIONAL ISOLATE} 0.500" in best


def test_it_is_plain_json(row: MakeRow, headline: MakeHeadline) -> None:
    made = headline([row("a", 160), row("b", 180)])
    read = json.loads(json.dumps(made.to_json(), allow_nan=False))
    assert read["sentences"] == list(made.sentences)
    assert [each["labels"]["model"] for each in read["rows"]] == ["b", "a"]
    assert read["rows"][0]["estimates"]["accuracy"]["value"] == 0.9
    assert read["contrasts"][0]["verdict"] == "better"
    assert read["tests"] == 1


# --- which rows and which metric, where the suite does not say -------------------------------------------------


def test_the_metric_that_treatments_change_is_the_default(row: MakeRow, headline: MakeHeadline) -> None:
    clean, robust = (row("a", 190).estimates["accuracy"], row("a", 90).estimates["accuracy"])
    rows = [
        row("a", 0, estimates={"accuracy": clean}),
        row("a", 0, "pgd", estimates={"accuracy": clean, "robust": robust}),
    ]
    assert {each.metrics for each in headline(rows).rows} == {("robust",)}
    # Without a row that was not attacked, the plan says which metrics are about attacks.
    assert {each.metrics for each in headline(rows[1:]).rows} == {("accuracy",)}
    asked = HeadlineRequest(of_treatments=("robust",))
    assert {each.metrics for each in headline(rows[1:], asked=asked).rows} == {("robust",)}


def test_rows_of_aggregates_go_before_cells(row: MakeRow, headline: MakeHeadline) -> None:
    rows = [row("a", 100, "pgd"), row("a", 120, "fgsm"), row("a", 90, "worst", derived="worst_case", cell="")]
    assert [each.row.labels["attack"] for each in headline(rows).rows] == ["worst"]
    asked = HeadlineRequest(rows=({"aggregate": ""},))
    assert [each.row.labels["attack"] for each in headline(rows, asked=asked).rows] == ["fgsm", "pgd"]


def test_subgroups_are_shown_if_they_are_asked_for(row: MakeRow, headline: MakeHeadline) -> None:
    rows = [row("a", 100), row("a", 50, labels={"group": "sex: 1"}, derived="group"), row("b", 90)]
    assert len(headline(rows).rows) == 2
    asked = HeadlineRequest(rows=({"group": "sex: *"},))
    assert [each.row.labels["group"] for each in headline(rows, asked=asked).rows] == ["sex: 1"]


def test_an_undefined_number_is_shown_and_not_tested(row: MakeRow, headline: MakeHeadline) -> None:
    undefined = {"accuracy": Estimate.undefined("nobody counts", n=0)}
    made = headline([row("a", 100), row("b", 0, estimates=undefined)])
    assert len(made.rows) == 2
    assert made.contrasts == ()


def test_rows_stand_in_the_order_that_the_suite_names_them(row: MakeRow, headline: MakeHeadline) -> None:
    rows = [row(model, right, attack) for attack in ("weak", "strong") for model, right in (("a", 150), ("b", 100))]
    asked = HeadlineRequest(rows=({"attack": "strong"}, {"attack": "weak"}))
    shown = [(each.row.labels["attack"], each.row.labels["model"]) for each in headline(rows, asked=asked).rows]
    assert shown == [("strong", "a"), ("strong", "b"), ("weak", "a"), ("weak", "b")]
