"""Attacks beyond a budget in a norm, by properties that can be worked out."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from harness.api import Context, LabelledInputs
from harness.testing import assert_same_records, run_suite
from harness_adversarial.attacks.hopskipjump import HopSkipJump
from harness_adversarial.attacks.patch import Patch
from harness_adversarial.attacks.physical import EOTPhysical
from harness_adversarial.attacks.spatial import RotationTranslation
from harness_adversarial.attacks.transfer import Transfer, smoothed
from harness_adversarial.common.warp import Placement, Views, place


class Linear(nn.Module):
    """Two classes with logits w.(x - 1/2) and 0; counts what it was asked."""

    def __init__(self, seed: int = 3, side: int = 4) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(torch.randn(side * side, generator=generator))
        self.asked = 0

    def forward(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
        self.asked += len(inputs)
        score = (inputs.flatten(1) - 0.5) @ self.weight
        return torch.stack([score, torch.zeros_like(score)], dim=1)


def batch(model: nn.Module, n: int = 12, side: int = 4, spread: float = 0.1) -> LabelledInputs:
    inputs = (0.5 + spread * torch.randn(n, 1, side, side, generator=torch.Generator().manual_seed(4))).clamp(0, 1)
    return LabelledInputs([f"e{i}" for i in range(n)], inputs, model(inputs).argmax(1).detach())


def still(n: int, **changes: Tensor) -> Placement:
    parts: dict[str, Any] = {"angle": torch.zeros(n), "scale": torch.ones(n), "shift": torch.zeros(n, 2)}
    return Placement(**{**parts, "tilt": torch.zeros(n, 2), **changes})


def test_placements_that_are_known() -> None:
    images = torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(place(images, still(2), 0.0), images, atol=1e-6)
    quarter = place(images, still(2, angle=torch.full((2,), math.pi / 2)), 0.0)
    assert torch.allclose(quarter, torch.rot90(images, 1, (2, 3)), atol=1e-5)
    moved = place(images, still(2, shift=torch.tensor([[1 / 6, 0.0], [0.0, 2 / 6]])), 0.25)
    assert torch.allclose(moved[0, :, :, 1:], images[0, :, :, :-1], atol=1e-5)
    assert torch.allclose(moved[1, :, 2:], images[1, :, :-2], atol=1e-5)
    assert torch.allclose(moved[0, :, :, 0], torch.full((3, 6), 0.25), atol=1e-5)
    # At half the size the middle is what it was and the border is background.
    small = place(torch.ones(1, 1, 8, 8), still(1, scale=torch.tensor([0.5])), 0.0)
    assert torch.allclose(small[..., 2:6, 2:6], torch.ones(4, 4))
    assert float(small[..., 0, :].sum()) == 0.0


def test_a_view_without_change_is_the_image_and_draws_go_by_id() -> None:
    images = torch.rand(3, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    same = Views(0, 0, 0, 0, 0, 0, 0).draw(images, ["a", "b", "c"], Context(), ("x",), 0.0, 1.0)
    assert torch.allclose(same, images, atol=1e-6)
    views = Views(20, 0.1, 0.1, 0.1, 0.2, 0.1, 0.05)
    whole = views.draw(images, ["a", "b", "c"], Context(), ("x",), 0.0, 1.0)
    assert torch.equal(whole[1:2], views.draw(images[1:2], ["b"], Context(), ("x",), 0.0, 1.0))
    assert not torch.equal(whole, views.draw(images, ["a", "b", "c"], Context(), ("y",), 0.0, 1.0))


def test_without_transformations_expectation_is_plain_ascent() -> None:
    """On a linear model sign steps end in the corner of the ball."""
    model = Linear()
    pool = batch(model)
    nothing = dict.fromkeys(("rotation", "scale", "translation", "perspective", "contrast", "brightness", "noise"), 0.0)
    found = EOTPhysical(0.05, steps=5, samples=2, targeted=False, **nothing).perturb(model, pool, Context())  # type: ignore[arg-type]
    sign = torch.where(pool.labels == 0, -1.0, 1.0)[:, None] * model.weight.sign()
    assert torch.allclose((found - pool.inputs).flatten(1), 0.05 * sign, atol=1e-6)


def test_hopskipjump_comes_close_to_the_boundary_of_a_linear_model() -> None:
    model = Linear()
    pool = batch(model)
    score = (model(pool.inputs)[:, 0]).detach().abs()
    for norm, dual in (("l2", model.weight.norm()), ("linf", model.weight.abs().sum())):
        found = HopSkipJump(norm, iterations=15).perturb(model, pool, Context(batch_size=5))  # type: ignore[arg-type]
        assert (model(found).argmax(1) != pool.labels).all()
        offset = (found - pool.inputs).flatten(1)
        distance = offset.abs().amax(1) if norm == "linf" else offset.norm(dim=1)
        ratio = distance / (score / dual.detach())
        assert float(ratio.min()) > 0.999
        assert float(ratio.median()) < (1.1 if norm == "l2" else 1.6)


def test_a_patch_stays_in_its_square_and_finds_the_corner_values() -> None:
    model = Linear(side=6)
    pool = batch(model, side=6)
    found = Patch(3, steps=30, restarts=4).perturb(model, pool, Context(batch_size=5))
    changed = (found != pool.inputs)[:, 0]
    for each in changed:
        places = torch.nonzero(each)
        assert int((places.amax(0) - places.amin(0)).max()) <= 2
    # Missed examples: the best of every square of their restarts was tried to the end of the box.
    missed = model(found).argmax(1) == pool.labels
    inside = found[missed][:, 0][changed[missed]]
    assert ((inside < 1e-4) | (inside > 1 - 1e-4)).all()
    assert (~missed).any()


def test_the_grid_is_searched_until_something_fools() -> None:
    class Upright(nn.Module):
        """Class 0 while the brightest pixel is where it was."""

        def forward(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
            place = inputs[:, 0, 1, 2]
            return torch.stack([place, torch.full_like(place, 0.5)], dim=1)

    image = torch.zeros(1, 1, 5, 5)
    image[0, 0, 1, 2] = 1.0
    pool = LabelledInputs(["a"], image, torch.zeros(1, dtype=torch.long))
    fooled = RotationTranslation(0, 1, 0.2, 3).perturb(Upright(), pool, Context())
    assert float(fooled[0, 0, 1, 2]) < 0.5
    # With the identity alone nothing happens.
    assert torch.allclose(RotationTranslation(0, 1, 0, 1).perturb(Upright(), pool, Context()), image, atol=1e-6)


def test_transfer_is_made_on_the_surrogate_and_never_asks_the_model() -> None:
    surrogate, model = Linear(5), Linear(6)
    pool = batch(surrogate)
    model.asked = 0
    found = Transfer(surrogate, 0.05, diversity=0).perturb(model, pool, Context())
    assert model.asked == 0
    sign = torch.where(pool.labels == 0, -1.0, 1.0)[:, None] * surrogate.weight.sign()
    assert torch.allclose((found - pool.inputs).flatten(1), 0.05 * sign, atol=1e-6)


def test_smoothing_a_gradient_keeps_its_sum_and_spreads_a_point() -> None:
    point = torch.zeros(1, 2, 9, 9)
    point[0, 0, 4, 4] = 1.0
    spread = smoothed(point, 5)
    assert float(spread[0, 0].sum()) == pytest.approx(1.0, abs=1e-6)
    assert float(spread[0, 1].abs().sum()) == 0.0
    line = [math.exp(-((3 * i / 2) ** 2) / 2) for i in (-2, -1, 0, 1, 2)]
    assert float(spread[0, 0, 4, 3]) == pytest.approx(line[1] * line[2] / sum(line) ** 2, rel=1e-5)


SUITE = """
suite: rooms
task: classify
threads: 1
data: {use: digits, limit: 21}
models: [digit_linear]
attacks:
  - {use: ddn, with: {steps: 20}}
  - {use: fmn, with: {steps: 20, norm: linf}}
  - {use: deepfool}
  - {use: carlini_wagner, with: {steps: 20, searches: 3}}
  - {use: hopskipjump, with: {iterations: 2, samples: 20}}
  - {use: eot_physical, with: {eps: 0.2, steps: 5, samples: 2, views: 5}}
  - {use: patch, with: {size: 2, steps: 10, restarts: 2}}
  - {use: rotation_translation, with: {rotations: 3, translations: 3}}
  - {use: transfer, with: {eps: 0.1, surrogate: {use: digit_mlp, with: {epochs: 2}}}}
metrics: [accuracy, attack_success_rate, {use: view_share, with: {given: other}}]
aggregates: [smallest_distance]
reports: [security_curve, transfer_matrix]
"""


@pytest.mark.slow
def test_records_do_not_depend_on_the_batch_size(tmp_path: Path) -> None:
    one = run_suite(SUITE, tmp_path / "a", batch_size=5)
    many = run_suite(SUITE, tmp_path / "b", batch_size=64)
    assert [row.reason for row in one.rows if row.cell] == [""] * 9
    assert_same_records(one, many, margins=("adversarial_margin",))
    views = one.records(one.row(attack="eot_physical"))
    seen = views.floats("views_true") + views.floats("views_target") + views.floats("views_other")
    attacked = views.floats("correct") == 1
    assert (seen[attacked] == 5).all()
