"""Square: its windows by hand, its budget, and the same answer for every batch size."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from harness.api import Context, LabelledInputs
from harness_adversarial.attacks.square import Square
from harness_adversarial.common.square_windows import bump, opposed_bumps, window_sides
from harness_vision.digits import digits


class Net(nn.Module):
    """A small untrained network; counts passes by example."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64 * channels, 32), nn.ReLU(), nn.Linear(32, 10))
        self.passes, self.largest = torch.zeros(100), 0
        self.requires_grad_(False)

    def forward(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
        if rows is not None:
            self.passes.index_add_(0, rows, torch.ones(len(rows)))
        self.largest = max(self.largest, len(inputs))
        padding = inputs.new_zeros((-len(inputs) % 8, *inputs.shape[1:]))
        return torch.as_tensor(self.body(torch.cat([inputs, padding]))[: len(inputs)])


def pool(model: nn.Module, n: int, channels: int = 1) -> LabelledInputs:
    data = digits("test")
    inputs = torch.as_tensor(data.columns["inputs"])[:n].repeat(1, channels, 1, 1)
    return LabelledInputs(list(data.ids[:n]), inputs, model(inputs).argmax(1))


def test_window_sides_follow_the_schedule() -> None:
    """Share .8, halved after 10, 50, 200 ... of 10000 queries; side = round(sqrt(share * pixels))."""
    rows, columns = window_sides(32, 32, 10000, 0.8, 1, False)
    assert (rows == columns).all()
    at = {query: int(rows[query]) for query in (0, 10, 11, 50, 51, 201, 9999)}
    assert at == {0: 29, 10: 29, 11: 20, 50: 20, 51: 14, 201: 10, 9999: 1}
    assert window_sides(8, 8, 100, 0.8, 3, True)[0][[0, -1]].tolist() == [7, 3]
    assert [int(sides[0]) for sides in window_sides(1, 10, 5, 0.8, 1, False)] == [1, 8]


class Watching(nn.Module):
    """Never fooled; keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Tensor] = []

    def forward(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
        self.asked.append(inputs)
        return torch.tensor([[1.0, 0.0]]).repeat(len(inputs), 1)


def test_windows_lie_anywhere_in_the_image_and_the_first_candidate_is_a_query() -> None:
    """Algorithm 2 draws corners from {0, ..., w - h}: a window of one pixel may be the last of its row and column."""
    model, n = Watching(), 400
    batch = LabelledInputs([str(i) for i in range(n)], torch.full((n, 1, 4, 4), 0.5), torch.zeros(n, dtype=torch.long))
    Square(0.1, queries=2, share=1 / 16).perturb(model, batch, Context(batch_size=n))
    stripes, proposed = model.asked
    assert bool((stripes == stripes[:, :, :1]).all())
    # The first candidate is always accepted, so the second differs from it in one pixel or none.
    changed = (proposed != stripes)[:, 0]
    assert int(changed.sum(dim=(1, 2)).max()) == 1
    share = changed.double().mean(dim=0)
    # Each of 16 pixels by 1 in 16, half the time to the sign that it has; 4 standard errors of 400.
    assert float((share - 1 / 32).abs().max()) < 4 * (1 / 32 / n) ** 0.5


def test_bumps_by_hand() -> None:
    """Equation 2 for 3 x 3: the rim is 1 / 4, the middle 1 + 1 / 4."""
    assert bump(3, 3).tolist() == [[0.25] * 3, [0.25, 1.25, 0.25], [0.25] * 3]
    both = opposed_bumps(5, 5)
    assert float(both.norm()) == pytest.approx(1.0)
    assert bool((both[:2] > 0).all())
    assert bool((both[2:] < 0).all())
    assert opposed_bumps(1, 1).tolist() == [[-1.0]]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.05), ("l2", 0.5)])
def test_the_answer_stays_in_the_ball_and_does_not_depend_on_the_batch(norm: str, eps: float, channels: int) -> None:
    model = Net(channels)
    batch = pool(model, 12, channels)
    answers = []
    for batch_size in (1, 5, 64):
        model.largest = 0
        found = Square(eps, norm, queries=140)  # type: ignore[arg-type]
        answers.append(found.perturb(model, batch, Context(batch_size=batch_size)))
        assert model.largest <= batch_size
    assert torch.equal(answers[0], answers[1])
    assert torch.equal(answers[0], answers[2])
    offset = (answers[0] - batch.inputs).flatten(1)
    assert float((offset.abs().amax(1) if norm == "linf" else offset.norm(dim=1)).max()) <= eps + 1e-6
    assert 0 <= float(answers[0].min()) <= float(answers[0].max()) <= 1
    assert 0 < int((model(answers[0]).argmax(1) != batch.labels).sum()) <= 12


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_more_queries_fool_more_and_the_fooled_cost_nothing_more(norm: str) -> None:
    model = Net()
    batch = pool(model, 60)
    eps = 0.05 if norm == "linf" else 0.25
    fooled = []
    for queries in (1, 20, 200):
        model.passes.zero_()
        found = Square(eps, norm, queries).search(model, batch, Context())  # type: ignore[arg-type]
        assert torch.equal(found.fooled, model(found.candidates).argmax(1) != batch.labels)
        fooled.append(int(found.fooled.sum()))
        assert set(model.passes[:60][~found.fooled].tolist()) == {float(queries)}
    assert fooled[0] < fooled[1] < fooled[2] < 60
    assert float(model.passes[:60][found.fooled].mean()) < 100


class Stripe(nn.Module):
    """Class 1 where the left half is brighter than the right one by as much as the budget allows."""

    def __init__(self, needed: float) -> None:
        super().__init__()
        self.needed = needed

    def forward(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
        score = inputs[..., :4].mean(dim=(1, 2, 3)) - inputs[..., 4:].mean(dim=(1, 2, 3)) - self.needed
        return torch.stack([-score, score], dim=1)


def test_it_reaches_a_corner_of_the_linf_ball() -> None:
    """The only point that gains .98 of 2 eps or more has + eps on (nearly) all the left and - eps on the right."""
    batch = LabelledInputs(["a", "b"], torch.full((2, 1, 8, 8), 0.5), torch.zeros(2, dtype=torch.long))
    assert bool(Square(0.1, queries=3000).search(Stripe(0.196), batch, Context()).fooled.all())
    assert not bool(Square(0.1, queries=300).search(Stripe(0.201), batch, Context()).fooled.any())


def test_it_comes_near_the_best_l2_direction() -> None:
    """The largest gain within the ball is 2 eps / 8 on 64 pixels, along + on the left and - on the right."""
    batch = LabelledInputs(["a", "b"], torch.full((2, 1, 8, 8), 0.5), torch.zeros(2, dtype=torch.long))
    assert bool(Square(0.8, "l2", queries=1000).search(Stripe(0.6 * 0.2), batch, Context()).fooled.all())
    assert not bool(Square(0.8, "l2", queries=300).search(Stripe(0.201), batch, Context()).fooled.any())


def test_vectors_and_an_empty_pool() -> None:
    flat = nn.Linear(10, 2)
    flat_batch = LabelledInputs(["a"], torch.full((1, 10), 0.5), flat(torch.full((1, 10), 0.5)).argmax(1))

    class Flat(nn.Module):
        def forward(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
            return torch.as_tensor(flat(inputs))

    for norm in ("linf", "l2"):
        attack = Square(0.4, norm, queries=50)  # type: ignore[arg-type]
        assert attack.perturb(Flat(), flat_batch, Context()).shape == (1, 10)
        empty = LabelledInputs([], torch.zeros(0, 1, 8, 8), torch.zeros(0, dtype=torch.long))
        assert attack.perturb(Net(), empty, Context()).shape == (0, 1, 8, 8)
