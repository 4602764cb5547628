"""Training that takes groups into account: weights, balanced batches, and the worst group's loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from harness.api import Context, Dataset, InvalidOutput, group_columns, joined_name

Mitigation = Literal["none", "reweighting", "balanced_sampling", "group_dro"]
Weighting = Literal["none", "reweighting", "balanced_sampling"]
LABEL = "label"
_BATCH = 64


@dataclass(frozen=True)
class TrainingGroups:
    """Which group each training example belongs to.

    Attributes:
        members: the names of the groups that occur.
        of_row: `[n]`, int64.
    """

    members: tuple[str, ...]
    of_row: Tensor

    @classmethod
    def of(cls, data: Dataset, name: str | None, mitigation: Mitigation) -> TrainingGroups:
        """The groups of a column of the data, or of several joined by `*`; `label` among them is the class.

        Raises:
            InvalidOutput: there is no such column, or values are missing.
        """
        n = len(data.ids)
        if mitigation == "none":
            return cls(("all",), torch.zeros(n, dtype=torch.long))
        if not name:
            columns = ", ".join(data.groups) or "none"
            raise InvalidOutput(f"mitigation {mitigation!r} needs a `group:`; the data have {columns}, and {LABEL!r}")
        values = [_values(data, part) for part in group_columns(name, list(data.groups))]
        names = [joined_name(parts) for parts in zip(*values, strict=True)]
        members = tuple(sorted(set(names)))
        index = {member: i for i, member in enumerate(members)}
        return cls(members, torch.tensor([index[name] for name in names]))

    @property
    def weights(self) -> Tensor:
        """`[n]`, mean 1: every group weighs the same in total."""
        sizes = torch.bincount(self.of_row, minlength=len(self.members)).double()
        return (len(self.of_row) / (len(self.members) * sizes))[self.of_row]

    def balanced(self, n: int, generator: torch.Generator) -> Tensor:
        """Rows `[n]` drawn with replacement, every group as often as every other."""
        return torch.multinomial(self.weights, n, replacement=True, generator=generator)


def _values(data: Dataset, name: str) -> list[str]:
    if name == LABEL and LABEL not in data.groups:
        labels = data.take(range(len(data.ids))).get("labels")
        if labels is None:
            raise InvalidOutput(f"the data have no labels to group by; their groups are {', '.join(data.groups)}")
        return [str(int(label)) for label in labels]
    if name not in data.groups:
        columns = ", ".join(data.groups) or "none"
        raise InvalidOutput(f"the training data have no group column {name!r}; they have {columns}")
    column = list(data.groups[name])
    if any(value is None or value != value for value in column):
        raise InvalidOutput(f"training examples have no value of the group {name!r}; give them one, such as 'unknown'")
    return [str(value) for value in column]


class GroupLosses:
    """Combines the losses of a batch into the number that is minimised.

    Group DRO (Sagawa, Koh, Hashimoto & Liang 2020, algorithm 1) gives each group a weight q that grows with its loss,
    q_g <- q_g exp(step_size * loss_g), so that the worst group's loss is what is minimised in the end.

    Args:
        groups: the groups of the training examples.
        mitigation: how groups count.
        step_size: eta_q of the paper.
        device: where losses are.
    """

    def __init__(self, groups: TrainingGroups, mitigation: Mitigation, step_size: float, device: str) -> None:
        self._mitigation, self._step_size = mitigation, step_size
        self._weights = groups.weights.float().to(device)
        self._of_row = groups.of_row.to(device)
        self.q = torch.full((len(groups.members),), 1 / len(groups.members), device=device)

    def combine(self, losses: Tensor, rows: Tensor) -> Tensor:
        """The loss of a batch, of the losses `[m]` of these rows `[m]`."""
        if self._mitigation == "reweighting":
            return (losses * self._weights[rows]).mean()
        if self._mitigation != "group_dro":
            return losses.mean()
        group = self._of_row[rows]
        sums = torch.zeros_like(self.q).index_add(0, group, losses)
        counts = torch.zeros_like(self.q).index_add(0, group, torch.ones_like(losses))
        of_group = sums / counts.clamp(min=1)
        with torch.no_grad():
            self.q = self.q * torch.exp(self._step_size * of_group)
            self.q = self.q / self.q.sum()
        return (self.q * of_group).sum()


def train(
    network: nn.Module,
    inputs: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor],
    groups: TrainingGroups,
    mitigation: Mitigation,
    *,
    epochs: int,
    learning_rate: float,
    weight_decay: float,
    step_size: float,
    ctx: Context,
) -> GroupLosses:
    """Fit a network by Adam with a one-cycle learning rate; leaves it in eval mode.

    Args:
        network: trained in place.
        inputs: `[n, ...]` on the device.
        loss: outputs and the rows `[m]` they belong to, to losses `[m]`.
        groups: the groups of the examples.
        mitigation: balanced sampling and group DRO draw batches with every group alike.
        epochs: passes over as many examples as there are.
        learning_rate: the largest.
        weight_decay: the weight decay of AdamW.
        step_size: the step size of group DRO.
        ctx: every draw comes from its generators.
    """
    generator = ctx.generator("training")
    batches = -(-len(inputs) // _BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=epochs * batches)
    losses = GroupLosses(groups, mitigation, step_size, ctx.device)
    network.train()
    for epoch in range(epochs):
        for rows in _batches(groups, mitigation, generator):
            rows = rows.to(ctx.device)
            optimizer.zero_grad()
            losses.combine(loss(network(inputs[rows]), rows), rows).backward()
            optimizer.step()
            schedule.step()
        ctx.progress(epoch + 1, epochs)
    network.eval()
    return losses


def _batches(groups: TrainingGroups, mitigation: Mitigation, generator: torch.Generator) -> Iterator[Tensor]:
    n = len(groups.of_row)
    if mitigation in ("balanced_sampling", "group_dro"):
        yield from groups.balanced(n, generator).split(_BATCH)
    else:
        yield from torch.randperm(n, generator=generator).split(_BATCH)


def sample_weights(
    groups: TrainingGroups, mitigation: Weighting, ctx: Context
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Weights `[n]` for a learner that takes them: group weights, or how often a balanced sample drew each row."""
    n = len(groups.of_row)
    if mitigation == "reweighting":
        return np.asarray(groups.weights.numpy(), dtype=np.float64)
    if mitigation == "balanced_sampling":
        drawn = groups.balanced(n, ctx.generator("balanced sample"))
        return np.bincount(drawn.numpy(), minlength=n).astype(np.float64)
    return np.ones(n)
