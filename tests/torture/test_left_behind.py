"""Models that change what they wrap, attacks that leave things behind: all other rows are those of a clean run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness import Run
from harness.contract.rows import Status
from harness.suite.plan import Isolation
from harness.testing import run_suite

pytestmark = pytest.mark.extended

PLUGINS = Path(__file__).parents[1] / "execution" / "plugins"
PLAIN = "plain"
WRAPPERS = [
    f"{{use: wrapped, as: {how}, with: {{model: plain, how: {how}}}}}" for how in ("prune", "half", "hook", "forward")
]
LEAVING = ["inference mode", "device"]


def suite(models: list[str], attacks: list[str]) -> str:
    return f"""
suite: left-behind
task: ask
data: views
models: [{", ".join(models)}]
attacks: [{", ".join(attacks)}]
metrics: [mean_answer]
"""


def records(run: Run, **labels: str) -> dict[str, Any]:
    """The answers of each row with these labels, by model."""
    rows = [row for row in run.rows if labels.items() <= row.labels.items()]
    assert all(row.status is Status.OK for row in rows), [row.reason for row in rows]
    return {row.labels["model"]: run.records(row).table.column("answer").to_pylist() for row in rows}


@pytest.mark.parametrize("isolation", ["inline", "process"])
def test_models_in_either_order_and_a_second_run_have_equal_rows(tmp_path: Path, isolation: Isolation) -> None:
    def run(name: str, models: list[str]) -> dict[str, Any]:
        done = run_suite(suite(models, ["none"]), tmp_path / name, plugin_folders=[PLUGINS], isolation=isolation)
        return records(done)

    alone = run("alone", [PLAIN])
    there, back = run("there", [PLAIN, *WRAPPERS]), run("back", [*reversed(WRAPPERS), PLAIN])
    assert there == back == run("there", [*WRAPPERS, PLAIN])
    assert there["plain"] == alone["plain"]
    assert len({str(answers) for answers in there.values()}) == 1 + len(WRAPPERS)


def test_what_attacks_leave_in_a_worker_is_named_and_spoils_no_other_row(tmp_path: Path) -> None:
    mixed = []
    for how in LEAVING:
        mixed.append(f"{{use: leaving, as: {how}, with: {{how: {how}}}}}")
        mixed.append(f"{{use: borrowing, as: after {how}, with: {{surrogate: plain, number: {len(mixed)}}}}}")
    text = suite([PLAIN], ["none", *mixed])
    done = run_suite(text, tmp_path / "run", plugin_folders=[PLUGINS], isolation="process", workers=1)
    rows = {row.labels["attack"]: row for row in done.rows}
    for how in LEAVING:
        assert rows[how].status in (Status.INVALID, Status.FAILED)
        assert "left the process changed" in rows[how].reason
    assert [rows[name].status for name in rows if name.startswith("after")] == [Status.OK] * len(LEAVING)
    assert rows["none"].status is Status.OK
    answers = [done.records(row).table.column("answer").to_pylist() for row in done.rows if row.status is Status.OK]
    assert all(each == answers[0] for each in answers)
