"""A linear model's exact robust accuracy is known in closed form; it bounds every attack from below.

Within the box and an L-infinity ball of radius eps, the change of the margin of class y over class j is separable
over pixels: the adversary adds, for each pixel, whichever end of its allowed range lowers the margin most.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from harness import Run
from harness.api import Context, LabelledInputs
from harness.testing import run_suite
from harness_adversarial.attacks.gradient_attacks import FGSM, PGD
from harness_vision.digits import digits

BUDGETS = (0.05, 0.1, 0.2)
SUITE = f"""
suite: oracle
task: classify
data: digits
models: [digit_linear]
attacks:
  - {{use: noise, sweep: {{eps: {list(BUDGETS)}}}}}
  - {{use: fgsm, sweep: {{eps: {list(BUDGETS)}}}}}
  - {{use: fgsm, as: fgsm-margin, with: {{loss: margin}}, sweep: {{eps: {list(BUDGETS)}}}}}
  - {{use: pgd, with: {{restarts: 3}}, sweep: {{eps: {list(BUDGETS)}}}}}
  - {{use: pgd, as: pgd-margin, with: {{restarts: 3, loss: margin}}, sweep: {{eps: {list(BUDGETS)}}}}}
  - {{use: bim, sweep: {{eps: {list(BUDGETS)}}}}}
  - {{use: eot_pgd, with: {{steps: 10, draws: 2}}, sweep: {{eps: {list(BUDGETS)}}}}}
  - {{use: transfer, with: {{surrogate: digit_linear}}, sweep: {{eps: {list(BUDGETS)}}}}}
  - {{use: torchattacks, with: {{attack: PGD, steps: 20, alpha: 0.02}}, sweep: {{eps: {list(BUDGETS)}}}}}
  - {{use: torchattacks, with: {{attack: APGDT, steps: 20}}, sweep: {{eps: {list(BUDGETS)}}}}}
metrics: [accuracy, robust_accuracy]
aggregates: [worst_case]
"""

MINIMAL = """attacks:
  - {use: fmn, with: {norm: linf, steps: 50}}
  - {use: deepfool, with: {norm: linf}}
  - {use: fab_targeted, with: {steps: 10}}
metrics: [median_distance]
"""

Bools = npt.NDArray[np.bool_]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_suite(SUITE, tmp_path_factory.mktemp("oracle"))


@pytest.fixture(scope="module")
def exactly_robust(done: Run) -> dict[float, Bools]:
    """Per budget, whether no point of the ball and the box fools the model, in the order of the records."""
    store = done.folder.path.parents[1] / "store"
    (file,) = store.rglob("weights.safetensors")
    weights = load_file(file)
    data = digits("test")
    inputs, labels = (torch.as_tensor(data.columns[name]) for name in ("inputs", "labels"))
    return {
        eps: exact(weights["network.1.weight"], weights["network.1.bias"], inputs.flatten(1), labels, eps)
        for eps in BUDGETS
    }


def exact(weight: Tensor, bias: Tensor, inputs: Tensor, labels: Tensor, eps: float) -> Bools:
    weight, bias, inputs = weight.double(), bias.double(), inputs.double()
    down, up = (inputs - eps).clamp(min=0) - inputs, (inputs + eps).clamp(max=1) - inputs
    logits = inputs @ weight.T + bias
    robust = torch.ones(len(inputs), dtype=torch.bool)
    for other in range(10):
        direction = weight[other] - weight[labels]
        gain = torch.maximum(direction * down, direction * up).sum(1)
        margin = logits.gather(1, labels[:, None]).squeeze(1) - logits[:, other]
        robust &= (labels == other) | (margin > gain)
    return robust.numpy()


def test_the_oracle_is_not_trivial(exactly_robust: dict[float, Bools]) -> None:
    shares = [float(exactly_robust[eps].mean()) for eps in BUDGETS]
    assert 0.95 > shares[0] > shares[1] > shares[2] > 0.0


def test_no_attack_fools_what_is_exactly_robust(done: Run, exactly_robust: dict[float, Bools]) -> None:
    for row in done.rows:
        if not row.derived:
            eps = row.protocol["threat"]["eps"]
            assert row.reason == ""
            fooled = ~done.records(row)["robust"]
            assert not (fooled & exactly_robust[eps]).any(), row.labels


@pytest.mark.slow
def test_no_distance_is_smaller_than_that_to_the_boundary(tmp_path: Path, exactly_robust: dict[float, Bools]) -> None:
    """What seeks the smallest distance finds none within a budget at which an example is exactly robust."""
    suite = SUITE.partition("attacks:")[0] + MINIMAL
    done = run_suite(suite, tmp_path)
    ids = list(digits("test").ids)
    for row in done.rows:
        assert row.reason == ""
        records = done.records(row)
        places = [ids.index(name) for name in records["id"].tolist()]
        for eps in BUDGETS:
            found = (records.floats("success") == 1) & (records["linf"] <= eps)
            assert not (found & exactly_robust[eps][places]).any(), row.labels
            assert found.any(), row.labels


def test_the_worst_case_comes_close_to_the_exact_value(done: Run, exactly_robust: dict[float, Bools]) -> None:
    for row in done.rows:
        if row.derived:
            found = row.estimates["robust_accuracy"].value
            truth = float(exactly_robust[row.protocol["threat"]["eps"]].mean())
            assert found is not None
            assert truth <= found <= truth + 0.015, row.protocol


def test_cross_entropy_alone_leaves_a_gap_and_the_table_order_holds(done: Run) -> None:
    """Noise is weaker than FGSM, which is no stronger than PGD; the targeted attack is strongest."""

    def robust(attack: str, eps: float) -> float:
        value = done.row(attack=f"{attack} eps={eps:g}").estimates["robust_accuracy"].value
        assert value is not None
        return value

    for eps in BUDGETS:
        assert robust("noise", eps) > robust("fgsm", eps) >= robust("pgd", eps) >= robust("torchattacks:APGDT", eps)


class TwoClasses(nn.Module):
    """Logits w.x + b and 0, with pixels far from the ends of the box: FGSM is then optimal at any budget."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.weight = nn.Parameter(torch.randn(16, generator=generator, dtype=torch.float64).float())

    def forward(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
        score = (inputs.flatten(1) - 0.5) @ self.weight
        return torch.stack([score, torch.zeros_like(score)], dim=1)


@pytest.mark.parametrize("factor", [0.99, 1.01])
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_minimal_distance_of_a_linear_model(norm: str, factor: float) -> None:
    """FGSM and PGD succeed at 1.01 of the exact distance |margin| / dual norm of w, and never at 0.99 of it."""
    model = TwoClasses()
    inputs = 0.5 + 0.05 * torch.randn(40, 1, 4, 4, generator=torch.Generator().manual_seed(4))
    score = ((inputs.flatten(1) - 0.5) @ model.weight).detach()
    labels = (score < 0).long()
    dual = model.weight.detach().abs().sum() if norm == "linf" else model.weight.detach().norm()
    for i in range(len(inputs)):
        eps = factor * float(score[i].abs() / dual)
        batch = LabelledInputs([f"e{i}"], inputs[i : i + 1], labels[i : i + 1])
        # With the default step, a path of 2.5 eps in all, an L2 iterate keeps 8 % of its random start.
        attacks = [PGD(eps, norm, steps=20, step_size=eps)] + ([FGSM(eps)] if norm == "linf" else [])  # type: ignore[arg-type]
        for attack in attacks:
            found = attack.perturb(model, batch, Context())
            fooled = bool(model(found).argmax(1) != labels[i])
            assert fooled == (factor > 1), (type(attack).__name__, i)


def test_a_linear_models_file_is_where_the_test_looks(done: Run) -> None:
    store = done.folder.path.parents[1] / "store"
    assert isinstance(store, Path)
    assert len(list(store.rglob("weights.safetensors"))) == 1
