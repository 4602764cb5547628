"""Inputs that classification under attack cannot make sense of: a clear error, or a row that is in doubt."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from harness.api import Context, Examples, InvalidOutput, LabelledInputs, Outcome, Threat
from harness_adversarial.attacks.auto_attack import AutoAttack
from harness_adversarial.attacks.ddn import DDN
from harness_adversarial.attacks.eot_pgd import EotPGD
from harness_adversarial.attacks.gradient_attacks import FGSM, PGD
from harness_adversarial.attacks.torchattacks_adapter import TorchAttack
from harness_adversarial.attacks.transfer import Transfer
from harness_adversarial.metrics.accuracy import AttackSuccessRate, MeanDistance, Queries, RobustAccuracy
from harness_classification.classify import Classify

N, SIDE = 24, 4


class Linear(nn.Module):
    """Three classes; `dropout` is left on in every mode."""

    def __init__(self, dropout: float = 0.0, seed: int = 1) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.randn(SIDE * SIDE, 3, generator=torch.Generator().manual_seed(seed)))
        self.dropout = dropout

    def forward(self, inputs: Tensor) -> Tensor:
        return nn.functional.dropout(inputs.flatten(1) - 0.5, self.dropout, training=True) @ self.weights


def judged(
    attack: Any, model: nn.Module | None = None, inputs: Any = None, labels: Any = None, classes: str = "abc"
) -> Outcome:
    given = torch.rand(N, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) if inputs is None else inputs
    with torch.no_grad():
        true = Linear()(torch.as_tensor(given).float()).argmax(1) if labels is None else labels
    columns = {"inputs": np.asarray(given), "labels": np.asarray(true)}
    data = Examples([f"e{i}" for i in range(N)], columns, facts={"classes": list(classes)})
    return Classify().run(model or Linear(), data, attack, Context(batch_size=8))


def names(outcome: Outcome) -> list[str]:
    return [doubt.partition(":")[0] for doubt in outcome.doubts]


@pytest.mark.parametrize("eps", [-0.1, math.nan, math.inf])
def test_a_budget_below_zero_or_not_finite(eps: float) -> None:
    with pytest.raises(InvalidOutput, match=r"eps .* finite number of at least 0"):
        Threat("linf", eps)
    with pytest.raises(InvalidOutput, match="at least 0"):
        TorchAttack("PGD", eps=eps)


def test_an_unknown_norm() -> None:
    with pytest.raises(InvalidOutput, match="norm 'l3'; it is linf, l2, l1, l0 or None"):
        Threat("l3", 0.1)  # type: ignore[arg-type]


def test_a_target_that_is_the_label() -> None:
    labels = torch.tensor([0, 2, 1])
    with pytest.raises(InvalidOutput, match="target of example 'b' is its label, 2"):
        LabelledInputs(["a", "b", "c"], torch.rand(3, 4), labels, targets=torch.tensor([1, 2, 0]))
    assert names(judged(FGSM(0.1, targeted=True))) == []


def test_a_budget_above_the_box_is_flagged_and_the_whole_box_is_not() -> None:
    assert judged(PGD(1.0)).doubts == ()
    outcome = judged(PGD(8.0))
    assert names(outcome) == ["budget above the box"]
    assert "eps 8 is above 1" in outcome.doubts[0]
    # From corner to corner it is sqrt(16).
    assert names(judged(PGD(4.1, norm="l2"))) == ["budget above the box"]
    assert judged(PGD(4.0, norm="l2")).doubts == ()


def test_no_budget_at_all_fools_nobody_and_raises_no_doubt() -> None:
    outcome = judged(PGD(0.0))
    assert outcome.doubts == ()
    assert outcome.records["outcome"] == ["robust"] * N


@pytest.mark.parametrize("attack", [None, FGSM(0.1)])
def test_a_single_class(attack: Any) -> None:
    with pytest.raises(InvalidOutput, match=r"names 1 class .* at least 2"):
        judged(attack, labels=np.zeros(N, dtype=int), classes="a")


@pytest.mark.parametrize("attack", [None, FGSM(0.1)])
@pytest.mark.parametrize("last", [lambda logits: logits.softmax(1), torch.sigmoid])
def test_a_model_that_gives_probabilities_is_in_doubt(attack: Any, last: Any) -> None:
    class Ends(Linear):
        def forward(self, inputs: Tensor) -> Tensor:
            return last(super().forward(inputs))

    assert [name for name in names(judged(attack, model=Ends())) if name.startswith("outputs look like prob")] != []
    assert judged(attack).doubts == ()


@pytest.mark.parametrize("attack", [None, FGSM(0.1)])
def test_labels_and_inputs_of_other_kinds_are_used_or_refused(attack: Any) -> None:
    inputs = torch.rand(N, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    labels = Linear()(inputs).argmax(1).numpy()
    plain = judged(attack, labels=labels).records["outcome"]
    assert judged(attack, labels=labels.astype(np.uint16)).records["outcome"] == plain
    data = Examples(
        [f"e{i}" for i in range(N)],
        {"inputs": inputs.clone().requires_grad_(True), "labels": labels},
        facts={"classes": list("abc")},
    )
    assert Classify().run(Linear(), data, attack, Context(batch_size=8)).records["outcome"] == plain
    with pytest.raises(InvalidOutput, match=r"labels have shape \[24, 1\]; one whole number for each example"):
        judged(attack, labels=labels[:, None])
    with pytest.raises(InvalidOutput, match="labels must be whole numbers from 0 to 2; they go from 1 to 3"):
        judged(attack, labels=labels + 1)


def test_a_model_with_a_single_output() -> None:
    class Sum(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            return inputs.flatten(1).sum(1, keepdim=True)

    with pytest.raises(InvalidOutput, match=r"expected logits of shape \[8, 3\]"):
        judged(FGSM(0.1), model=Sum())


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        (np.full((N, 1, SIDE, SIDE), 1.5, dtype=np.float32), r"outside the box \[0, 1\]: let the dataset scale them"),
        (np.full((N, 1, SIDE, SIDE), -0.5, dtype=np.float32), "outside the box"),
        (np.full((N, 1, SIDE, SIDE), 255, dtype=np.uint8), "torch.uint8; .* divide bytes by 255"),
        (np.full((N, 1, SIDE, SIDE), np.nan, dtype=np.float32), "not finite, first for example 'e0'"),
    ],
)
def test_inputs_that_are_no_images_in_the_box(inputs: Any, told: str) -> None:
    with pytest.raises(InvalidOutput, match=told):
        judged(FGSM(0.1), inputs=inputs)


@pytest.mark.parametrize("attack", [PGD(0.1), AutoAttack(0.1, queries=5, steps=2), DDN(steps=2), FGSM(0.1, True)])
def test_a_model_that_is_always_wrong_leaves_nothing_to_attack(attack: Any) -> None:
    wrong = (Linear()(torch.rand(N, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))).argmax(1) + 1) % 3
    outcome = judged(attack, labels=wrong)
    assert names(outcome) == ["nothing attacked"]
    assert outcome.records["outcome"] == ["clean_wrong"] * N
    assert outcome.cost == {"passes": 0.0}


def test_metrics_of_nothing_attacked_say_so(tmp_path: Any) -> None:
    from harness.api import Records

    wrong = (Linear()(torch.rand(N, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))).argmax(1) + 1) % 3
    outcome = judged(PGD(0.1), labels=wrong)
    kept = {name: column for name, column in outcome.records.items() if any(value is not None for value in column)}
    records = Records.of(kept, **outcome.protocol)
    for metric in (AttackSuccessRate(), MeanDistance(), Queries()):
        estimate = metric.estimate(records)
        assert estimate.value is None
        assert "nothing to attack" in estimate.reason
        assert np.isnan(metric.per_example(records)).all()
    assert RobustAccuracy().estimate(records).value == 0.0


def test_dropout_left_on_is_told_with_and_without_attack_and_not_of_an_attack_that_averages() -> None:
    assert names(judged(None, model=Linear(0.5))) == ["stochastic model"]
    assert "stochastic model" in names(judged(PGD(0.1), model=Linear(0.5)))
    assert "stochastic model" not in names(judged(EotPGD(0.1, steps=3, draws=4), model=Linear(0.5)))
    rand = AutoAttack(0.1, version="rand", steps=3, eot=4)
    assert "stochastic model" not in names(judged(rand, model=Linear(0.5)))
    assert "stochastic model" in names(judged(AutoAttack(0.1, steps=3, queries=5), model=Linear(0.5)))
    assert judged(None).doubts == ()


def test_a_model_that_draws_one_of_two_answers_for_a_whole_batch_is_caught() -> None:
    class Coin(Linear):
        def forward(self, inputs: Tensor) -> Tensor:
            return super().forward(inputs) + float(torch.rand(()) < 0.5)

    found = [names(judged(None, model=Coin(seed=seed))) for seed in range(3)]
    # Seven answers alike have a probability of 2^-6 for each.
    assert found.count(["stochastic model"]) >= 2


def test_examples_that_fool_their_surrogate_only_are_told() -> None:
    model, surrogate = Linear(), Linear(seed=5)
    stands_in = Transfer(surrogate, 0.2, diversity=0, stands_in=True)
    assert "transfer fails" in names(judged(stands_in, model=model))
    assert "transfer fails" not in names(judged(Transfer(surrogate, 0.2, diversity=0), model=model))
    own = names(judged(Transfer(model, 0.2, diversity=0, stands_in=True), model=model))
    assert "transfer fails" not in own


@pytest.mark.parametrize("attack", [DDN(steps=20)])
def test_a_minimal_attack_without_gradient_stands_still(attack: Any) -> None:
    class Quantised(Linear):
        def forward(self, inputs: Tensor) -> Tensor:
            return super().forward((inputs * 8).round() / 8)

    labels = Quantised()(torch.rand(N, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))).argmax(1)
    outcome = judged(attack, model=Quantised(), labels=labels)
    assert outcome.problems == ()
    assert "zero gradients" in names(outcome)
    assert np.isfinite(np.asarray(outcome.records["reached"], dtype=float)).all()
