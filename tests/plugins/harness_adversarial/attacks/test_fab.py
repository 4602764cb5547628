"""FAB: projections checked by bisection, distances of a linear model in closed form."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from harness.api import Context, LabelledInputs
from harness_adversarial.attacks.fab import FABTargeted
from harness_adversarial.common.hyperplanes import step_to_hyperplane
from harness_vision.digits import digits

NORMS = ["linf", "l2"]


def size(difference: Tensor, norm: str) -> Tensor:
    flat = difference.flatten(1)
    return flat.abs().amax(1) if norm == "linf" else flat.norm(dim=1)


def most_gain(point: Tensor, normal: Tensor, radius: float, norm: str) -> Tensor:
    """The most of <normal, d> for |d| <= radius and point + d in [0, 1], in L2 by bisection on the multiplier."""
    room = torch.where(normal > 0, 1 - point, point)
    if norm == "linf":
        return (normal.abs() * room.clamp(max=radius)).sum(1)
    low, high = torch.zeros(len(point), 1), torch.full((len(point), 1), 1e6)
    for _ in range(200):
        middle = (low + high) / 2
        step = torch.minimum(middle * normal.abs(), room)
        too_far = step.norm(dim=1, keepdim=True) > radius
        low, high = torch.where(too_far, low, middle), torch.where(too_far, middle, high)
    return (normal.abs() * torch.minimum(low * normal.abs(), room)).sum(1)


@pytest.mark.parametrize("norm", NORMS)
def test_the_step_reaches_the_hyperplane_and_no_shorter_one_does(norm: Any) -> None:
    torch.manual_seed(0)
    point, normal = torch.rand(30, 12, dtype=torch.float64), torch.randn(30, 12, dtype=torch.float64)
    needed = torch.linspace(-1.0, 1.0, 30, dtype=torch.float64)
    step = step_to_hyperplane(point, normal, needed, norm, 0.0, 1.0)
    assert (normal * step).sum(1).tolist() == pytest.approx(needed.tolist(), abs=1e-9)
    assert float((point + step).min()) >= -1e-12
    assert float((point + step).max()) <= 1 + 1e-12
    for i in range(30):
        signed = normal[i : i + 1] * needed[i].sign()
        gain = most_gain(point[i : i + 1], signed, float(size(step[i : i + 1], norm)) * 0.999, norm)
        assert float(gain) < abs(float(needed[i]))


@pytest.mark.parametrize("norm", NORMS)
def test_a_hyperplane_out_of_reach_and_a_zero_gradient(norm: Any) -> None:
    point = torch.tensor([[0.25, 0.5], [0.25, 0.5]])
    normal = torch.tensor([[1.0, -1.0], [0.0, 0.0]])
    step = step_to_hyperplane(point, normal, torch.tensor([50.0, 1.0]), norm, 0.0, 1.0)
    assert step.tolist() == [[0.75, -0.5], [0.0, 0.0]]


@pytest.mark.parametrize(
    ("norm", "normal", "needed", "expected"),
    [
        # Each moves .3 unless it meets the box: .3 + .25 + .125.
        ("linf", [1.0, 1.0, 1.0], 0.675, [0.3, 0.25, 0.125]),
        # Each moves .1 times its slope unless it meets the box: .1 + 2 * .2 + 4 * .125.
        ("l2", [1.0, 2.0, 4.0], 1.0, [0.1, 0.2, 0.125]),
    ],
)
def test_elements_that_meet_the_box_by_hand(norm: Any, normal: list[float], needed: float, expected: Any) -> None:
    up, rooms = torch.tensor([normal], dtype=torch.float64), torch.tensor([[0.5, 0.25, 0.125]], dtype=torch.float64)
    for sign, point in ((1, 1 - rooms), (-1, rooms)):
        step = step_to_hyperplane(point, up, sign * torch.tensor([needed]).double(), norm, 0.0, 1.0)
        assert (sign * step[0]).tolist() == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("norm", NORMS)
def test_a_step_is_the_same_in_any_company(norm: Any) -> None:
    """Rows that need few and many rounds, alone, together, and with a leading dimension."""
    torch.manual_seed(1)
    point, normal = torch.rand(24, 3072).clamp(0.2, 0.8), torch.randn(24, 3072)
    most = (normal.abs() * torch.where(normal > 0, 0.8 - point, point - 0.2)).sum(1)
    needed = most * torch.linspace(0.001, 1.1, 24)
    together = step_to_hyperplane(point, normal, needed, norm, 0.2, 0.8)
    alone = [step_to_hyperplane(point[i, None], normal[i, None], needed[i, None], norm, 0.2, 0.8) for i in range(24)]
    assert torch.equal(together, torch.cat(alone))
    twice = step_to_hyperplane(torch.stack([point, point]), normal, torch.stack([needed, -needed]), norm, 0.2, 0.8)
    assert torch.equal(twice[0], together)
    assert ((normal * together).sum(1) / torch.minimum(needed, most))[:-2].tolist() == pytest.approx(
        [1.0] * 22, abs=1e-4
    )


class Linear(nn.Module):
    """Three linear classes; pixels stay away from the ends of the box, so distances are |gap| / dual norm."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.weight = nn.Parameter(torch.randn(3, 16), requires_grad=False)

    def forward(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
        return (inputs.flatten(1) - 0.5) @ self.weight.T


@pytest.mark.parametrize("norm", NORMS)
def test_the_smallest_distances_of_a_linear_model(norm: Any) -> None:
    model = Linear()
    inputs = 0.5 + 0.02 * torch.randn(40, 1, 4, 4, generator=torch.Generator().manual_seed(4))
    logits = model(inputs)
    labels = logits.argmax(1)
    normals = model.weight[None] - model.weight[labels][:, None]
    dual = normals.abs().sum(2) if norm == "linf" else normals.norm(dim=2)
    gaps = logits.gather(1, labels[:, None]) - logits
    exact = (gaps / dual).scatter(1, labels[:, None], float("inf")).amin(1)
    batch = LabelledInputs([f"e{i}" for i in range(40)], inputs, labels)
    found = FABTargeted(None, norm, steps=30).search(model, batch, Context())
    assert bool(found.fooled.all())
    assert bool((model(found.candidates).argmax(1) != labels).all())
    distance = size(found.candidates - inputs, norm)
    # One example is 3e-6 from the boundary, where round-off of the inputs counts.
    assert bool((distance >= exact - 1e-6).all())
    assert bool((distance <= 1.01 * exact + 1e-6).all())


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
        self.requires_grad_(False)
        self.largest = 0

    def forward(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
        self.largest = max(self.largest, len(inputs))
        padding = inputs.new_zeros((-len(inputs) % 8, *inputs.shape[1:]))
        return torch.as_tensor(self.body(torch.cat([inputs, padding]))[: len(inputs)])


@pytest.fixture(scope="module")
def batch() -> LabelledInputs:
    data = digits("test")
    inputs = torch.as_tensor(data.columns["inputs"])[:6]
    return LabelledInputs(list(data.ids[:6]), inputs, Net()(inputs).argmax(1))


@pytest.mark.parametrize("norm", NORMS)
def test_the_answer_does_not_depend_on_the_batch(batch: LabelledInputs, norm: Any) -> None:
    answers = []
    for batch_size in (1, 3, 64):
        model = Net()
        answers.append(
            FABTargeted(None, norm, targets=3, steps=6).perturb(model, batch, Context(batch_size=batch_size))
        )
        assert model.largest <= batch_size
    assert torch.equal(answers[0], answers[1])
    assert torch.equal(answers[0], answers[2])


@pytest.mark.parametrize("norm", NORMS)
def test_with_a_budget_it_stops_within_it(batch: LabelledInputs, norm: Any) -> None:
    """The same examples are fooled as those whose smallest distance is within the budget, with fewer passes."""
    model = Net()
    nearest = FABTargeted(None, norm, targets=3, steps=15).perturb(model, batch, Context())
    distance = size(nearest - batch.inputs, norm)
    eps = float(distance.median()) * 1.001
    found = FABTargeted(eps, norm, targets=3, steps=15).search(model, batch, Context())
    assert found.fooled.tolist() == (distance <= eps).tolist()
    assert float(size(found.candidates - batch.inputs, norm).max()) <= eps
    assert torch.equal(found.candidates[~found.fooled], batch.inputs[~found.fooled])
