"""The attribution keeps what attributions promise, and is exact where the right answer is known."""

from __future__ import annotations

from pathlib import Path

import torch
from harness.api import Context, ExplainedInputs
from harness.testing import check, run_suite
from torch import Tensor

from rows_removed.attribution import RowsRemoved

ROOT = Path(__file__).parents[1]


class Sums:
    """A linear model: the logit of its only class is the sum of all pixels."""

    def __call__(self, inputs: Tensor, /) -> Tensor:
        return inputs.flatten(1).sum(dim=1, keepdim=True)


def test_promises() -> None:
    findings = check("attribution", "rows_removed", plugin_folders=ROOT)
    assert [str(finding) for finding in findings if finding.state != "ok"] == []


def test_the_fall_of_a_sum_is_the_sum_of_the_row() -> None:
    image = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    maps = RowsRemoved().attribute(Sums(), ExplainedInputs(["a"], image, torch.tensor([0])), Context())
    assert maps.tolist() == [[[[3.0, 3.0], [7.0, 7.0]]]]


def test_its_suite(tmp_path: Path) -> None:
    done = run_suite(ROOT / "rows_removed.yaml", tmp_path, plugin_folders=ROOT)
    assert [row.status.is_measured for row in done.rows] == [True, True, True]
