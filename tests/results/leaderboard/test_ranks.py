"""Ranks, and the ranks that the examples leave open, with p-values worked out by hand."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.contract.errors import UsageError
from harness.contract.estimates import Estimate
from harness.contract.rows import Row, Status
from harness.results.comparison.compare import ExampleValues, MetricFacts, Side
from harness.results.leaderboard.page import html_text
from harness.results.leaderboard.ranks import Board, board, chosen_protocols, protocols
from harness.results.leaderboard.table import csv_text, latex_text, markdown_text, protocols_text
from harness.statistics.intervals import proportion

N = 100
FACTS = {("e", "robust_accuracy"): MetricFacts("max", "fraction"), ("e", "accuracy"): MetricFacts("max", "fraction")}


def row(model: str, right: int, *, status: Status = Status.OK, eps: float = 0.1) -> Row:
    return Row(
        "e",
        {"model": model, "data": "digits", "attack": f"pgd eps={eps:g}"},
        0,
        status,
        reason="" if status is Status.OK else "zero gradients",
        estimates={"accuracy": proportion(90, N), "robust_accuracy": proportion(right, N)},
        n=N,
        comparability={"task": {"name": "harness/classify"}, "data": {"digest": "x"}, "protocol": {"eps": eps}},
        cell=model,
        components={"model": {"name": model}, "attack": {"name": "pgd", "parameters": {"eps": eps}}},
    )


def side(*rows: Row, records: bool = True) -> Side:
    """A side whose records say that the first examples are the robust ones."""
    clean = replace(
        row("clean", 0),
        labels={"model": "clean", "data": "digits", "attack": "none"},
        estimates={"accuracy": proportion(95, N)},
        components={"model": {"name": "clean"}, "attack": None},
        comparability={"protocol": {}},
    )

    def values(of: Row, metric: str) -> ExampleValues | None:
        right = round((of.estimates[metric].value or 0) * N)
        return ExampleValues([f"e{i}" for i in range(N)], (np.arange(N) < right).astype(float)) if records else None

    return Side("run", Path("run"), [clean, *rows], FACTS, values)


def ranked(*rows: Row, records: bool = True) -> Board:
    found = [each for each in protocols([side(*rows, records=records)]) if each.treatment]
    assert len(found) == 1
    return board(found[0])


def test_ranks_and_the_ranks_left_open() -> None:
    # 12 examples between a and b, none the other way: p = 2^-11, times 3 far below 0.05. 3 between b and c: p = 0.25.
    found = ranked(row("c", 65), row("a", 80), row("b", 68))
    assert found.metric == "robust_accuracy"
    assert [(p.name, p.rank, p.low, p.high, p.tied) for p in found.places] == [
        ("a", 1, 1, 1, ()),
        ("b", 2, 2, 3, ("c",)),
        ("c", 3, 2, 3, ("b",)),
    ]
    assert found.methods == {"exact McNemar, Newcombe paired": 3}


def test_the_number_of_pairs_is_corrected_for() -> None:
    # 6 examples between neighbours: p = 2 / 2^6 = 0.031. Alone that is enough; as the smaller half of three pairs
    # (12 between a and c), whose differences depend little on one another, it is nearly doubled and is not.
    assert [p.high for p in ranked(row("a", 80), row("b", 74)).places] == [1, 2]
    assert [(p.low, p.high) for p in ranked(row("a", 80), row("b", 74), row("c", 68)).places] == [
        (1, 2),
        (1, 3),
        (2, 3),
    ]


def test_without_records_the_intervals_decide() -> None:
    found = ranked(row("a", 80), row("b", 68), row("c", 20), records=False)
    assert [(p.low, p.high) for p in found.places] == [(1, 2), (1, 2), (3, 3)]
    assert found.methods == {"Newcombe independent": 3}


def test_a_metric_without_direction_is_no_default_and_no_error() -> None:
    facts = {**FACTS, ("e", "queries"): MetricFacts("none")}

    def queried(model: str, right: int) -> Row:
        made = row(model, right)
        counts = Estimate(9.0, 8.0, 10.0, 0.95, "student-t", N)
        return replace(made, estimates={"queries": counts, **made.estimates})

    both = replace(side(queried("a", 80), queried("b", 60)), metrics=facts)
    (protocol,) = [each for each in protocols([both]) if each.treatment]
    assert board(protocol).metric == "robust_accuracy"
    with pytest.raises(UsageError, match="'queries' has no direction"):
        board(protocol, "queries")


def test_equal_values_share_a_rank() -> None:
    found = ranked(row("b", 70), row("a", 70), row("c", 69))
    assert [(p.name, p.rank, p.shared) for p in found.places] == [("a", 1, True), ("b", 1, True), ("c", 3, False)]


@pytest.mark.parametrize("status", [Status.SUSPECT, Status.INVALID])
def test_rows_that_are_not_ok_are_listed_and_never_ranked(status: Status) -> None:
    found = ranked(row("a", 70), row("masked", 99, status=status))
    assert [(p.name, p.low, p.high) for p in found.places] == [("a", 1, 1)]
    assert found.unranked == [("masked", str(status), "zero gradients")]
    told = f"not ranked: masked: {status}: zero gradients"
    assert told in markdown_text([found])
    assert told in html_text([found])
    assert told in latex_text([found])


@pytest.mark.parametrize("model", ["none", ""])
def test_a_row_without_a_model_ranks_nothing(model: str) -> None:
    """Such as the real data among samples: it has numbers, and better ones than every model."""
    best = row("real", 99)
    real = replace(
        best, labels={**best.labels, "model": model}, components={"model": None, "attack": best.components["attack"]}
    )
    found = protocols([side(row("a", 70), row("b", 60), real)])
    assert {entrant.name for protocol in found for entrant in protocol.models} == {"clean", "a", "b"}
    assert [(p.name, p.rank) for p in ranked(row("a", 70), row("b", 60), real).places] == [("a", 1), ("b", 2)]
    assert protocols([replace(side(), rows=[real])]) == []


def test_less_may_be_better() -> None:
    facts = {key: MetricFacts("min") for key in FACTS}
    both = side(row("a", 70), row("b", 30))
    (protocol,) = [p for p in protocols([replace(both, metrics=facts)]) if p.treatment]
    assert [p.name for p in board(protocol).places] == ["b", "a"]


def test_what_is_measured_otherwise_is_another_protocol() -> None:
    found = protocols([side(row("a", 70), row("b", 60, eps=0.2))])
    assert [each.treatment for each in found] == ["", "pgd eps=0.1", "pgd eps=0.2"]
    text = protocols_text(found)
    assert found[1].key[:8] in text
    assert "pgd eps=0.2" in text


def test_of_a_model_measured_twice_the_last_run_counts() -> None:
    (found,) = [p for p in protocols([side(row("a", 70)), side(row("a", 75))]) if p.treatment]
    assert [p.estimate.value for p in board(found).places] == [0.75]


def test_numbers_per_another_unit_are_not_ranked() -> None:
    def per(model: str, right: int, within: str) -> Row:
        made = row(model, right)
        estimate: Estimate = replace(made.estimates["robust_accuracy"], within=within)
        return replace(made, estimates={**made.estimates, "robust_accuracy": estimate})

    found = ranked(per("a", 70, "tokenizer x"), per("b", 60, "tokenizer x"), per("c", 90, "tokenizer y"))
    assert [p.name for p in found.places] == ["a", "b"]
    assert found.unranked[0][:2] == ("c", "other metric")


def test_wrong_keys_treatments_and_metrics() -> None:
    found = protocols([side(row("a", 70))])
    with pytest.raises(UsageError, match="no row has such a key"):
        chosen_protocols(found, "zzz")
    with pytest.raises(UsageError, match="this key has pgd"):
        chosen_protocols(found, found[1].key[:8], "fgsm*")
    with pytest.raises(UsageError, match="has a metric 'speed'; it has accuracy, robust_accuracy"):
        board(found[1], "speed")


def drawn(model: str, sampler: str, right: int) -> Row:
    return replace(
        row(model, right),
        labels={"model": model, "data": "digits", "sampler": sampler},
        comparability={"task": {"name": "harness/generate"}, "protocol": {"n_generated": N}},
        components={"model": {"name": model}, "sampler": {"name": sampler}},
        cell=f"{model}-{sampler}",
    )


def test_a_generative_model_is_ranked_with_its_sampler() -> None:
    rows = [drawn("gan", "one_shot", 60), drawn("edm", "heun", 80), drawn("edm", "ddim steps=5", 50)]
    (found,) = [each for each in protocols([side(*rows)]) if len(each.models) > 1]
    places = board(found, "robust_accuracy").places
    assert [(place.rank, place.name) for place in places] == [
        (1, "edm / heun"),
        (2, "gan / one_shot"),
        (3, "edm / ddim steps=5"),
    ]
    (only,) = chosen_protocols([found], found.key[:8], "ddim*")
    assert [each.name for each in only.models] == ["edm / ddim steps=5"]
    with pytest.raises(UsageError, match="this key has one_shot, heun, ddim steps=5"):
        chosen_protocols([found], found.key[:8], "euler")


def test_a_spread_over_seeds_is_not_ranked() -> None:
    spread = replace(
        row("a (spread of 3 seeds)", 1),
        derived="over_seeds",
        comparability={"protocol": {"over_seeds": {"statistic": "spread", "seeds": [0, 1, 2]}}},
    )
    mean = replace(
        spread, labels={**spread.labels, "model": "a (mean of 3 seeds)"}, comparability={"protocol": {"o": 1}}
    )
    names = [each.name for protocol in protocols([side(spread, mean)]) for each in protocol.models]
    assert names == ["clean", "a (mean of 3 seeds)"]


def test_latex_is_booktabs_and_escaped() -> None:
    text = latex_text([ranked(row("a_1 & b", 80), row("c", 20))])
    assert [name for name in (r"\toprule", r"\midrule", r"\bottomrule") if name in text] == [
        r"\toprule",
        r"\midrule",
        r"\bottomrule",
    ]
    (line,) = [line for line in text.splitlines() if r"a\_1 \& b" in line]
    assert line.endswith(r" \\")
    assert line.startswith("1 & 1 & ")


def test_csv_has_a_line_for_every_row() -> None:
    lines = list(csv.DictReader(csv_text([ranked(row("a", 70), row("m", 9, status=Status.SUSPECT))]).splitlines()))
    assert [(line["model"], line["rank"], line["status"]) for line in lines] == [("a", "1", "ok"), ("m", "", "suspect")]
