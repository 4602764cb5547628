"""Attacks of third parties on the toolkit: a loss in a few lines, a search on the batch slots in some more."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import torch

from attacks.plugins.momentum import Momentum
from attacks.plugins.own_loss import OwnLoss
from harness import Run
from harness.api import Context, LabelledInputs
from harness.api.attacks import logit_margin
from harness.instruments.counted_model import LANES, CountedModel
from harness.testing import assert_same_records, run_suite
from harness_adversarial.attacks.gradient_attacks import PGD
from harness_vision.digit_models import DigitLinear
from harness_vision.digits import digits

PLUGINS = Path(__file__).parent / "plugins"
SUITE = """
suite: custom
task: classify
threads: 1
data: {use: digits, limit: 60}
models: [{use: digit_linear, with: {epochs: 20}}]
attacks:
  - {use: pgd, as: attack, with: {eps: 0.1, steps: 5, random_start: false, loss: margin}}
metrics: [robust_accuracy, queries]
"""


@pytest.fixture(scope="module")
def model() -> DigitLinear:
    torch.manual_seed(0)
    network = DigitLinear(epochs=20)
    network.fit(digits, Context())
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def pool() -> LabelledInputs:
    data = digits("test")
    inputs, labels = (torch.as_tensor(data.columns[name])[:70] for name in ("inputs", "labels"))
    return LabelledInputs(list(data.ids[:70]), inputs, labels)


def attacked(model: Any, pool: LabelledInputs, attack: Any, batch_size: int = 16) -> tuple[Any, list[float]]:
    """The points and the passes of each example."""
    counted = CountedModel(model, 10, len(pool), "cpu")
    with counted.attacked_batch(torch.arange(len(pool)), LANES):
        points = attack.perturb(counted, pool, Context(batch_size=batch_size))
    return points, (counted.forward_passes.total() + counted.backward_passes.total()).tolist()


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
@pytest.mark.parametrize("targeted", [False, True])
def test_the_same_loss_makes_the_same_passes_and_points(
    model: DigitLinear, pool: LabelledInputs, norm: Any, targeted: bool
) -> None:
    eps = {"linf": 0.1, "l2": 0.8, "l1": 4.0}[norm]
    if targeted:
        pool = LabelledInputs(pool.ids, pool.inputs, pool.labels, (pool.labels + 1) % 10)
    native, own = (kind(eps, norm, steps=6, restarts=2, targeted=targeted) for kind in (PGD, OwnLoss))
    native.loss = "margin"  # type: ignore[attr-defined]
    points, passes = attacked(model, pool, own)
    expected, known = attacked(model, pool, native)
    assert torch.equal(points, expected)
    assert passes == known
    assert len(set(passes)) > 2


def test_a_suite_gives_the_records_of_pgd(tmp_path: Path) -> None:
    def run(text: str, **how: Any) -> Run:
        return run_suite(text, tmp_path / "results", plugin_folders=[PLUGINS], **how)

    own = SUITE.replace("use: pgd", "use: own_loss").replace(", loss: margin", "")
    first, second = run(SUITE), run(own)
    (one,), (two,) = first.rows, second.rows
    assert one.status == two.status == "ok"
    assert first.records(one).table.equals(second.records(two).table)
    # It inherits parameters, bounds and documentation.
    signature = run(own.replace("steps: 5", "steps: 7")).rows[0].components["attack"]
    assert signature["parameters"]["steps"] == 7  # type: ignore[index]


def test_the_attack_on_batch_slots_finds_what_a_loop_over_examples_finds(
    model: DigitLinear, pool: LabelledInputs
) -> None:
    points, passes = attacked(model, pool, Momentum(0.08, steps=6))
    for row in range(len(pool)):
        clean, label = pool.inputs[row : row + 1], pool.labels[row : row + 1]
        iterate, velocity, best, highest, made = clean, torch.zeros_like(clean), clean, -float("inf"), 0
        for _ in range(7):
            leaf = iterate.clone().requires_grad_(True)
            lead = -logit_margin(model(leaf), label)
            (slope,) = torch.autograd.grad(lead.sum(), leaf)
            made += 2
            if lead.item() > highest:
                best, highest = iterate, lead.item()
            if lead.item() > 0:
                break
            velocity = velocity + slope / slope.abs().sum()
            ahead = iterate + 0.08 / 6 * velocity.sign()
            iterate = (clean + (ahead - clean).clamp(-0.08, 0.08)).clamp(0, 1)
        assert torch.allclose(points[row], best[0], atol=1e-6)
        assert passes[row] == made


def test_the_batch_size_changes_no_record(tmp_path: Path) -> None:
    suite = SUITE.replace("use: pgd", "use: momentum").replace(", random_start: false, loss: margin", "")
    one, many = (run_suite(suite, tmp_path / str(size), plugin_folders=[PLUGINS], batch_size=size) for size in (7, 128))
    assert all(row.status == "ok" for row in one.rows)
    assert_same_records(one, many)


@pytest.mark.parametrize(("name", "most"), [("own_loss", 15), ("momentum", 40)])
def test_they_are_short_and_import_only_what_is_offered(name: str, most: int) -> None:
    text = (PLUGINS / f"{name}.py").read_text(encoding="utf-8")
    tree = ast.parse(text)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    lines = [line for node in classes for line in (ast.get_source_segment(text, node) or "").splitlines()]
    assert 0 < sum(bool(line.strip()) for line in lines) <= most
    modules = {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {module for module in modules if module.startswith("harness")} == {"harness.api", "harness.api.attacks"}
