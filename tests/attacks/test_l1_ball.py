"""The L1 ball within the box: the projection is that of a quadratic program, and steps are sparse."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from harness.attacks.l1_ball import project_l1, sparse_step
from harness.instruments.norms import distance


def by_quadratic_program(candidate: np.ndarray, centre: np.ndarray, radius: float) -> np.ndarray:
    """The nearest point with up and down moves as variables, each within the room to [0, 1]."""
    n = len(centre)
    far = candidate - centre

    def objective(moves: np.ndarray) -> tuple[float, np.ndarray]:
        gap = moves[:n] - moves[n:] - far
        return float(gap @ gap), np.concatenate([2 * gap, -2 * gap])

    found = optimize.minimize(
        objective,
        np.zeros(2 * n),
        jac=True,
        method="SLSQP",
        bounds=[(0, 1 - c) for c in centre] + [(0, c) for c in centre],
        constraints=[{"type": "ineq", "fun": lambda m: radius - m.sum(), "jac": lambda m: -np.ones(2 * n)}],
        options={"ftol": 1e-14, "maxiter": 500},
    )
    return np.asarray(centre + found.x[:n] - found.x[n:])


def example(seed: int, spread: float, n: int = 1, entries: int = 7) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    centre = torch.rand(n, entries, generator=generator).mul(1.4).sub(0.2).clamp(0, 1)
    return centre, centre + spread * torch.randn(n, entries, generator=generator)


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.floats(0.05, 3), st.floats(0.05, 4))
def test_the_projection_is_exact(seed: int, spread: float, radius: float) -> None:
    centre, candidate = example(seed, spread)
    found = project_l1(candidate, centre, torch.tensor([radius]), 0.0, 1.0)[0].double().numpy()
    expected = by_quadratic_program(candidate[0].double().numpy(), centre[0].double().numpy(), radius)
    assert np.allclose(found, expected, atol=2e-4)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.floats(0.01, 5), st.floats(0, 50))
def test_projections_stay_in_ball_and_box(seed: int, spread: float, radius: float) -> None:
    centre, candidate = example(seed, spread, n=4, entries=3 * 16 * 16)
    found = project_l1(candidate, centre, torch.full((4,), radius), 0.0, 1.0)
    assert float(distance(found - centre, "l1").max()) <= radius + 1e-9
    assert float(found.min()) >= 0.0
    assert float(found.max()) <= 1.0


def test_a_point_inside_is_not_moved_and_one_outside_lands_on_the_border() -> None:
    centre = torch.full((2, 1, 3, 3), 0.5)
    near = centre + 0.02
    assert torch.allclose(project_l1(near, centre, torch.tensor([1.0, 1.0]), 0.0, 1.0), near)
    far = project_l1(centre + torch.linspace(-3, 3, 9).reshape(3, 3), centre, torch.tensor([1.0, 2.0]), 0.0, 1.0)
    assert distance(far - centre, "l1").tolist() == pytest.approx([1.0, 2.0], rel=2e-6)
    # Half of the room is used by each of the two outermost pixels: sparse, unlike a point scaled down.
    assert int((far[0] != 0.5).sum()) == 2


def test_projecting_onto_the_ball_and_then_the_box_wastes_budget() -> None:
    """The point of the paper: the second pixel gets what the first has no room for."""
    centre = torch.tensor([[0.9, 0.5]])
    found = project_l1(torch.tensor([[1.9, 1.0]]), centre, torch.tensor([0.5]), 0.0, 1.0)
    assert found[0].tolist() == pytest.approx([1.0, 0.9], abs=1e-5)


def test_a_sparse_step_by_hand() -> None:
    gradient = torch.tensor([[5.0, -4.0, 3.0, 1.0], [0.0, 0.0, 2.0, 0.0]])
    point = torch.tensor([[1.0, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5]])
    # The first pixel cannot get brighter.
    step = sparse_step(gradient, point, torch.tensor([0.5, 0.5]), 0.0, 1.0)
    assert step.tolist() == [[0, -0.5, 0.5, 0], [0, 0, 1, 0]]
    assert sparse_step(gradient, point, torch.tensor([0.01, 0.01]), 0.0, 1.0)[0].tolist() == [0, -1, 0, 0]
    assert float(sparse_step(torch.zeros(1, 4), point[:1], torch.tensor([0.5]), 0.0, 1.0).abs().sum()) == 0
