"""What fits into a time is run, in the order of the suite; the rest is left out with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import run
from harness.cli import main
from harness.contract.cells import Cell, Use
from harness.contract.errors import UsageError
from harness.coordinator.forecast import Forecast
from harness.coordinator.time_limit import fitting, seconds_of

SUITE = """
suite: short
task: classify
data: {use: digits, limit: 16}
models: [shipped_digits]
attacks: [none, {use: fgsm, with: {eps: 0.1}}, {use: noise, with: {eps: 0.1}}]
metrics: [accuracy]
"""


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("45m", 2700), ("45 min", 2700), ("2h", 7200), (".5d", 43200)]
)
def test_times(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "0h", "2 weeks", "-1h", "h", "1h30m", "nan"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no time; write such as 90s, 45m, 2h or 1d"):
        seconds_of(text)


def cell(name: str, model: str) -> Cell:
    parts = {"model": Use("model", f"p/{model}", model, 1, {}), "attack": Use("attack", f"p/{name}", name, 1, {})}
    return Cell("e", Use("task", "p/t", "t", 1, {}), parts, seed=0)


def takes(seconds: float, training: float = 0.0) -> Forecast:
    return Forecast(seconds, training, None, "cpu")


def test_the_first_that_fit_are_chosen_and_a_training_counts_once() -> None:
    cells = [cell("a", "m"), cell("b", "m"), cell("c", "k"), cell("d", "m"), cell("e", "m")]
    names = {each.id: each.labels["attack"] for each in cells}
    durations = [takes(10, 30), takes(10, 30), takes(45, 0), takes(20, 30), None]
    expected = dict(zip(names, durations, strict=True))
    found = fitting(cells, expected, 80)
    # 10 + 30, 10, then 30 are left: 45 do not fit, 20 do; nothing is known of the last.
    assert [names[each.id] for each in found.cells] == ["a", "b", "d", "e"]
    assert {names[name]: reason for name, reason in found.left_out.items()} == {
        "c": "left out: it takes about 45 s, and the time limit is 1.33 min"
    }
    assert found.sentence(80) == "time limit 1.33 min: 1 left out; 1 of unknown duration last"
    assert fitting(cells, expected, 80, workers=2).left_out == {}


def test_a_run_leaves_out_what_will_not_fit(tmp_path: Path) -> None:
    (tmp_path / "short.yaml").write_text(SUITE, encoding="utf-8")
    first = run(tmp_path / "short.yaml", results=tmp_path / "results", device="cpu", isolation="inline")
    assert first.n_run == 3
    how = {"results": tmp_path / "results", "device": "cpu", "isolation": "inline"}
    again = run(tmp_path / "short.yaml", force=True, time_limit=1e-9, **how)  # type: ignore[arg-type]
    assert [str(row.status) for row in again.rows] == ["skipped"] * 3
    assert all(row.reason.startswith("left out: it takes about") for row in again.rows)
    assert again.n_run == 0
    # What is finished needs no time.
    assert run(tmp_path / "short.yaml", time_limit=1e-9, **how).n_reused == 3  # type: ignore[arg-type]


def test_no_cell_starts_when_the_time_is_over(tmp_path: Path) -> None:
    (tmp_path / "short.yaml").write_text(SUITE, encoding="utf-8")
    done = run(tmp_path / "short.yaml", results=tmp_path / "results", device="cpu", isolation="inline", time_limit=1e-9)
    assert {row.reason for row in done.rows} == {"left out: the time limit of 1e-09 s was over"}


def test_the_option_is_checked_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "short.yaml").write_text(SUITE, encoding="utf-8")
    assert main(["run", str(tmp_path / "short.yaml"), "--time-limit", "soon"]) == 2
    assert "error: --time-limit: 'soon' is no time; write such as 90s, 45m, 2h or 1d" in capsys.readouterr().err
