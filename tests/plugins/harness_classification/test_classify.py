"""The core trusts no attack and no model: what they return is measured again, and what breaks a rule is invalid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from harness.api import (
    Certificate,
    Context,
    Examples,
    GradientAccess,
    InvalidOutput,
    LabelledInputs,
    Outcome,
    Records,
    Threat,
)
from harness.api.instruments import distance
from harness_classification.classify import Classify

N, CLASSES = 24, 3


class Net(nn.Module):
    """Three classes by the largest of three pixels; `scale` and `shift` act on the logits."""

    def __init__(self, scale: float = 4.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))
        self.norm = nn.BatchNorm1d(CLASSES)
        self.dropout = nn.Dropout(0.5)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.dropout(self.norm(self.scale * inputs.flatten(1)[:, :CLASSES]))


def data(n: int = N, **changes: Any) -> Examples:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.rand(n, 1, 2, 2, generator=generator)
    labels = inputs.flatten(1)[:, :CLASSES].argmax(1)
    labels[:4] = (labels[:4] + 1) % CLASSES  # four that the model gets wrong
    columns = {"inputs": inputs.numpy(), "labels": labels.numpy(), **changes}
    return Examples(
        [f"e{i}" for i in range(n)],
        columns,
        groups={"shade": ["dark" if x < 0.5 else "light" for x in inputs.flatten(1).mean(1)]},
        facts={"classes": ["a", "b", "c"], "box": [0.0, 1.0]},
    )


class Shift:
    """Moves inputs by a function of the batch; declares a threat."""

    def __init__(self, move: Callable[[LabelledInputs], Any], threat: Threat, *, pooled: bool = False) -> None:
        self.move, self.threat, self.pooled = move, threat, pooled
        self.seen: list[list[str]] = []

    def perturb(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        self.seen.append(list(batch.ids))
        moved: Tensor = self.move(batch)
        return moved


def swap(batch: LabelledInputs) -> Tensor:
    """Swap the largest of the three pixels with the smallest: fools the model, far away."""
    flat = batch.inputs.flatten(1).clone()
    rows = torch.arange(len(flat))
    first = flat[:, :CLASSES]
    low, high = first.argmin(1), first.argmax(1)
    a, b = flat[rows, low].clone(), flat[rows, high].clone()
    flat[rows, low], flat[rows, high] = b, a
    return flat.reshape(batch.inputs.shape)


def run(attack: Any = None, model: Any = None, examples: Examples | None = None, **ctx: Any) -> Outcome:
    return Classify().run(model=model or Net(), data=examples or data(), attack=attack, ctx=Context(**ctx))


def column(outcome: Outcome, name: str) -> list[Any]:
    return list(outcome.records[name])


def test_clean_records() -> None:
    outcome = run()
    inputs = torch.as_tensor(data().columns["inputs"]).flatten(1)[:, :CLASSES]
    logits = (4.0 * inputs / np.sqrt(1 + 1e-5)).double()
    labels = torch.as_tensor(data().columns["labels"])
    assert column(outcome, "clean_prediction") == logits.argmax(1).tolist()
    assert column(outcome, "clean_confidence") == pytest.approx(logits.softmax(1).amax(1).tolist(), abs=1e-6)
    assert column(outcome, "clean_loss") == pytest.approx((-logits.log_softmax(1)[range(N), labels]).tolist(), abs=1e-6)
    own = logits[range(N), labels]
    logits[range(N), labels] = -torch.inf
    assert column(outcome, "clean_margin") == pytest.approx((own - logits.amax(1)).tolist(), abs=1e-6)
    assert sum(column(outcome, "correct")) == N - 4
    assert set(column(outcome, "outcome")) == {"clean_wrong", "correct"}
    assert outcome.protocol == {"threat": None}


def test_group_columns_are_copied() -> None:
    assert column(run(), "group.shade") == list(data().groups["shade"])


def test_attacked_records_by_hand() -> None:
    attack = Shift(swap, Threat("linf", 1.0))
    outcome = run(attack)
    clean = torch.as_tensor(data().columns["inputs"])
    moved = swap(LabelledInputs(data().ids, clean, torch.zeros(N)))
    wrong = [not c for c in column(outcome, "correct")]
    moved[wrong] = clean[wrong]
    difference = (moved - clean).flatten(1)
    assert column(outcome, "linf") == pytest.approx(difference.abs().amax(1).tolist(), abs=1e-7)
    assert column(outcome, "l2") == pytest.approx(difference.norm(dim=1).tolist(), abs=1e-6)
    assert column(outcome, "l1") == pytest.approx(difference.abs().sum(1).tolist(), abs=1e-6)
    assert column(outcome, "l0") == [0.0 if w else 2.0 for w in wrong]
    assert column(outcome, "success") == [None if w else True for w in wrong]
    assert column(outcome, "robust") == [False] * N
    assert column(outcome, "outcome") == ["clean_wrong" if w else "fooled" for w in wrong]
    assert outcome.protocol["threat"] == {"norm": "linf", "eps": 1.0, "targeted": False, "minimal": False}
    assert outcome.problems == ()


def test_wrong_examples_are_not_attacked() -> None:
    attack = Shift(lambda batch: batch.inputs, Threat("linf", 0.1))
    outcome = run(attack)
    assert sum(map(len, attack.seen)) == N - 4
    assert [i for i, c in zip(data().ids, column(outcome, "correct"), strict=True) if c] == [
        i for s in attack.seen for i in s
    ]


def test_chunks_depend_on_positions_and_not_on_the_batch_size() -> None:
    seen = []
    for batch_size in (1, 5, 64):
        attack = Shift(lambda batch: batch.inputs, Threat("linf", 0.1))
        run(attack, batch_size=batch_size, chunk=10)
        seen.append(attack.seen)
    assert seen[0] == seen[1] == seen[2]
    assert [len(chunk) for chunk in seen[0]] == [6, 10, 4]


def test_a_pooled_attack_gets_all_at_once() -> None:
    attack = Shift(lambda batch: batch.inputs, Threat("linf", 0.1), pooled=True)
    run(attack, chunk=10)
    assert [len(chunk) for chunk in attack.seen] == [N - 4]


def test_library_randomness_is_seeded_by_the_chunk() -> None:
    def noisy(batch: LabelledInputs) -> Tensor:
        return (batch.inputs + 0.1 * (2 * torch.rand_like(batch.inputs) - 1)).clamp(0, 1)

    outcomes = []
    for state in (1, 2):
        torch.manual_seed(state)
        outcomes.append(run(Shift(noisy, Threat("linf", 0.1)), chunk=10))
    assert column(outcomes[0], "l2") == column(outcomes[1], "l2")
    assert column(run(Shift(noisy, Threat("linf", 0.1)), chunk=10, seed=1), "l2") != column(outcomes[0], "l2")


@pytest.mark.parametrize(
    ("move", "threat", "told"),
    [
        (lambda b: b.inputs[:, :, :1], Threat("linf", 1.0), r"returned shape \[.*1, 1, 2\], expected"),
        (lambda b: b.inputs.double(), Threat("linf", 1.0), "returned torch.float64, expected torch.float32"),
        (lambda b: b.inputs.numpy(), Threat("linf", 1.0), "returned a ndarray, not a tensor"),
        (lambda b: None, Threat("linf", 1.0), "returned a NoneType, not a tensor"),
    ],
)
def test_wrong_returns_are_refused(move: Any, threat: Threat, told: str) -> None:
    with pytest.raises(InvalidOutput, match=told):
        run(Shift(move, threat))


@pytest.mark.parametrize(
    ("move", "threat", "told"),
    [
        (lambda b: (b.inputs + 0.2).clamp(0, 1), Threat("linf", 0.1), "linf distance up to 0.2, declared linf ≤ 0.1"),
        (lambda b: (b.inputs + 0.1).clamp(0, 1), Threat("l2", 0.1), "declared l2 ≤ 0.1"),
        (lambda b: swap(b), Threat("l0", 1), "l0 distance up to 2, declared l0 ≤ 1"),
        (lambda b: b.inputs + 0.3, Threat("linf", 0.3), "outside the box [0, 1]"),
        (lambda b: b.inputs + 0.3, Threat(None, None), "outside the box [0, 1]"),
    ],
)
def test_leaving_budget_or_box_is_a_problem(move: Any, threat: Threat, told: str) -> None:
    outcome = run(Shift(move, threat))
    assert told in " ".join(outcome.problems)
    assert "break the rules, first 'e" in " ".join(outcome.problems)
    broken = [o for o in column(outcome, "outcome") if o == "error"]
    assert broken
    # An example with a broken rule is neither robust nor fooled: it is unknown.
    assert all(
        r is None for r, o in zip(column(outcome, "robust"), column(outcome, "outcome"), strict=True) if o == "error"
    )


def test_round_off_at_the_budget_is_allowed() -> None:
    outcome = run(Shift(lambda b: (b.inputs + 0.1 + 3e-8).clamp(0, 1), Threat("linf", 0.1)))
    assert outcome.problems == ()


def test_a_point_beyond_a_minimal_attacks_budget_is_not_a_success() -> None:
    far = run(Shift(swap, Threat("l2", 0.2, minimal=True)))
    assert far.problems == ()
    within = [d <= 0.2 + 1e-6 for d in column(far, "l2")]
    attacked = column(far, "correct")
    assert column(far, "success") == [w if c else None for w, c in zip(within, attacked, strict=True)]
    assert not all(within)
    # The point is kept, so that a larger budget can be judged from the same records.
    assert any(
        p != y
        for p, y, w in zip(column(far, "adversarial_prediction"), column(far, "label"), within, strict=True)
        if not w
    )


def test_nan_from_an_attack_is_an_error_of_its_examples() -> None:
    def poison(batch: LabelledInputs) -> Tensor:
        moved = batch.inputs.clone()
        moved[0] = torch.nan
        return moved

    outcome = run(Shift(poison, Threat("linf", 0.1)), chunk=64)
    assert column(outcome, "outcome").count("error") == 1
    assert "1 of 24 adversarial outputs are not finite, first for example 'e4'" in outcome.problems


class NanNet(Net):
    """Returns NaN for some inputs: its argmax would be class 0."""

    def forward(self, inputs: Tensor) -> Tensor:
        logits = super().forward(inputs)
        return torch.where(inputs.flatten(1)[:, :1] > 0.7, torch.nan, logits)


def test_nan_from_the_model_is_never_a_prediction() -> None:
    outcome = run(model=NanNet())
    bad = torch.as_tensor(data().columns["inputs"]).flatten(1)[:, 0] > 0.7
    assert 0 < int(bad.sum()) < N
    assert [p is None for p in column(outcome, "clean_prediction")] == bad.tolist()
    assert [o == "error" for o in column(outcome, "outcome")] == bad.tolist()
    assert f"{int(bad.sum())} of 24 clean outputs are not finite" in outcome.problems[0]


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (
            lambda x: torch.zeros(len(x), 4),
            r"returned shape \[24, 4\] for 24 inputs; expected logits of shape \[24, 3\]",
        ),
        (lambda x: torch.zeros(3), r"returned shape \[3\]"),
        (lambda x: x.numpy(), "returned a ndarray"),
    ],
)
def test_wrong_model_outputs(model: Any, told: str) -> None:
    with pytest.raises(InvalidOutput, match=told):
        run(model=model)


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"inputs": np.full((N, 1, 2, 2), 1.5, np.float32)}, r"inputs reach from 1.5 to 1.5, outside the box \[0, 1\]"),
        ({"inputs": np.full((N, 1, 2, 2), np.nan, np.float32)}, "inputs are not finite"),
        ({"inputs": np.ones((N, 1, 2, 2), np.uint8)}, "inputs are torch.uint8; they must be floating point"),
        ({"labels": np.full(N, 3)}, "labels must be whole numbers from 0 to 2"),
        ({"labels": np.full(N, -1)}, "labels must be whole numbers from 0 to 2"),
        ({"labels": np.zeros(N)}, "labels must be whole numbers, not float64"),
    ],
)
def test_data_is_checked(columns: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidOutput, match=told):
        run(examples=data(**columns))


def test_data_without_classes_or_columns() -> None:
    with pytest.raises(InvalidOutput, match="lacks column 'inputs' and column 'labels' and fact 'classes'"):
        run(examples=Examples(["a"], {"text": ["x"]}))


# --- the model is left as it was ------------------------------------------------------------------------------


class Meddling(Shift):
    """Does to the model what libraries do."""

    def __init__(self, meddle: Callable[[nn.Module], Any]) -> None:
        super().__init__(lambda batch: batch.inputs, Threat("linf", 0.1))
        self.meddle = meddle

    def perturb(self, model: Any, batch: LabelledInputs, ctx: Context) -> Tensor:
        self.meddle(model)
        return super().perturb(model, batch, ctx)


def test_modes_and_gradients_are_restored() -> None:
    """torchattacks leaves a frozen BatchNorm in train mode; the core puts every module back as it was."""
    net = Net()
    net.eval()
    net.dropout.train()
    run(Meddling(lambda model: model.train()), model=net)
    assert (net.training, net.norm.training, net.dropout.training) == (False, False, True)
    assert net.scale.requires_grad


def test_the_attack_sees_eval_mode_and_frozen_parameters() -> None:
    seen = []
    net = Net().train()
    attack = Meddling(
        lambda m: seen.append(
            (m.training, any(x.training for x in m.modules()), any(p.requires_grad for p in m.parameters()))
        )
    )
    run(attack, model=net)
    assert seen == [(False, False, False)]
    assert net.training


def test_verdicts_do_not_depend_on_the_mode_an_attack_leaves_behind() -> None:
    quiet = run(Meddling(lambda model: None), model=Net())
    loud = run(Meddling(lambda model: model.train()), model=Net())
    assert column(quiet, "adversarial_margin") == column(loud, "adversarial_margin")


@pytest.mark.parametrize(
    "meddle",
    [lambda m: m.model.scale.data.mul_(2), lambda m: m.model.norm.running_mean.add_(1)],
    ids=["parameter", "buffer"],
)
def test_changing_the_model_is_found_out(meddle: Callable[[Any], Any]) -> None:
    with pytest.raises(InvalidOutput, match="were changed while it was measured"):
        run(Meddling(meddle))


# --- counting -------------------------------------------------------------------------------------------------


class Spending(Shift):
    """Spends a known number of passes."""

    def __init__(self, spend: Callable[[Any, LabelledInputs], Any], *, pooled: bool) -> None:
        super().__init__(lambda batch: batch.inputs, Threat("linf", 0.1), pooled=pooled)
        self.spend = spend

    def perturb(self, model: Any, batch: LabelledInputs, ctx: Context) -> Tensor:
        self.spend(model, batch)
        return super().perturb(model, batch, ctx)


def backward(model: Any, inputs: Tensor, rows: Tensor | None = None) -> None:
    inputs = inputs.clone().requires_grad_(True)
    model(inputs, rows).sum().backward()


def passes(outcome: Outcome) -> tuple[list[float], list[float]]:
    attacked = column(outcome, "correct")
    return tuple(  # type: ignore[return-value]
        [p for p, a in zip(column(outcome, f"{which}_passes"), attacked, strict=True) if a]
        for which in ("forward", "backward")
    )


@pytest.mark.parametrize("pooled", [True, False])
def test_passes_are_counted_by_the_core(pooled: bool) -> None:
    def spend(model: Any, batch: LabelledInputs) -> None:
        with torch.no_grad():
            model(batch.inputs)
        backward(model, batch.inputs)

    outcome = run(Spending(spend, pooled=pooled), chunk=10)
    assert passes(outcome) == ([2.0] * 20, [1.0] * 20)
    assert outcome.cost == {"passes": 3.0}


def test_passes_are_booked_to_the_rows_that_are_named() -> None:
    def spend(model: Any, batch: LabelledInputs) -> None:
        rows = torch.tensor([0, 0, 3])
        backward(model, batch.inputs[rows], rows)

    forward, back = passes(run(Spending(spend, pooled=True)))
    assert forward[:5] == back[:5] == [2.0, 0.0, 0.0, 1.0, 0.0]
    assert sum(forward) == 3.0


def test_passes_without_rows_are_spread_evenly() -> None:
    forward, _ = passes(run(Spending(lambda model, batch: model(batch.inputs[:5]), pooled=True)))
    assert forward == pytest.approx([0.25] * 20)


def test_clean_passes_and_padding_do_not_count() -> None:
    outcome = run(Spending(lambda model, batch: model(batch.inputs), pooled=True), batch_size=7)
    assert passes(outcome)[0] == [1.0] * 20


# --- targets --------------------------------------------------------------------------------------------------


def test_targets_are_other_classes_and_belong_to_the_example() -> None:
    outcomes = [run(Shift(lambda b: b.inputs, Threat("linf", 0.1, targeted=True)), batch_size=b) for b in (3, 64)]
    targets, labels = column(outcomes[0], "target"), column(outcomes[0], "label")
    assert all(t != y and 0 <= t < CLASSES for t, y in zip(targets, labels, strict=True))
    assert targets == column(outcomes[1], "target")
    assert len(set(targets)) == CLASSES


def test_targeted_success_is_reaching_the_target() -> None:
    outcome = run(Shift(swap, Threat("linf", 1.0, targeted=True)))
    for prediction, target, success in zip(
        column(outcome, "adversarial_prediction"), column(outcome, "target"), column(outcome, "success"), strict=True
    ):
        assert success is None or success == (prediction == target)
    assert {True, False} <= set(column(outcome, "success"))


# --- distances ------------------------------------------------------------------------------------------------


def test_distances_by_hand() -> None:
    difference = torch.zeros(1, 2, 2, 2)
    difference[0, 0, 0, 0], difference[0, 1, 0, 0], difference[0, 1, 1, 1] = 3.0, -4.0, 1.0
    found = {norm: float(distance(difference, norm)) for norm in ("linf", "l2", "l1", "l0")}
    # One position changed in both channels counts once.
    assert found == pytest.approx({"linf": 4.0, "l2": 26**0.5, "l1": 8.0, "l0": 2.0})
    assert float(distance(torch.tensor([[1.0, 0.0, 2.0]]), "l0")) == 2.0
    with pytest.raises(ValueError, match="unknown norm"):
        distance(difference, "l3")


def test_nothing_correct_means_nothing_to_attack() -> None:
    predicted = np.array(column(run(), "clean_prediction"))
    attack = Shift(swap, Threat("linf", 1.0))
    outcome = run(attack, examples=data(labels=(predicted + 1) % CLASSES))
    assert attack.seen == []
    assert set(column(outcome, "outcome")) == {"clean_wrong"}
    assert set(column(outcome, "success")) == {None}
    assert outcome.cost == {"passes": 0.0}


def test_records_can_be_read_as_records() -> None:
    outcome = run(Shift(swap, Threat("linf", 1.0)))
    records = Records.of(outcome.records, **outcome.protocol)
    assert len(records) == N
    assert len(records.without_missing("success")) == N - 4


class CertifiedNet(Net):
    """Certifies what it is told to."""

    def __init__(self, prediction: list[int], radius: list[float]) -> None:
        super().__init__()
        self.told = Certificate(torch.tensor(prediction), torch.tensor(radius), "l2", 0.01)

    def certify(self, inputs: Tensor, ids: list[str], ctx: Context) -> Certificate:
        return self.told


def test_certificates_are_recorded_and_checked() -> None:
    net = CertifiedNet([0, -1, 2], [0.5, 0.0, 0.25]).eval()
    found = Records.of(Classify().run(net, data(3), None, Context()).records)
    assert found.floats("certified_prediction")[[0, 2]].tolist() == [0, 2]
    assert np.isnan(found.floats("certified_prediction")[1])
    assert found["certified_radius"].tolist() == [0.5, 0.0, 0.25]
    assert set(found["certificate_alpha"]) == {0.01}
    for prediction, radius in (([0, 3, 0], [0.0] * 3), ([0, -1, 0], [0.1] * 3), ([0], [0.1]), ([0] * 3, [-1.0] * 3)):
        with pytest.raises(InvalidOutput, match=r"certif"):
            Classify().run(CertifiedNet(prediction, radius).eval(), data(3), None, Context())


def test_views_are_judged_on_draws_of_their_own() -> None:
    class Dark(Shift):
        """Every other view is black."""

        views = 4

        def view(self, inputs: Tensor, batch: LabelledInputs, draw: int, ctx: Context) -> Tensor:
            self.scope = ctx.scope
            return inputs * (draw % 2)

    attack = Dark(lambda batch: batch.inputs, Threat("linf", 0.1))
    found = Records.of(Classify().run(Net().eval(), data(), attack, Context()).records)
    attacked = found["correct"]
    assert attack.scope == ("judge views",)
    assert (found.floats("views")[attacked] == 4).all()
    assert np.isnan(found.floats("views")[~attacked]).all()
    # A black image is class 0, and so is the clean image where its label is.
    expected = np.where(found["label"] == 0, 4.0, 2.0)
    assert (found.floats("views_true")[attacked] == expected[attacked]).all()
    assert (found.floats("clean_views_true")[attacked] == expected[attacked]).all()
    assert (found.floats("views_true") + found.floats("views_other"))[attacked].tolist() == [4.0] * int(attacked.sum())
