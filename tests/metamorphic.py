"""Changes of a classifier and its data that change no decision, and what an attack makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness.api import Attack, Context, Examples
from harness_classification.classify import Classify

CLASSES = 10


@dataclass(frozen=True)
class Change:
    """One way to say the same.

    Attributes:
        scale, shift: of all logits.
        classes: class i is called classes[i]; without it, as before.
        reversed: whether the examples come in the opposite order.
    """

    scale: float = 1.0
    shift: float = 0.0
    classes: tuple[int, ...] = tuple(range(CLASSES))
    reversed: bool = False


PLAIN = Change()
RENAMED = (3, 7, 1, 0, 9, 8, 2, 6, 5, 4)


class Network(nn.Module):
    """A small untrained network under a change."""

    def __init__(self, change: Change = PLAIN) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, CLASSES))
        self.change = change
        self.order = torch.tensor(change.classes).argsort()

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.body(inputs)[:, self.order]
        return logits * self.change.scale + self.change.shift


@dataclass(frozen=True)
class Verdict:
    """What an attack came to on one example.

    Attributes:
        fooled: whether it found a point that fools the model, within its budget.
        l2: how far that point is from the clean input.
        margin: of the true class there, in logits of the unchanged network.
    """

    fooled: bool
    l2: float
    margin: float


def verdicts(
    attack: Attack, source: Examples, n: int, change: Change = PLAIN, batch_size: int = 64
) -> dict[str, Verdict]:
    """The verdicts by name on the first n of the digits, labelled with what the network says, so that all are attacked.

    Whatever the order of the examples, the chunks that the core gives to libraries must hold the same ones: all.
    """
    network = Network(change).eval()
    rows: Sequence[int] = range(n)[::-1] if change.reversed else range(n)
    inputs = torch.as_tensor(source.columns["inputs"])[list(rows)]
    with torch.no_grad():
        labels = network(inputs).argmax(1)
    examples = Examples(
        [source.ids[row] for row in rows], {"inputs": inputs.numpy(), "labels": labels.numpy()}, facts=source.facts
    )
    done = Classify().run(network, examples, attack, Context(batch_size=batch_size, chunk=n))
    assert done.problems == (), done.problems
    of = done.records
    return {
        name: Verdict(bool(fooled), float(l2), float(margin) / change.scale)
        for name, fooled, l2, margin in zip(of["id"], of["success"], of["l2"], of["adversarial_margin"], strict=True)
    }


def differing(one: dict[str, Verdict], two: dict[str, Verdict], round_off: float = 1e-4) -> list[str]:
    """The examples whose verdicts differ, but for those of which either margin is round-off."""
    assert one.keys() == two.keys()
    return [
        name
        for name, verdict in one.items()
        if verdict.fooled != two[name].fooled and min(abs(verdict.margin), abs(two[name].margin)) > round_off
    ]
