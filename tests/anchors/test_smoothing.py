"""The smoothed version of a linear model is itself, and its certified radius is its distance to the boundary."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import binom, norm
from statsmodels.stats.proportion import proportion_confint
from torch import Tensor

from harness.api import Context, Records
from harness_adversarial.metrics.certified import AbstentionRate, AverageCertifiedRadius, CertifiedAccuracy
from harness_adversarial.models.smoothing import Smoothed, lower_bound

SIGMA, N, ALPHA, EXAMPLES = 0.5, 400, 0.01, 200
WEIGHT = torch.linspace(-1, 1, 8)


def linear(inputs: Tensor) -> Tensor:
    score = inputs.flatten(1) @ WEIGHT
    return torch.stack([score, torch.zeros_like(score)], dim=1)


def points() -> tuple[Tensor, Tensor]:
    """Inputs and their signed distance to the boundary."""
    inputs = torch.randn(EXAMPLES, 8, generator=torch.Generator().manual_seed(0)) / 2
    return inputs, (inputs @ WEIGHT / WEIGHT.norm()).double()


def test_the_bound_is_that_of_clopper_and_pearson() -> None:
    for hits in (1, 7, 50, 99, 100):
        low, _ = proportion_confint(hits, 100, alpha=2 * 0.001, method="beta")
        assert lower_bound(hits, 100, 0.001) == pytest.approx(low, abs=1e-12)
    assert lower_bound(0, 100, 0.001) == 0.0
    assert lower_bound(100, 100, 0.001) == pytest.approx(0.001 ** (1 / 100))


def test_the_certified_radius_is_the_distance_to_the_boundary_within_clopper_pearson() -> None:
    """A radius above the distance is a false certificate: at most about a share alpha may be."""
    inputs, distance = points()
    model = Smoothed(linear, SIGMA, n=N, alpha=ALPHA)
    found = model.certify(inputs, [f"e{i}" for i in range(EXAMPLES)], Context())
    side = (distance < 0).long()
    certified = found.prediction >= 0
    assert (found.prediction[certified] == side[certified]).all()
    exact = distance.abs()
    false = int((found.radius > exact).sum())
    assert false <= binom.ppf(0.999, EXAMPLES, ALPHA)
    # Nor is it smaller than the fewest votes allow that a point at that distance gets with probability .9999.
    fewest = binom.ppf(0.0001, N, norm.cdf(exact.numpy() / SIGMA)).astype(int)
    least = np.array([SIGMA * norm.ppf(max(0.5, lower_bound(int(h), N, ALPHA))) for h in fewest])
    assert (found.radius.numpy() >= least - 1e-12)[certified.numpy()].all()


def test_the_abstention_rate_is_as_derived() -> None:
    """It abstains if the votes for its guess leave the bound at or below one half; the guess is the majority of n0."""
    inputs, distance = points()
    model = Smoothed(linear, SIGMA, n0=51, n=N, alpha=ALPHA)
    found = model.certify(inputs, [f"e{i}" for i in range(EXAMPLES)], Context(seed=3))
    least = next(h for h in range(N + 1) if lower_bound(h, N, ALPHA) > 0.5)
    share = norm.cdf(distance.numpy() / SIGMA)
    guess = binom.sf(25, 51, share)
    abstains = guess * binom.cdf(least - 1, N, share) + (1 - guess) * binom.cdf(least - 1, N, 1 - share)
    deviation = np.sqrt((abstains * (1 - abstains)).sum())
    assert abs(float((found.prediction < 0).sum()) - abstains.sum()) < 3.5 * deviation
    assert 5 < abstains.sum() < EXAMPLES / 2


def test_certificates_depend_on_ids_and_seed_only() -> None:
    inputs, _ = points()
    ids = [f"e{i}" for i in range(8)]
    model = Smoothed(linear, SIGMA, n=50)
    whole = model.certify(inputs[:8], ids, Context())
    part = model.certify(inputs[3:5], ids[3:5], Context(batch_size=1))
    assert torch.equal(whole.radius[3:5], part.radius)
    assert not torch.equal(whole.radius, model.certify(inputs[:8], ids, Context(seed=1)).radius)


@pytest.mark.parametrize(
    ("noise", "published"),
    [
        ("0.25", {0.25: 0.60, 0.5: 0.43, 0.75: 0.27}),
        ("0.50", {0.25: 0.55, 0.5: 0.41, 0.75: 0.32, 1.0: 0.23, 1.25: 0.15}),
    ],
)
def test_published_certified_accuracies(noise: str, published: dict[float, float]) -> None:
    """From the per-image certificates of the paper's authors on CIFAR-10."""
    file = Path(os.environ.get("HARNESS_DATA", "")) / "robustness/smoothing" / f"cifar10_noise_{noise}.tsv"
    if not file.is_file():
        pytest.skip("HARNESS_DATA has no robustness/smoothing")
    with file.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    records = Records.of(
        {
            "label": [int(row["label"]) for row in rows],
            "certified_prediction": [None if row["predict"] == "-1" else int(row["predict"]) for row in rows],
            "certified_radius": [float(row["radius"]) for row in rows],
            "certificate_norm": ["l2"] * len(rows),
            "certificate_alpha": [0.001] * len(rows),
        }
    )
    for radius, value in published.items():
        assert CertifiedAccuracy(radius).estimate(records).value == pytest.approx(value, abs=0.0051)
    abstained = sum(row["predict"] == "-1" for row in rows) / len(rows)
    assert AbstentionRate().estimate(records).value == pytest.approx(abstained)
    own = sum(float(row["radius"]) * int(row["correct"]) for row in rows) / len(rows)
    assert AverageCertifiedRadius().estimate(records).value == pytest.approx(own)
    assert CertifiedAccuracy().estimate(records).within == "l2 at alpha 0.001"


def test_the_noise_of_logits_is_drawn_once_and_bears_gradients_after_a_pass_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(5)
    model = Smoothed(torch.nn.Linear(3, 2), draws=4)
    inputs = torch.rand(2, 3)
    with torch.inference_mode():
        first = model(inputs)
    monkeypatch.setattr(torch, "randn", None)
    inputs.requires_grad_()
    again = model(inputs)
    assert torch.equal(first, again)
    again.sum().backward()
    assert inputs.grad is not None
    assert inputs.grad.abs().sum() > 0
