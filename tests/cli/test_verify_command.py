"""`harness verify` as a user meets it: a model whose outputs depend on its batch is caught, an honest one is not."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.conftest import Say
from harness.cli import main
from harness.results.certificate import CERTIFICATE
from harness.store.run_folder import RUN
from harness.store.store import STORE

SUITE = """
suite: heights
task: measure
data: people
models: [{use: scale, as: honest}, {use: scale, as: lazy, with: {less_the_mean: true}}]
metrics: [mean_height]
"""
PLUGIN = '''
"""Measures in batches; one of two models subtracts the mean of its batch."""

import numpy as np

from harness.api import Component, Examples, Outcome, hookimpl, mean


@hookimpl
def harness_components():
    return [
        Component("task", "measure", "heights:Measure", "Measures."),
        Component("dataset", "people", "heights:people", "Numbers."),
        Component("model", "scale", "heights:Scale", "A scale."),
        Component("metric", "mean_height", "heights:MeanHeight", "The mean."),
    ]


def people() -> Examples:
    """Numbers."""
    return Examples([f"person-{i}" for i in range(40)], {"height": np.arange(40.0) ** 2})


class Scale:
    """A scale.

    Args:
        less_the_mean: subtract the mean of the batch.
    """

    def __init__(self, less_the_mean: bool = False):
        self.less_the_mean = less_the_mean

    def measure(self, batch):
        return batch - batch.mean() if self.less_the_mean else batch


class Measure:
    """Measures."""

    def run(self, model: Scale, data, *, ctx):
        heights = np.asarray(data.take(range(len(data.ids)))["height"])
        parts = [model.measure(heights[i : i + ctx.batch_size]) for i in range(0, len(heights), ctx.batch_size)]
        return Outcome({"id": list(data.ids), "height": np.concatenate(parts)}, {}, {})


class MeanHeight:
    """The mean."""

    columns = ("height",)
    direction = "max"

    def estimate(self, records):
        return mean(records["height"])
'''


@pytest.fixture
def heights(tmp_path: Path, say: Say) -> Iterator[Callable[..., tuple[int, str, str]]]:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "heights.py").write_text(PLUGIN, encoding="utf-8")
    (tmp_path / "heights.yaml").write_text(SUITE, encoding="utf-8")

    def call(*arguments: str) -> tuple[int, str, str]:
        said = say(*arguments, "--isolation", "inline", "--device", "cpu", plugins=tmp_path / "plugins")
        return said.code, said.out, said.err

    yield call
    sys.modules.pop("heights", None)


def store_of(folder: Path) -> dict[str, int]:
    """The finished cells of the store and when each of their files was written."""
    cells = folder / "results" / STORE / "cells"
    return {str(path): path.stat().st_mtime_ns for path in sorted(cells.rglob("*")) if path.is_file()}


def test_a_model_that_depends_on_its_batch_is_caught_and_the_store_stays(
    heights: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    assert heights("run", "heights.yaml")[0] == 0
    (run,) = (tmp_path / "results" / "heights").iterdir()
    before = store_of(tmp_path)
    assert before
    code, out, err = heights("verify", "heights")
    assert code == 3, err
    certificate = json.loads((run / CERTIFICATE).read_text(encoding="utf-8"))
    verdicts = {cell["name"]: cell["verdict"] for cell in certificate["cells"]}
    assert verdicts == {"honest on people, seed 0": "equal to the bit", "lazy on people, seed 0": "not equal"}
    assert "in batches of 19 instead of 128" in certificate["how"]
    lazy = certificate["cells"][1]
    # In batches of 19 the means differ from 513.5, that of the 40 squares: 0..18 have 111, 19..37 have 814.
    assert (lazy["n_differing"], lazy["n_beyond"], lazy["examples"][0]) == (40, 40, "person-0")
    assert lazy["columns"]["height"] == pytest.approx((38**2 + 39**2) / 2 - 513.5)
    assert "lazy on people, seed 0: not equal" in out
    assert "not equal: lazy" in (run / "table.md").read_text(encoding="utf-8")
    assert store_of(tmp_path) == before


def test_the_certificate_stands_below_the_table_and_on_the_page(
    heights: Callable[..., tuple[int, str, str]], tmp_path: Path, say: Say
) -> None:
    heights("run", "heights.yaml", "--only", "model=honest")
    (run,) = (tmp_path / "results" / "heights").iterdir()
    assert heights("verify", "heights", "--batch-size", "7")[0] == 0
    sentence = "1 of 1 cells measured again in batches of 7 instead of 128, in this process, in reverse order: "
    sentence += "1 equal to the bit"
    said = say("table", "heights", plugins=tmp_path / "plugins")
    assert sentence in said.out
    say("report", "heights", plugins=tmp_path / "plugins")
    for file in ("table.md", "report.html"):
        assert sentence in (run / file).read_text(encoding="utf-8")


def test_code_that_has_changed_since_is_told_and_not_certified(
    heights: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    heights("run", "heights.yaml", "--only", "model=honest")
    plugin = tmp_path / "plugins" / "heights.py"
    plugin.write_text(PLUGIN.replace("else batch", "else batch + 0"), encoding="utf-8")
    sys.modules.pop("heights", None)
    code, out, _ = heights("verify", "heights")
    assert code == 1
    assert "not measured again: changed since it was measured: code of " in out


def test_a_suite_that_is_gone_is_told_with_the_remedy(
    heights: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    heights("run", "heights.yaml")
    (tmp_path / "heights.yaml").rename(tmp_path / "moved.yaml")
    code, _, err = heights("verify", "heights")
    assert (code, "Traceback" in err) == (2, False)
    assert heights("verify", "heights", "--suite", "moved.yaml", "--cells", "1")[0] in (0, 3)


def test_a_damaged_certificate_is_told_in_the_footer(
    heights: Callable[..., tuple[int, str, str]], tmp_path: Path, say: Say
) -> None:
    heights("run", "heights.yaml")
    (run,) = (tmp_path / "results" / "heights").iterdir()
    (run / CERTIFICATE).write_text('{"cells": 3}', encoding="utf-8")
    said = say("table", "heights", plugins=tmp_path / "plugins")
    assert said.code == 0
    assert "not verified" in said.out
    assert "verify the run again" in said.out


def test_a_new_worker_measures_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "heights.py").write_text(PLUGIN, encoding="utf-8")
    (tmp_path / "heights.yaml").write_text(SUITE, encoding="utf-8")
    shared = ["--plugins-dir", "plugins"]
    assert main([*shared, "run", "heights.yaml", "--device", "cpu", "--quiet"]) == 0
    assert main([*shared, "verify", "heights"]) == 3
    (run,) = (path.parent for path in (tmp_path / "results" / "heights").glob(f"*/{RUN}"))
    certificate = json.loads((run / CERTIFICATE).read_text(encoding="utf-8"))
    assert [cell["verdict"] for cell in certificate["cells"]] == ["equal to the bit", "not equal"]
    assert "in new workers" in certificate["how"]
    sys.modules.pop("heights", None)
