"""Metrics, aggregates and reporters that lie, raise, hang or crash: each costs its own number and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from harness import Run
from harness.contract.rows import Row, Status
from harness.testing import run_suite

pytestmark = pytest.mark.extended

PLUGINS = Path(__file__).parent / "scoring_plugins"
TIMEOUT = 8
LATE = f"took longer than {TIMEOUT} s"
INVALID, FAILED, CRASHED = Status.INVALID, Status.FAILED, Status.CRASHED

REFUSED = {
    "outside": (INVALID, "the value 0.9 lies outside its interval [0.1, 0.2]"),
    "no_fraction": (INVALID, "the value 7 lies outside what a fraction can be, 0 to 1"),
    "upside_down": (INVALID, "interval [0.6, 0.4] is upside down"),
    "nan": (INVALID, "value is NaN"),
    "infinite": (INVALID, "value is infinite"),
    "infinite_end": (INVALID, "high is infinite"),
    "negative_n": (INVALID, "n is -5, not a number of records"),
    "half_n": (INVALID, "n is 3.7, not a number of records"),
    "text_n": (INVALID, "n is a str, not a number"),
    "negative_missing": (INVALID, "n_missing is -3"),
    "p_of_7": (INVALID, "p is 7, not from 0 to 1"),
    "level_of_42": (INVALID, "level is 42, not from 0 to 1"),
    "no_low_and_high_below": (INVALID, "the value 0.5 lies outside its interval [..., 0.3]"),
    "text_value": (INVALID, "value is a str, not a number"),
    "array_value": (INVALID, "value is a ndarray of shape [1], not a number"),
    "no_method": (INVALID, "method is a NoneType, not text"),
    "cheating_class": (INVALID, "the value 9 lies outside"),
    "float": (INVALID, "it returned a float, not an Estimate"),
    "none": (INVALID, "it returned a NoneType, not an Estimate"),
    "raise": (FAILED, "ValueError: a bug of the plugin"),
    "raise_half_characters": (FAILED, "OSError: no file caf\\udce9.txt"),
    "raise_unreadable": (FAILED, "Unreadable: its text cannot be read"),
    "raise_long": (FAILED, "ValueError: xxx"),
    "cancelled": (FAILED, "CancelledError"),
    "base_exception": (FAILED, "BaseException: stop"),
    "keyboard_interrupt": (FAILED, "KeyboardInterrupt"),
    "system_exit": (FAILED, "SystemExit: 0"),
    "generator_exit": (FAILED, "GeneratorExit"),
    "memory_error": (Status.OOM, "MemoryError"),
    "recursion": (FAILED, "RecursionError"),
    "exit": (CRASHED, "its worker exited with code 0 without a result"),
    "segfault": (CRASHED, "its worker crashed: SIGSEGV"),
    "abort": (CRASHED, "its worker crashed: SIGABRT"),
    "kill_itself": (Status.LOST, "its worker was killed from outside"),
    "hang": (Status.TIMEOUT, LATE),
    "hang_without_signals": (Status.TIMEOUT, LATE),
    "stop_itself": (Status.TIMEOUT, LATE),
    "fork": (CRASHED, "its worker exited with code 1 without a result"),
    "close_channel": (CRASHED, "its worker "),
    "garbage": (CRASHED, "its worker sent something else than an answer"),
    "number_for_answer": (CRASHED, "its worker sent something else than an answer"),
    "forged_value": (CRASHED, "its worker sent something else than an answer"),
    "forged_fault": (CRASHED, "its worker sent something else than an answer"),
    "too_much_memory": (Status.OOM, "MemoryError"),
}
TAKEN = (
    "numpy_scalar", "numpy_count", "numpy_truth", "zero_dimensions", "decimal", "half_characters", "leave_process",
    "leave_thread", "chdir", "umask", "print", "close_streams",
)  # fmt: skip
KINDS = (*REFUSED, *TAKEN)


def suite(kinds: Sequence[str], more: str = "") -> str:
    # Each is followed by a healthy one, and the first of all metrics tells whether the row is ok.
    uses = "\n".join(f"  - {{use: misdeed, as: {kind}, with: {{kind: {kind}}}}}" for kind in kinds)
    return f"suite: misdeeds\ntask: count\ndata: numbers\nmetrics:\n{uses}\n{more}"


def run_of(text: str, folder: Path) -> Run:
    return run_suite(text, folder, plugin_folders=[PLUGINS], isolation="process", timeout=TIMEOUT)


@pytest.fixture(scope="module")
def row(tmp_path_factory: pytest.TempPathFactory) -> Row:
    kinds = [*KINDS, "good"]
    run = run_of(suite(kinds), tmp_path_factory.mktemp("misdeeds"))
    (row,) = run.rows
    assert (run.folder.path / "table.md").is_file()
    assert list(row.estimates) == kinds
    return row


@pytest.mark.parametrize("kind", REFUSED)
def test_a_misdeed_costs_its_own_number(row: Row, kind: str) -> None:
    estimate = row.estimates[kind]
    assert estimate.value is None
    assert estimate.reason.startswith(REFUSED[kind][1])


@pytest.mark.parametrize("kind", TAKEN)
def test_what_is_odd_but_right_counts(row: Row, kind: str) -> None:
    assert row.estimates[kind].value == (1.0 if kind == "numpy_truth" else 0.5)
    assert row.estimates[kind].n == 8


def test_the_row_has_the_status_of_the_first_misdeed_and_names_all(row: Row) -> None:
    assert row.status is INVALID
    first, *others = row.reason.split("; metric ")
    assert first == "metric outside: the value 0.9 lies outside its interval [0.1, 0.2]"
    assert len(others) > 20
    assert {each.partition(":")[0] for each in others} < set(row.estimates) - {"good", "outside"}
    assert row.estimates["good"].value == 0.5


@pytest.mark.parametrize("kind", ["exit", "hang", "raise_half_characters", "memory_error"])
def test_the_status_of_a_misdeed(kind: str, tmp_path: Path) -> None:
    run = run_of(suite(["good", kind]), tmp_path)
    (row,) = run.rows
    status, reason = REFUSED[kind]
    assert row.status is status
    assert row.reason.startswith(f"metric {kind}: {reason}")
    assert run.exit_code == 1


AGGREGATES = {
    "no_row": (FAILED, "TypeError: it must yield Row objects, not str"),
    "nan_cost": (FAILED, "ValueError: Out of range float values are not JSON compliant"),
    "text_cost": (FAILED, 'row 1: cost: effort is "much", not int or float'),
    "number_label": (FAILED, "row 1: labels: model is 3, not str"),
    "no_json": (FAILED, "TypeError: Object of type PosixPath is not JSON serializable"),
    "raise": (FAILED, "ValueError: a bug of the plugin"),
    "raise_half_characters": (FAILED, "OSError: no file caf\\udce9.txt"),
    "exit": (FAILED, "its worker exited with code 0 without a result"),
    "segfault": (FAILED, "its worker crashed: SIGSEGV"),
    "hang": (FAILED, LATE),
    "keyboard_interrupt": (FAILED, "KeyboardInterrupt"),
    "base_exception": (FAILED, "BaseException: stop"),
}


@pytest.fixture(scope="module")
def derived(tmp_path_factory: pytest.TempPathFactory) -> Run:
    kinds = [*AGGREGATES, "half_characters", "good"]
    aggregates = "\n".join(f"  - {{use: odd_rows, as: {kind}, with: {{kind: {kind}}}}}" for kind in kinds)
    files = "\n".join(
        f"  - {{use: odd_files, as: {kind}, with: {{kind: {kind}}}}}" for kind in ("exit", "no_file", "good")
    )
    text = suite(["good"], f"aggregates:\n{aggregates}\nreports:\n{files}\n")
    return run_of(text, tmp_path_factory.mktemp("derived"))


@pytest.mark.parametrize("kind", AGGREGATES)
def test_an_aggregate_costs_its_own_row(derived: Run, kind: str) -> None:
    (row,) = [row for row in derived.rows if row.derived == kind]
    status, reason = AGGREGATES[kind]
    assert row.status is status
    assert row.reason.startswith(f"aggregate {kind}: {reason}")


def test_other_aggregates_are_right(derived: Run) -> None:
    cell, *rows = derived.rows
    by_name = {row.derived: row for row in rows}
    assert cell.status is by_name["good"].status is Status.OK
    assert by_name["good"].estimates == cell.estimates
    assert by_name["half_characters"].labels == {"model": "caf\\udce9"}


def test_a_reporter_costs_its_own_file(derived: Run) -> None:
    assert (derived.folder.path / "good.txt").read_text() == "text"
    assert not (derived.folder.path / "exit.txt").exists()
    assert sorted(warning.split(":")[0] for warning in derived.warnings) == ["reporter exit", "reporter no_file"]
