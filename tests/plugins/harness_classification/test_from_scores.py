"""Tables of scores as records: thresholds, predictions, what else they hold, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.api import Context, Examples, InvalidOutput, Records
from harness.testing import run_suite
from harness_classification.from_scores import FromScores


def records(data: Examples, threshold: float | None = None) -> Records:
    outcome = FromScores(threshold).run(data, Context())
    return Records.of(outcome.records, **outcome.protocol)


def data(**columns: object) -> Examples:
    n = len(next(iter(columns.values())))  # type: ignore[arg-type]
    return Examples([f"r{i}" for i in range(n)], columns, {"sex": ["f", "m"] * (n // 2) + ["f"] * (n % 2)})


def test_a_score_at_the_threshold_is_predicted_positive() -> None:
    found = records(data(labels=[1, 0, 1, 0], scores=[0.5, 0.49, 0.2, 0.9]), 0.5)
    assert found["prediction"].tolist() == [1, 0, 0, 1]
    assert found["correct"].tolist() == [True, True, False, False]
    assert found["group.sex"].tolist() == ["f", "m", "f", "m"]
    assert found.protocol == {"threshold": 0.5}


def test_predictions_of_any_class_need_no_threshold() -> None:
    found = records(data(labels=["a", "b", None], predictions=["a", "a", "b"]))
    assert found.table.column("correct").to_pylist() == [True, False, None]
    assert found.protocol == {"threshold": None}


def test_selections_need_no_labels() -> None:
    found = records(data(scores=[0.5, 0.49, 0.9]), 0.5)
    assert found["prediction"].tolist() == [1, 0, 1]
    assert "label" not in found
    assert "correct" not in found
    assert records(data(predictions=[1, 0])).table.column("prediction").to_pylist() == [1, 0]


def test_other_columns_are_kept() -> None:
    found = records(data(errors=[1.0, 2.0], words=[10.0, 20.0]))
    assert found["words"].tolist() == [10.0, 20.0]
    assert "prediction" not in found


def test_pairs_to_verify_need_no_labels() -> None:
    found = records(data(genuine=[1, 0], scores=[0.9, 0.1]))
    assert found["score"].tolist() == [0.9, 0.1]


def test_who_is_selected_needs_no_labels() -> None:
    """A threshold, or predictions of any class, and no column of labels."""
    found = records(data(scores=[0.5, 0.49, 0.2, 0.9]), 0.5)
    assert found["prediction"].tolist() == [1, 0, 0, 1]
    assert "label" not in found
    assert "correct" not in found
    assert records(data(predictions=["yes", "no"]))["prediction"].tolist() == ["yes", "no"]


def test_pairs_with_labels_may_go_without_a_threshold() -> None:
    assert "prediction" not in records(data(labels=[1, 0], genuine=[1, 0], scores=[0.9, 0.1]))


@pytest.mark.parametrize(
    ("columns", "threshold", "told"),
    [
        ({"labels": [1, 0], "scores": [0.1, 0.9]}, None, "no threshold is declared: rates depend on it"),
        ({"labels": [1, 2], "scores": [0.1, 0.9]}, 0.5, "label 2 of 'r1' is neither 0 nor 1"),
        ({"labels": [1, 0], "scores": [0.1, float("nan")]}, 0.5, "1 scores are not finite, first for 'r1'"),
        (
            {"labels": [1, 0], "predictions": [1, 0], "correct": [1, 1]},
            None,
            "column 'correct' has the name of a column",
        ),
    ],
)
def test_what_is_refused(columns: dict[str, object], threshold: float | None, told: str) -> None:
    with pytest.raises(InvalidOutput, match=told):
        records(data(**columns), threshold)


def test_duplicate_ids_are_refused() -> None:
    with pytest.raises(ValueError, match="ids are not unique"):
        Examples(["a", "a"], {"labels": [1, 0]})


SUITE = """
suite: audit
task: {{use: from_scores, with: {{threshold: {threshold}}}}}
data: {{use: csv_table, with: {{path: scores.csv, id: id, label: label, score: score, groups: [sex]}}}}
metrics: [accuracy, {{use: group_rate, with: {{rate: fpr}}}}]
"""


def test_a_file_is_audited_and_the_threshold_is_part_of_what_is_compared(tmp_path: Path) -> None:
    rows = "".join(f"p{i},{i % 2},{i / 40},{'fm'[i % 4 < 2]}\n" for i in range(40))
    (tmp_path / "scores.csv").write_text("id,label,score,sex\n" + rows, encoding="utf-8")
    low, high = (run_suite(SUITE.format(threshold=t), tmp_path).rows[0] for t in (0.3, 0.7))
    assert low.status == high.status == "ok"
    assert low.estimates["group_rate"].value == pytest.approx(14 / 20)
    assert high.estimates["group_rate"].value == pytest.approx(6 / 20)
    assert low.key != high.key


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("id,label,score,gender\na,1,.5,f\n", "scores.csv has no column 'sex' for groups"),
        ("id,label,score,sex\na,1,.5,f\na,0,.4,m\n", "the id 'a' stands on line 2 and on line 3"),
        ("id,label,score,sex\na,1,.5,\nb,0,.4,m\n", "1 of 2 rows have no 'sex', first on line 2"),
        ("id,label,score,sex\na,1,.5,f\nb,maybe,.4,m\n", "say which is `positive:`"),
    ],
)
def test_a_bad_file_is_a_row_with_a_reason(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "scores.csv").write_text(content, encoding="utf-8")
    (row,) = run_suite(SUITE.format(threshold=0.5), tmp_path).rows
    assert row.status == "invalid"
    assert told in row.reason


def test_scores_of_two_systems_over_the_same_rows_have_one_key_and_other_labels_none(tmp_path: Path) -> None:
    keys = {}
    for name, reverse, flip in (("a", 0, 0), ("b", 1, 0), ("c", 0, 1)):
        rows = "".join(f"p{i},{(i + flip) % 2},{abs(reverse - i / 40)},{'fm'[i % 4 < 2]}\n" for i in range(40))
        (tmp_path / "scores.csv").write_text("id,label,score,sex\n" + rows, encoding="utf-8")
        (row,) = run_suite(SUITE.format(threshold=0.5), tmp_path).rows
        assert row.status == "ok"
        keys[name] = row.key
        data = row.comparability["data"]
        assert set(data["columns"]) == {"labels"}
    assert keys["a"] == keys["b"] != keys["c"]
