"""Geometry of norm balls: projections stay inside, steps are steepest, random points are uniform."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.attacks.norm_balls import project, random_offset, random_start, steepest

NORMS = ["linf", "l2"]
seeds = st.integers(0, 10_000)


def length(offset: torch.Tensor, norm: str) -> torch.Tensor:
    flat = offset.flatten(1).double()
    return flat.abs().amax(1) if norm == "linf" else flat.norm(dim=1)


@settings(max_examples=60)
@given(seeds, st.sampled_from(NORMS), st.floats(0, 2), st.floats(0, 5))
def test_projections_stay_in_ball_and_box(seed: int, norm: str, eps: float, spread: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    centre = torch.rand(5, 2, 3, 3, generator=generator)
    candidate = centre + spread * torch.randn(5, 2, 3, 3, generator=generator)
    found = project(candidate, centre, eps, norm, 0.0, 1.0)  # type: ignore[arg-type]
    assert float(length(found - centre, norm).max()) <= eps + 1e-6
    assert float(found.min()) >= 0.0
    assert float(found.max()) <= 1.0


@settings(max_examples=30)
@given(seeds, st.sampled_from(NORMS))
def test_a_point_inside_is_not_moved(seed: int, norm: str) -> None:
    generator = torch.Generator().manual_seed(seed)
    centre = 0.4 + 0.2 * torch.rand(4, 1, 3, 3, generator=generator)
    candidate = centre + 0.01 * (2 * torch.rand(4, 1, 3, 3, generator=generator) - 1)
    assert torch.allclose(project(candidate, centre, 0.5, norm, 0.0, 1.0), candidate, atol=1e-7)  # type: ignore[arg-type]


@pytest.mark.parametrize("norm", NORMS)
def test_the_steepest_step_beats_every_random_one(norm: str) -> None:
    generator = torch.Generator().manual_seed(0)
    gradient = torch.randn(1, 1, 4, 4, generator=generator)
    best = float((steepest(gradient, norm) * gradient).sum())  # type: ignore[arg-type]
    assert best == pytest.approx(float(gradient.abs().sum() if norm == "linf" else gradient.norm()), rel=1e-6)
    for _ in range(200):
        other = torch.randn(1, 1, 4, 4, generator=generator)
        other = other / length(other, norm).float()
        assert float((other * gradient).sum()) <= best + 1e-5


@pytest.mark.parametrize("norm", NORMS)
def test_a_zero_gradient_is_no_direction_and_no_nan(norm: str) -> None:
    assert torch.equal(steepest(torch.zeros(2, 1, 3, 3), norm), torch.zeros(2, 1, 3, 3))  # type: ignore[arg-type]


def test_random_points_are_uniform_in_the_l2_ball() -> None:
    """The share of points within a fraction r of the radius is r^d."""
    generator = torch.Generator().manual_seed(0)
    uniform, normal = (
        torch.rand(20_000, 1, 1, 3, generator=generator),
        torch.randn(20_000, 1, 1, 3, generator=generator),
    )
    distance = length(random_offset(uniform, normal, 2.0, "l2"), "l2")
    assert float(distance.max()) <= 2.0 + 1e-6
    assert float((distance <= 1.0).double().mean()) == pytest.approx(0.5**3, abs=0.01)


def test_random_starts_in_the_l2_ball_are_as_often_near_as_far() -> None:
    """Half of them within half the radius, where 1 in 2^64 of all points of the ball lies."""
    generator = torch.Generator().manual_seed(0)
    uniform, normal = torch.rand(4000, 1, 8, 8, generator=generator), torch.randn(4000, 1, 8, 8, generator=generator)
    offset = random_start(uniform, normal, 2.0, "l2")
    distance = length(offset, "l2")
    assert float(distance.max()) <= 2.0 + 1e-6
    assert float((distance <= 1.0).double().mean()) == pytest.approx(0.5, abs=0.03)
    # No direction is preferred.
    assert float((offset / distance.float()[:, None, None, None]).mean(0).abs().max()) < 0.01


def test_random_points_are_uniform_in_the_linf_ball() -> None:
    uniform = torch.rand(20_000, 1, 1, 2, generator=torch.Generator().manual_seed(0))
    offset = random_offset(uniform, uniform, 0.5, "linf")
    assert float(offset.abs().max()) <= 0.5
    assert float((offset.abs().amax((1, 2, 3)) <= 0.25).double().mean()) == pytest.approx(0.25, abs=0.01)
