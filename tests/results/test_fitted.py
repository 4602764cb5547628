"""Tables that fit a width."""

from __future__ import annotations

import pytest

from harness.results.fitted import NEVER, FittedColumn, cut, cut_apart, fitted, width_of

MODEL = FittedColumn("model", ["a network with a rather long name", "b"], is_label=True)
MAIN = FittedColumn("robust ↑", ["0.864 [0.825, 0.895]", "0.5 [0.4, 0.6]"])
OTHER = FittedColumn("accuracy", ["0.967 [0.943, 0.981]", ""], rank=2)
LAST = FittedColumn("ece", ["0.1 [0.0, 0.2]", ""], rank=2)
KEY = FittedColumn("key", ["734207f1", "9638241c"], rank=0)
COLUMNS = [MODEL, MAIN, OTHER, LAST, KEY]


def lines(width: int) -> tuple[list[str], list[str]]:
    text, left_out = fitted(COLUMNS, width)
    return text.splitlines(), left_out


def test_what_fits_is_whole() -> None:
    text, left_out = lines(200)
    assert left_out == []
    assert text == [
        "model                              robust ↑              accuracy              ece             key",
        "---------------------------------  --------------------  --------------------  --------------  --------",
        "a network with a rather long name  0.864 [0.825, 0.895]  0.967 [0.943, 0.981]  0.1 [0.0, 0.2]  734207f1",
        "b                                  0.5 [0.4, 0.6]                                              9638241c",
    ]


@pytest.mark.parametrize(
    ("width", "left_out", "longest_label"),
    [
        (103, [], 33),
        (102, ["key"], 33),
        (93, ["key"], 33),
        (92, ["key"], 32),
        (84, ["key"], 24),
        (83, ["ece", "key"], 24),
        (67, ["accuracy", "ece", "key"], 24),
        (40, ["accuracy", "ece", "key"], 18),
        (30, ["accuracy", "ece", "key"], 8),
        (10, ["accuracy", "ece", "key"], 8),
    ],
)
def test_effort_goes_first_then_labels_are_cut_then_metrics_go(
    width: int, left_out: list[str], longest_label: int
) -> None:
    text, gone = lines(width)
    assert gone == left_out
    assert "robust ↑" in text[0]
    assert "0.864 [0.825, 0.895]" in text[2]
    assert len(text[1].split("  ")[0]) == longest_label
    assert max(map(len, text)) <= max(width, 30)


def test_the_ends_of_a_label_stay() -> None:
    assert cut("resnet with width=64 seed=1", 12) == "resnet w…d=1"
    assert cut("short", 12) == "short"


@pytest.mark.parametrize("label", ["模型" * 30, "🦊🐻" * 30, "שלום עולם " * 20, "é" * 200])
def test_wide_letters_are_counted_as_they_are_shown(label: str) -> None:
    text, _ = fitted([FittedColumn("model", [label, "b"], is_label=True), MAIN], 60)
    assert {width_of(line) <= 60 for line in text.splitlines()} == {True}
    assert text.splitlines()[2].endswith("0.864 [0.825, 0.895]")


def test_colours_take_no_room() -> None:
    styled = FittedColumn("status", ["failed", "ok"], style=lambda text: f"\x1b[31m{text}\x1b[0m")
    text, _ = fitted([styled, MAIN], 80)
    assert text.splitlines()[2] == "\x1b[31mfailed\x1b[0m  0.864 [0.825, 0.895]"
    assert text.splitlines()[3] == "\x1b[31mok\x1b[0m      0.5 [0.4, 0.6]"


def test_nothing_is_a_table_too() -> None:
    assert fitted([], 80) == ("", [])
    assert NEVER > 2


def test_labels_that_begin_alike_stay_apart() -> None:
    groups = ["population: majority", "", "population: minority", "population: majority"]
    assert cut_apart(groups, 10) == ["…majority", "", "…minority", "…majority"]
    assert cut_apart(["sums of 2 digits", "sums of 3 digits"], 8) == ["…2 di…ts", "…3 di…ts"]
    # Where they differ anyway they keep their beginnings.
    assert cut_apart(["reweighted", "balanced"], 8) == [cut("reweighted", 8), "balanced"]
    assert cut_apart(["x" * 30, "x" * 31], 8) == [cut("x" * 30, 8)] * 2


def test_the_width_of_a_text_is_measured_a_few_times_however_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []

    def counting(text: str) -> int:
        measured.append(text)
        return len(text)

    monkeypatch.setattr("harness.results.fitted.width_of", counting)
    fitted([FittedColumn("n", [str(i) for i in range(200)])], 80)
    # Six times a row, and never once a row for each row.
    assert len(measured) < 200 * 10
