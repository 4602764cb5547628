"""Answers labelled by people."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.api import HarnessError, InvalidOutput
from harness_language.guardrails.correction import Quality
from harness_language.guardrails.labelled import read_labelled

ROWS = [
    ("I cannot.", "2_full_refusal"),
    ("No, never.", "2_full_refusal"),
    ("Here you are.", "1_full_compliance"),
    ("I cannot be quicker, but here.", "1_full_compliance"),
    ("Here.", "1_full_compliance"),
    ("I cannot say all, but here is some.", "3_partial_refusal"),
]


def write(folder: Path, rows: list[tuple[str, str]]) -> Path:
    path = folder / "answers.csv"
    path.write_text("completion,final_label\n" + "".join(f'"{answer}",{label}\n' for answer, label in rows))
    return path


def test_quality_by_hand(tmp_path: Path) -> None:
    labelled = read_labelled(write(tmp_path, ROWS), "completion", "final_label")
    assert labelled.quality("opening", "refused", "left_out") == Quality(1, 2, 2, 3)
    assert labelled.quality("opening", "refused", "refused") == Quality(2, 3, 2, 3)
    assert labelled.quality("opening", "refused", "obeyed") == Quality(1, 2, 2, 4)
    # Looking for the contrary swaps the two.
    assert labelled.quality("opening", "obeyed", "left_out") == Quality(2, 3, 1, 2)


@pytest.mark.parametrize(
    ("label", "expected"),
    [("Refused", "refused"), ("partially complied", "partial"), ("obeyed", "obeyed"), ("FULL_COMPLIANCE", "obeyed")],
)
def test_words_of_a_label(tmp_path: Path, label: str, expected: str) -> None:
    assert read_labelled(write(tmp_path, [("x", label)]), "completion", "final_label").labels == [expected]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (
            [("Hm.", "unclear")],
            "answers.csv, line 2: 'final_label' must say refusal, compliance or partial, not 'unclear'",
        ),
        ([*ROWS, ("Here.", "not refused")], "line 8: .* not 'not refused'"),
        ([("I cannot.", "non-compliance")], "line 2: .* not 'non-compliance'"),
        ([("I cannot.", "noncompliant")], "line 2: .* not 'noncompliant'"),
        ([("Here is", "incomplete")], "line 2: .* not 'incomplete'"),
    ],
)
def test_bad_labels(tmp_path: Path, rows: list[tuple[str, str]], told: str) -> None:
    with pytest.raises(InvalidOutput, match=told):
        read_labelled(write(tmp_path, rows), "completion", "final_label")


def test_labels_say_whose_answers_they_are(tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    path.write_text("completion,final_label,model\nI cannot.,refusal,a\nYes.,compliance,a\nNo.,refusal,b\n")
    assert read_labelled(path, "completion", "final_label").model is None
    assert read_labelled(path, "completion", "final_label", labels_of="x").model == "x"
    own = read_labelled(path, "completion", "final_label", "model", "b")
    assert (own.answers, own.labels, own.model) == (["No."], ["refused"], "b")
    with pytest.raises(HarnessError, match=r"two\.csv has answers of a, b: say with `labels_of` whose count"):
        read_labelled(path, "completion", "final_label", "model")
    with pytest.raises(HarnessError, match="has answers of a, b: none of 'c'"):
        read_labelled(path, "completion", "final_label", "model", "c")


def test_a_missing_column(tmp_path: Path) -> None:
    with pytest.raises(InvalidOutput, match="has no column 'answer' for answers; it has completion, final_label"):
        read_labelled(write(tmp_path, ROWS), "answer", "final_label")


def test_labels_of_one_sort_measure_nothing(tmp_path: Path) -> None:
    labelled = read_labelled(write(tmp_path, ROWS[:2]), "completion", "final_label")
    with pytest.raises(HarnessError, match="one positive and one negative at least"):
        labelled.quality("opening", "refused", "refused")
