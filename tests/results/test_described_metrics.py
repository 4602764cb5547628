"""table.json says of every number what it is."""

from __future__ import annotations

import json
from collections.abc import Callable

from harness import Run

SUITE = """
suite: described
task: classify
data: {use: digits, limit: 30}
models: [{use: digit_linear, as: raw, with: {epochs: 1}}]
attacks: [none, {use: fgsm, sweep: {eps: [0.1]}}, {use: fmn, with: {steps: 5}}]
metrics: [accuracy, {use: mean_distance, as: how far}]
aggregates: [smallest_distance]
"""


def test_every_number_has_direction_unit_title_and_method(run: Callable[..., Run]) -> None:
    done = run(SUITE)
    table = json.loads((done.folder.path / "table.json").read_text(encoding="utf-8"))
    described = table["metrics"]["described"]
    labels = {label for row in table["rows"] for label in row["estimates"]}
    assert set(described) == labels
    assert described["accuracy"]["direction"] == "max"
    assert described["accuracy"]["unit"] == "fraction"
    assert described["accuracy"]["method"] == ["wilson"]
    assert "true class" in described["accuracy"]["title"]
    assert described["accuracy"]["component"]["name"].endswith("/accuracy")
    # A label of the suite's own is told by the title of its metric.
    assert described["how far"]["title"] != "how far"
    # A number of an aggregate is no metric of the suite.
    made = described["median_distance"]
    assert (made["direction"], made["component"], made["title"]) == ("", None, "median distance")
