"""Every attack of torchattacks, held to the same rules as any other."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchattacks
from torch import Tensor, nn

from harness.api import Context, Examples, LabelledInputs, NotApplicable, Outcome, Records, Threat
from harness_adversarial.attacks.torchattacks_adapter import TorchAttack, library_attacks
from harness_adversarial.metrics.accuracy import AttackSuccessRate
from harness_classification.classify import Classify
from harness_vision.digits import digits
from harness_vision.shipped_digits import shipped_digits

# What the library declares: norm, and the parameter that bounds it, by attack.
UNBOUNDED = {"CW", "DeepFool", "EADEN", "EADL1", "JSMA", "Pixle", "SparseFool"}
WITHOUT_NORM = {"GN", "VANILA"}
# Kernels for three channels.
COLOUR_ONLY = {"PIFGSM", "PIFGSMPP", "TIFGSM"}
# They may return points outside the box by about 1e-4, which the core refuses.
OUT_OF_BOX = {"EADEN", "EADL1"}
FEWER: dict[str, dict[str, Any]] = {
    "AutoAttack": {"eps": 0.1},
    "CW": {"steps": 20, "lr": 0.1, "c": 10},
    "DeepFool": {"steps": 5},
    "FAB": {"steps": 3},
    "SPSA": {"nb_iter": 2, "nb_sample": 16},
    "SparseFool": {"steps": 3},
    "Square": {"n_queries": 20},
}


class Small(nn.Module):
    """An untrained network with the layers that libraries get wrong; colour images are averaged."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.5))
        self.head = nn.Linear(32, 10)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(self.body(inputs.mean(dim=1, keepdim=True)))


def data(model: nn.Module, n: int = 10, channels: int = 1) -> Examples:
    """Digits whose labels are what the model says, so that all of them are attacked."""
    source = digits("test")
    inputs = torch.as_tensor(source.columns["inputs"])[:n].repeat(1, channels, 1, 1)
    labels = model.eval()(inputs).argmax(1)
    return Examples(source.ids[:n], {"inputs": inputs.numpy(), "labels": labels.numpy()}, facts=source.facts)


def attacked(
    attack: str, *, channels: int = 1, batch_size: int = 64, seed: int = 0, chunk: int = 4, **parameters: Any
) -> Outcome:
    model = Small()
    examples = data(model, channels=channels)
    treatment = TorchAttack(attack, **parameters)
    return Classify().run(
        model=model, data=examples, attack=treatment, ctx=Context(batch_size=batch_size, seed=seed, chunk=chunk)
    )


@pytest.mark.parametrize("name", sorted(library_attacks()))
def test_every_attack_runs_and_keeps_to_what_it_declares(name: str) -> None:
    outcome = attacked(name, channels=3 if name in COLOUR_ONLY else 1, **FEWER.get(name, {}))
    if outcome.problems:
        assert name in OUT_OF_BOX
        assert "outside the box [0, 1]" in outcome.problems[0]
        return
    threat = outcome.protocol["threat"]
    assert (threat["norm"] is None) == (name in WITHOUT_NORM)
    assert threat["minimal"] == (name in UNBOUNDED)
    assert (threat["eps"] is None) == (name in UNBOUNDED | WITHOUT_NORM)
    if name not in ("GN", "VANILA", "UPGD"):
        assert outcome.cost["passes"] > 0


def test_the_wrappers_are_left_out() -> None:
    assert set(library_attacks()).isdisjoint({"LGV", "MultiAttack"})
    assert len(library_attacks()) == 37


@pytest.mark.parametrize(
    ("attack", "parameters", "threat"),
    [
        ("PGD", {"eps": 0.1}, Threat("linf", 0.1)),
        ("PGDL2", {"eps": 0.5}, Threat("l2", 0.5)),
        ("Square", {"norm": "L2", "eps": 0.5}, Threat("l2", 0.5)),
        ("FAB", {"norm": "L1", "eps": 2.0}, Threat("l1", 2.0)),
        ("OnePixel", {"pixels": 3}, Threat("l0", 3.0)),
        ("DeepFool", {}, Threat("l2", None, minimal=True)),
        ("CW", {"budget": 0.5}, Threat("l2", 0.5, minimal=True)),
        ("GN", {}, Threat(None, None)),
        ("PGD", {"eps": 0.1, "targeted": True}, Threat("linf", 0.1, targeted=True)),
    ],
)
def test_threats(attack: str, parameters: dict[str, Any], threat: Threat) -> None:
    assert TorchAttack(attack, **parameters).threat == threat


def test_two_budgets_are_one_too_many() -> None:
    with pytest.raises(NotApplicable, match="PGD has a budget of its own"):
        TorchAttack("PGD", budget=0.1, eps=0.1)


@pytest.mark.parametrize("name", ["PGD", "APGD", "Square", "GN", "Pixle", "OnePixel", "FAB"])
def test_records_do_not_depend_on_the_batch_size(name: str) -> None:
    few = FEWER.get(name, {})
    one, many = attacked(name, batch_size=1, **few), attacked(name, batch_size=64, **few)
    for column in ("adversarial_prediction", "success", "forward_passes"):
        assert list(one.records[column]) == list(many.records[column])
    assert list(one.records["l2"]) == pytest.approx(list(many.records["l2"]), abs=1e-6)


@pytest.mark.parametrize("name", ["PGD", "APGD", "Square", "GN", "Pixle", "OnePixel"])
def test_the_seed_of_the_cell_is_the_seed_of_the_library(name: str) -> None:
    """Also of attacks that set their own seed on every call, which would start every chunk alike."""
    few = {"steps": 1} if name == "APGD" else FEWER.get(name, {})
    first, again, other = (attacked(name, seed=seed, **few).records["l2"] for seed in (0, 0, 1))
    assert list(first) == list(again)
    assert list(first) != list(other)


def test_batch_norm_is_left_in_eval_mode() -> None:
    model = Small()
    examples = data(model)
    Classify().run(model=model, data=examples, attack=TorchAttack("PGD"), ctx=Context())
    assert not any(module.training for module in model.modules())
    model.train()
    Classify().run(model=model, data=examples, attack=TorchAttack("PGD"), ctx=Context())
    assert all(module.training for module in model.modules())


def test_targeted_attacks_aim_at_the_targets_of_the_core() -> None:
    outcome = attacked("PGD", eps=0.5, steps=20, targeted=True)
    reached = [
        p == t for p, t in zip(outcome.records["adversarial_prediction"], outcome.records["target"], strict=True)
    ]
    assert list(outcome.records["success"]) == reached
    assert any(reached)


def test_an_attack_that_cannot_be_targeted() -> None:
    with pytest.raises(NotApplicable, match="DeepFool cannot be targeted"):
        attacked("DeepFool", targeted=True)


def test_data_outside_0_1_does_not_fit() -> None:
    batch = LabelledInputs(["a"], torch.zeros(1, 1, 8, 8), torch.zeros(1, dtype=torch.long), low=-1.0, high=1.0)
    with pytest.raises(NotApplicable, match=r"works on \[0, 1\]; the data lies in \[-1, 1\]"):
        TorchAttack("FGSM").perturb(Small(), batch, Context())


class Shifted(nn.Module):
    """The same classifier with a constant subtracted from every logit: the same decisions."""

    def __init__(self, inner: nn.Module, shift: float) -> None:
        super().__init__()
        self.inner, self.shift = inner, shift

    def forward(self, inputs: Tensor) -> Tensor:
        return self.inner(inputs) - self.shift


@pytest.mark.parametrize(("name", "survives"), [("PGD", True), ("CW", False)])
def test_a_shift_of_the_logits_shows_which_attacks_depend_on_it(name: str, survives: bool) -> None:
    """torchattacks' CW masks logits by multiplying with 0, so it loses its strength when logits are negative."""
    rates = []
    for shift in (0.0, 50.0):
        model = Shifted(Small(), shift)
        attack = TorchAttack(name, **({"eps": 0.3} if name == "PGD" else FEWER["CW"]))
        outcome = Classify().run(model=model, data=data(model, 40), attack=attack, ctx=Context())
        rates.append(AttackSuccessRate().estimate(Records.of(outcome.records, **outcome.protocol)).value)
    assert rates[0] is not None
    assert rates[1] is not None
    assert rates[0] > 0.5
    assert (rates[1] == rates[0]) == survives


def test_points_of_deepfool_on_the_boundary_are_moved_to_where_they_fool_in_any_batch() -> None:
    """The library stops where its own pass, of one example, is fooled to the last bit; others of it are not."""
    source = digits("test")
    columns = {name: values[:24] for name, values in source.columns.items()}
    some = Examples(source.ids[:24], columns, facts=source.facts)
    outcome = Classify().run(shipped_digits("standard"), some, TorchAttack("DeepFool", steps=50), Context())
    assert "robust" not in outcome.records["outcome"]
    assert not any(outcome.records["silent_success"])
    # The margin is beyond round-off, and the way there was short.
    margins = [
        -m
        for m, fooled in zip(outcome.records["adversarial_margin"], outcome.records["success"], strict=True)
        if fooled
    ]
    assert min(margins) > 1e-5
    direct = torchattacks.DeepFool(shipped_digits("standard").eval(), steps=50)
    inputs, labels = (torch.as_tensor(columns[name]) for name in ("inputs", "labels"))
    theirs = (direct(inputs, labels).detach() - inputs).flatten(1).norm(dim=1)
    ours = torch.as_tensor(outcome.records["l2"])
    right = torch.as_tensor([success is True for success in outcome.records["success"]])
    assert ours[right].tolist() == pytest.approx(theirs[right].tolist(), rel=1.1e-3)
