"""AutoAttack: each part only on what survives the last, and the union of what they fool."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from harness.api import Context, Examples, LabelledInputs
from harness.api.attacks import SearchResult
from harness_adversarial.attacks.auto_attack import AutoAttack
from harness_classification.classify import Classify
from harness_vision.digits import digits

FAST = {"steps": 10, "targets": 3, "queries": 30, "eot": 2}


class Net(nn.Module):
    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, classes))

    def forward(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
        return torch.as_tensor(self.body(inputs))


def examples(model: nn.Module, n: int, classes: int = 10) -> Examples:
    data = digits("test")
    inputs = torch.as_tensor(data.columns["inputs"])[:n]
    columns = {"inputs": inputs.numpy(), "labels": model(inputs).argmax(1).numpy()}
    return Examples(data.ids[:n], columns, facts={**data.facts, "classes": [str(i) for i in range(classes)]})


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("version", ["standard", "rand"])
def test_it_is_the_union_of_its_parts_and_is_not_moved_by_the_batch(version: Any, norm: Any) -> None:
    eps = 0.04 if norm == "linf" else 0.2
    outcomes = []
    for batch_size in (5, 32):
        ctx = Context(batch_size=batch_size)
        done = Classify().run(Net(), examples(Net(), 24), AutoAttack(eps, norm, version, **FAST), ctx)
        assert done.problems == ()
        outcomes.append(done.records["outcome"])
    assert outcomes[0] == outcomes[1]
    assert {"fooled", "robust"} == set(outcomes[0])


class Stage:
    """Fools the examples of these names, by moving them up by .1; notes whom it was given."""

    def __init__(self, *names: str) -> None:
        self.names, self.given = names, [""]

    def search(self, model: Any, batch: LabelledInputs, ctx: Context) -> SearchResult:
        self.given = list(batch.ids)
        fooled = torch.tensor([name in self.names for name in batch.ids])
        model(batch.inputs, torch.arange(len(batch)))
        ctx.progress(len(batch), len(batch))
        return SearchResult(torch.where(fooled[:, None], batch.inputs + 0.1, batch.inputs - 0.1), fooled)


class Booked(nn.Module):
    def forward(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
        assert rows is not None
        self.rows = [*getattr(self, "rows", []), rows.tolist()]
        return inputs


def test_each_part_gets_what_survives_and_books_its_passes_there() -> None:
    attack, first, second, third = AutoAttack(0.1), Stage("b", "d"), Stage("a", "c"), Stage()
    attack.stages = [("one", first), ("two", second), ("three", third)]
    batch = LabelledInputs(list("abcd"), torch.full((4, 2), 0.5), torch.zeros(4, dtype=torch.long))
    model, seen = Booked(), []
    found = attack.perturb(model, batch, Context(progress=lambda done, total: seen.append(done / total)))
    assert (first.given, second.given, third.given) == (list("abcd"), ["a", "c"], [""])
    assert model.rows == [[0, 1, 2, 3], [0, 2]]
    assert found[:, 0].tolist() == pytest.approx([0.6] * 4)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert attack.fooled_by == {"b": "one", "d": "one", "a": "two", "c": "two"}


def test_records_say_which_part_fooled_and_a_last_part_that_finds_much_raises_a_doubt() -> None:
    """The gradient of another function leads the first three parts nowhere, and Square does not follow it."""

    class Decoy(Net):
        def forward(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
            other = (inputs.flatten(1).cumsum(dim=1) * 7).sin()[:, :10]
            return super().forward(inputs.detach()) + other - other.detach()

    attack = AutoAttack(0.1, steps=5, targets=2, queries=100)
    done = Classify().run(Decoy(), examples(Net(), 60), attack, Context())
    stages = done.records["fooled_by"]
    assert [stage != "none" for stage in stages] == list(done.records["success"])
    assert stages.count("square") > 5
    (doubt,) = [doubt for doubt in done.doubts if doubt.startswith("black box stage finds more")]
    assert f"square fooled {stages.count('square')} of " in doubt
    honest = Classify().run(Net(), examples(Net(), 60), attack, Context())
    assert not any(doubt.startswith("black box stage") for doubt in honest.doubts)


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_few_classes(classes: int) -> None:
    done = Classify().run(Net(classes), examples(Net(classes), 16, classes), AutoAttack(0.1, **FAST), Context())  # type: ignore[arg-type]
    assert done.problems == ()
    assert "fooled" in done.records["outcome"]


def test_no_survivors() -> None:
    empty = LabelledInputs([], torch.zeros(0, 1, 8, 8), torch.zeros(0, dtype=torch.long))
    assert AutoAttack(0.1).perturb(Net(), empty, Context()).shape == (0, 1, 8, 8)
