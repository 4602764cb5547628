"""Mitigation: weights and draws by hand, and what each minimises on a problem with a closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.api import Context, Examples, InvalidOutput
from harness_fairness.models.mitigation import GroupLosses, Mitigation, TrainingGroups, sample_weights, train


def data(n: int = 10) -> Examples:
    labels = np.arange(n) % 2
    groups = {"g": ["small"] * 2 + ["large"] * (n - 2), "h": ["x", "y"] * (n // 2), "gone": [None] * n}
    return Examples([f"e{i}" for i in range(n)], {"labels": labels}, groups)


def test_every_group_weighs_the_same() -> None:
    groups = TrainingGroups.of(data(), "g", "reweighting")
    assert groups.members == ("large", "small")
    assert groups.weights[:2].tolist() == [2.5, 2.5]
    assert groups.weights[2:].tolist() == [0.625] * 8
    assert float(groups.weights.mean()) == 1.0


def test_groups_may_be_joined_with_each_other_and_the_label() -> None:
    assert TrainingGroups.of(data(), "g*label", "group_dro").members == ("large, 0", "large, 1", "small, 0", "small, 1")
    assert len(TrainingGroups.of(data(), "h*label", "group_dro").members) == 2


def test_joined_groups_whose_values_hold_commas_stay_apart() -> None:
    some = Examples(["a", "b"], {"labels": [0, 1]}, {"g": ["a, b", "a"], "h": ["c", "b, c"]})
    assert TrainingGroups.of(some, "g*h", "group_dro").members == ('"a, b", c', 'a, "b, c"')


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (None, "mitigation 'group_dro' needs a `group:`; the data have g, h, gone, and 'label'"),
        ("sex", "no group column 'sex'; they have g, h, gone"),
        ("gone", "have no value of the group 'gone'"),
    ],
)
def test_groups_that_cannot_be_used(name: str | None, told: str) -> None:
    with pytest.raises(InvalidOutput, match=told):
        TrainingGroups.of(data(), name, "group_dro")


def test_a_balanced_sample_has_every_group_alike() -> None:
    groups = TrainingGroups.of(data(), "g", "balanced_sampling")
    drawn = groups.balanced(4000, torch.Generator().manual_seed(0))
    assert float((groups.of_row[drawn] == 1).double().mean()) == pytest.approx(0.5, abs=0.03)
    weights = sample_weights(groups, "balanced_sampling", Context())
    assert weights.sum() == 10
    assert sample_weights(groups, "none", Context()).tolist() == [1.0] * 10
    assert sample_weights(groups, "reweighting", Context()) == pytest.approx([2.5] * 2 + [0.625] * 8)


def test_a_step_of_group_dro_by_hand() -> None:
    """Losses 1 and 3 of two groups, step size .5: q is proportional to exp(.5) and exp(1.5)."""
    groups = TrainingGroups(("a", "b"), torch.tensor([0, 0, 1]))
    losses = GroupLosses(groups, "group_dro", 0.5, "cpu")
    found = losses.combine(torch.tensor([0.5, 1.5, 3.0]), torch.tensor([0, 1, 2]))
    q = np.exp([0.5, 1.5]) / np.exp([0.5, 1.5]).sum()
    assert losses.q.tolist() == pytest.approx(q.tolist())
    assert float(found) == pytest.approx(q[0] * 1 + q[1] * 3)


def minimiser(mitigation: Mitigation) -> float:
    """The constant that is fitted to 270 values around 0 and 30 values around 1 with a larger spread."""
    generator = torch.Generator().manual_seed(0)
    large, small = torch.randn(270, generator=generator), torch.randn(30, generator=generator)
    large, small = (large - large.mean()) / large.std(correction=0), (small - small.mean()) / small.std(correction=0)
    values = torch.cat([0.2 * large, 1 + 0.6 * small])
    groups = TrainingGroups(("large", "small"), torch.tensor([0] * 270 + [1] * 30))
    torch.manual_seed(0)
    network = torch.nn.Linear(1, 1, bias=False)
    train(
        network,
        torch.ones(300, 1),
        lambda outputs, rows: (outputs.squeeze(1) - values[rows]) ** 2,
        groups,
        mitigation,
        epochs=100,
        learning_rate=0.1,
        weight_decay=0.0,
        step_size=0.05,
        ctx=Context(),
    )
    return float(network.weight.detach())


@pytest.mark.parametrize(
    ("mitigation", "expected"),
    [
        ("none", 0.1),  # the mean of all: 10 % at 1
        ("reweighting", 0.5),  # between the means of the groups
        ("balanced_sampling", 0.5),
        (
            "group_dro",
            (1 + 0.6**2 - 0.2**2) / 2,
        ),  # where the groups' mean squares m^2 + .04 and (1-m)^2 + .36 are equal
    ],
)
def test_what_is_minimised(mitigation: Mitigation, expected: float) -> None:
    assert minimiser(mitigation) == pytest.approx(expected, abs=0.03)
