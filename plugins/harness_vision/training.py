"""Training recipes for small image classifiers: standard, adversarial (Madry 2018) and with noise."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from harness.api import Context, Dataset
from harness.api.instruments import column_tensor, whole_labels

Recipe = Literal["standard", "adversarial", "noise"]

_BATCH = 64
_PEAK_LEARNING_RATE = 3e-3
_INNER_STEPS = 5
_WARM_UP = 0.3


def train(model: nn.Module, data: Dataset, recipe: Recipe, *, eps: float, epochs: int, ctx: Context) -> None:
    """Fit a classifier with Adam and a one-cycle learning rate; leaves it in eval mode.

    Args:
        model: maps inputs in [0, 1] to logits; trained in place.
        data: columns `inputs` `[n, ...]` and `labels` `[n]`.
        recipe: what is done to each batch before the gradient step.
        eps: L-infinity budget of the adversary, or standard deviation of the noise. Grows from 0 over the first
            part of training, without which adversarial training of a small network may not start.
        epochs: passes over the data.
        ctx: every draw comes from its generators.
    """
    columns = data.take(range(len(data.ids)))
    inputs = column_tensor(columns["inputs"], "inputs").to(ctx.device)
    labels = whole_labels(columns["labels"]).to(ctx.device)
    batches = -(-len(inputs) // _BATCH)
    optimizer = torch.optim.Adam(model.parameters(), lr=_PEAK_LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _PEAK_LEARNING_RATE, total_steps=epochs * batches)
    generator = ctx.generator("training")
    for epoch in range(epochs):
        budget = eps * min(1.0, (epoch + 1) / (epochs * _WARM_UP))
        for rows in torch.randperm(len(inputs), generator=generator).to(ctx.device).split(_BATCH):
            batch, truth = inputs[rows], labels[rows]
            noise = torch.randn(batch.shape, generator=generator).to(ctx.device)
            if recipe == "adversarial":
                batch = _strongest(model, batch, truth, budget, noise.clamp(-1, 1))
            elif recipe == "noise":
                batch = (batch + budget * noise).clamp(0, 1)
            model.train()
            optimizer.zero_grad()
            cross_entropy(model(batch), truth).backward()
            optimizer.step()
            schedule.step()
        ctx.progress(epoch + 1, epochs)
    model.eval()


def _strongest(model: nn.Module, inputs: Tensor, labels: Tensor, eps: float, start: Tensor) -> Tensor:
    """The inner maximisation of adversarial training: a few steps of PGD, Madry 2018, equation 2.1."""
    model.eval()
    step = 2.5 * eps / _INNER_STEPS
    perturbed = (inputs + eps * start).clamp(0, 1)
    for _ in range(_INNER_STEPS):
        perturbed.requires_grad_(True)
        loss = cross_entropy(model(perturbed), labels, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, perturbed)
        moved = perturbed.detach() + step * gradient.sign()
        perturbed = (inputs + (moved - inputs).clamp(-eps, eps)).clamp(0, 1)
    return perturbed
