"""The sampler keeps what samplers promise, and does what it says."""

from __future__ import annotations

from pathlib import Path

import torch
from harness.api import Context, SampleBatch
from harness.testing import check, run_suite
from torch import Tensor

from truncated.sampler import Truncated

ROOT = Path(__file__).parents[1]


class Identity:
    """A generator whose samples are its noise."""

    latent_shape = (2,)

    def generate(self, noise: Tensor, conditions: Tensor | None) -> Tensor:
        return noise


def test_promises() -> None:
    findings = check("sampler", "truncated", plugin_folders=ROOT)
    assert [str(finding) for finding in findings if finding.state != "ok"] == []


def test_the_noise_is_made_smaller() -> None:
    batch = SampleBatch(["a", "b"], torch.tensor([[2.0, -4.0], [0.0, 1.0]]))
    assert Truncated(0.5).sample(Identity(), batch, Context()).tolist() == [[1.0, -2.0], [0.0, 0.5]]


def test_variety_falls(tmp_path: Path) -> None:
    done = run_suite(ROOT / "truncated.yaml", tmp_path, plugin_folders=ROOT)
    recall = [row.estimates["recall"].value for row in done.rows]
    assert recall == sorted(recall, reverse=True)
    assert recall[0] > recall[2]
