"""A dataset in windows: what the records say depends neither on the windows nor on the batch, and little is held."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from harness.api import Attack, Context, InvalidOutput, LabelledInputs, Outcome, Threat
from harness_adversarial.attacks.auto_attack import AutoAttack
from harness_adversarial.attacks.gradient_attacks import FGSM, PGD
from harness_adversarial.attacks.square import Square
from harness_classification import windows
from harness_classification.classify import Classify

CLASSES, SIDE, CHUNK, N = 10, 8, 16, 104
IMAGE_BYTES = 4 * SIDE * SIDE


class Images:
    """Random images; remembers how many were asked for at once."""

    def __init__(self, n: int = N) -> None:
        rng = np.random.default_rng(0)
        self.ids: Sequence[str] = [f"e{i}" for i in range(n)]
        self.groups: Mapping[str, Sequence[Any]] = {"half": ["a", "b"] * (n // 2)}
        self.facts: Mapping[str, Any] = {"classes": [str(c) for c in range(CLASSES)]}
        self.images = rng.random((n, 1, SIDE, SIDE), dtype=np.float32)
        with torch.no_grad():
            self.labels = Net()(torch.from_numpy(self.images)).argmax(1).numpy()
        self.labels[::9] = (self.labels[::9] + 1) % CLASSES
        self.most = 0

    def take(self, indices: Sequence[int]) -> Mapping[str, Any]:
        self.most = max(self.most, len(indices))
        return {"inputs": self.images[list(indices)], "labels": self.labels[list(indices)]}


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.weights = nn.Parameter(torch.randn(SIDE * SIDE, CLASSES, generator=generator))
        self.live: list[int] = []

    def forward(self, inputs: Tensor) -> Tensor:
        return (inputs.flatten(1) - 0.5) @ self.weights


class Slowly:
    """One chunk at a time, by steps that depend on the company: what it may, since chunks are the same always."""

    threat = Threat("linf", 0.05)

    def perturb(self, model: Any, batch: LabelledInputs, ctx: Context) -> Tensor:
        step = 0.05 * torch.rand(batch.inputs.shape) * (1 if len(batch) % 2 else -1)
        return (batch.inputs + step).clamp(0, 1)


ATTACKS: dict[str, Attack | None] = {
    "none": None,
    "fgsm": FGSM(0.02),
    "pgd": PGD(0.02, steps=4, restarts=2),
    "targeted": PGD(0.05, steps=3, targeted=True),
    "square": Square(0.05, queries=12),
    "autoattack": AutoAttack(0.03, steps=3, targets=2, queries=5),
    "chunks": Slowly(),
}


def judged(attack: Attack | None, batch_size: int = 32, data: Images | None = None, net: Net | None = None) -> Outcome:
    ctx = Context(batch_size=batch_size, chunk=CHUNK)
    return Classify().run((net or Net()).eval(), data or Images(), attack, ctx)


def assert_same(one: Outcome, two: Outcome) -> None:
    """Bit by bit, with the types of the columns."""
    assert list(one.records) == list(two.records)
    for name, column in one.records.items():
        assert type(column) is type(two.records[name]), name
        assert getattr(column, "dtype", None) == getattr(two.records[name], "dtype", None), name
        assert list(column) == list(two.records[name]), name
    assert one.artifacts.keys() == two.artifacts.keys()
    for name in one.artifacts:
        assert np.array_equal(one.artifacts[name], two.artifacts[name]), name
    assert (one.cost, one.problems, one.protocol) == (two.cost, two.problems, two.protocol)


@pytest.mark.parametrize("name", ATTACKS)
def test_records_do_not_depend_on_the_windows(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = judged(ATTACKS[name])
    monkeypatch.setattr(windows, "ATTACK_BYTES", 2 * CHUNK * IMAGE_BYTES)
    monkeypatch.setattr(windows, "CLEAN_BYTES", 1)
    data = Images()
    assert_same(whole, judged(ATTACKS[name], data=data))
    assert data.most == (64 if name == "none" else 2 * CHUNK)


@pytest.mark.parametrize("name", ["none", "pgd", "square", "autoattack", "chunks"])
def test_records_in_windows_do_not_depend_on_the_batch_size(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "ATTACK_BYTES", 3 * CHUNK * IMAGE_BYTES)
    monkeypatch.setattr(windows, "CLEAN_BYTES", 1)
    outcomes = [judged(ATTACKS[name], batch_size) for batch_size in (8, 24, 64)]
    assert_same(outcomes[0], outcomes[1])
    assert_same(outcomes[0], outcomes[2])
    assert [each.doubts for each in outcomes[1:]] == [outcomes[0].doubts] * 2


def test_windows_under_attack_are_whole_chunks_whatever_the_batch_size() -> None:
    sizes = {windows.attack_windows(Images(), Context(batch_size=size, chunk=CHUNK)).size for size in (1, 32, 500)}
    assert sizes == {windows.ATTACK_BYTES // (CHUNK * IMAGE_BYTES) * CHUNK}


def test_a_window_is_a_chunk_at_least(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "ATTACK_BYTES", 1)
    assert windows.attack_windows(Images(), Context(chunk=CHUNK)).size == CHUNK


def test_clean_windows_are_whole_batches_and_as_many_as_are_asked_twice() -> None:
    sizes = [windows.clean_windows(Images(), Context(batch_size=size)).size for size in (1, 7, 48, 100)]
    most = windows.CLEAN_BYTES // IMAGE_BYTES
    assert sizes == [most // step * step for step in (64, 70, 96, 100)]


@pytest.mark.parametrize(("name", "most"), [("none", 2), ("pgd", 6)])
def test_few_windows_are_alive_at_any_pass(name: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted by the tensors that there are while the model is asked, in images of a window of one batch."""
    monkeypatch.setattr(windows, "ATTACK_BYTES", 1)
    monkeypatch.setattr(windows, "CLEAN_BYTES", 1)

    class Watched(Net):
        def forward(self, inputs: Tensor) -> Tensor:
            storages = {
                tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes()
                for tensor in gc.get_objects()
                if type(tensor) is Tensor and tensor.shape[-2:] == (SIDE, SIDE)
            }
            self.live.append(sum(storages.values()))
            return super().forward(inputs)

    net, data, ctx = Watched(), Images(320), Context(batch_size=64, chunk=64)
    gc.collect()
    # What there was before is not looked at again at every pass.
    gc.freeze()
    Classify().run(net.eval(), data, ATTACKS[name], ctx)
    gc.unfreeze()
    assert max(net.live) <= most * 64 * IMAGE_BYTES


def test_a_late_window_is_checked_like_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "CLEAN_BYTES", 1)
    data = Images()
    data.images[100, 0, 3, 3] = np.nan
    with pytest.raises(InvalidOutput, match="inputs are not finite, first for example 'e100'"):
        judged(None, data=data)


def test_windows_with_problems_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    class TooFar:
        threat = Threat("linf", 0.01)

        def perturb(self, model: Any, batch: LabelledInputs, ctx: Context) -> Tensor:
            return (batch.inputs + 0.1).clamp(0, 1)

    monkeypatch.setattr(windows, "ATTACK_BYTES", 1)
    problems = judged(TooFar()).problems
    # The first and the tenth of the window are wrong without attack.
    assert problems[0].startswith("14 of 16 returned inputs break the rules, first 'e1'")
    assert problems[-1] == "and 6 more windows of examples have problems"


def test_what_is_left_out_of_the_data_is_shown() -> None:
    data = Images()
    assert "damaged" not in judged(None, data=data).display
    data.facts = {**data.facts, "damaged": 2, "overlap": 1}
    assert judged(None, data=data).display == {"damaged": "2", "overlap": "1"}
    assert judged(ATTACKS["fgsm"], data=data).display == {"threat": "linf ≤ 0.02", "damaged": "2", "overlap": "1"}
