"""Fitting a denoiser: Adam with a cosine learning rate, an average of the weights, conditions dropped at random."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
from torch import Tensor, nn

from harness.api import Context
from harness_generative.diffusion.losses import Weight, denoising_loss
from harness_generative.diffusion.schedules import NoiseLevels
from harness_generative.models.averaging import MovingAverage

_REPORT_EVERY = 25


class ConditionalDenoiser(Protocol):
    """D(x; sigma, conditions) for x `[n, ...]`, noise levels `[n]` and encoded conditions `[n, ...]` or None."""

    def __call__(self, x: Tensor, sigma: Tensor, conditions: Tensor | None) -> Tensor: ...


@dataclass(frozen=True)
class Training:
    """How a denoiser is trained.

    Attributes:
        noise_levels: at which noise levels.
        weight: how much an error at a noise level counts.
        steps: steps of the optimiser.
        batch: examples a step, drawn with replacement.
        learning_rate: the learning rate of Adam at the first step; falls to 0 along a cosine.
        label_drop: probability that a condition is replaced with the one that asks for nothing.
        ema: decay of the exponential moving average of the weights, which is what is kept.
    """

    noise_levels: NoiseLevels
    weight: Weight
    steps: int = 2500
    batch: int = 64
    learning_rate: float = 2e-3
    label_drop: float = 0.1
    ema: float = 0.999


def train_denoiser(
    network: nn.Module,
    denoise: ConditionalDenoiser,
    clean: Tensor,
    conditions: Tensor | None,
    drop: Callable[[Tensor, Tensor], Tensor],
    training: Training,
    ctx: Context,
) -> Sequence[float]:
    """Fit a network in place; leaves the averaged weights, in eval mode.

    Args:
        network: whose weights are fitted.
        denoise: the denoiser around it.
        clean: y of all examples `[n, ...]`, in the units of the denoiser, on the device.
        conditions: encoded, of all examples, on the device; None trains the unconditional denoiser only.
        drop: replaces conditions `[n, ...]` where a mask `[n]` is true.
        training: how.
        ctx: every draw comes from its generator "training", on the CPU.

    Returns:
        The mean loss of every 25 steps.
    """
    generator = ctx.generator("training")
    optimizer = torch.optim.Adam(network.parameters(), lr=training.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, training.steps)
    average = MovingAverage(network, training.ema)
    losses: list[float] = []
    recent = torch.zeros((), device=ctx.device)
    network.train()
    for step in range(1, training.steps + 1):
        rows = torch.randint(len(clean), (training.batch,), generator=generator)
        dropped = torch.rand(training.batch, generator=generator) < training.label_drop
        sigma = training.noise_levels.draw(training.batch, generator)
        noise = torch.randn(training.batch, *clean.shape[1:], generator=generator)
        rows, dropped, sigma, noise = (drawn.to(ctx.device) for drawn in (rows, dropped, sigma, noise))
        asked = None if conditions is None else drop(conditions[rows], dropped)
        optimizer.zero_grad()
        asking = partial(denoise, conditions=asked)
        loss = denoising_loss(asking, clean[rows], sigma, noise, training.weight)
        loss.backward()
        optimizer.step()
        schedule.step()
        average.update()
        recent += loss.detach()
        if step % _REPORT_EVERY == 0 or step == training.steps:
            losses.append(float(recent) / (step % _REPORT_EVERY or _REPORT_EVERY))
            recent.zero_()
            ctx.progress(step, training.steps)
    average.apply()
    network.eval()
    return losses
