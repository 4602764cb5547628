"""The passes that an attack makes, noted once and made again with nothing around them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy


@dataclass
class Pass:
    """One call of a network: how many inputs it was given, and how often a gradient was taken through it."""

    size: int
    differentiable: bool
    gradients: int = 0


class Noted(nn.Module):
    """A network that notes the passes made through it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.passes: list[Pass] = []

    def forward(self, inputs: Tensor) -> Tensor:
        noted = Pass(len(inputs), torch.is_grad_enabled() and inputs.requires_grad)
        self.passes.append(noted)
        logits: Tensor = self.network(inputs)
        if noted.differentiable:

            def took(gradient: Tensor) -> None:
                noted.gradients += 1

            logits.register_hook(took)
        return logits


def passes_of(network: nn.Module, attack: Callable[[nn.Module], object]) -> list[Pass]:
    """The passes that an attack makes through a network."""
    noted = Noted(network)
    attack(noted)
    return noted.passes


def bare(network: nn.Module, inputs: Tensor, labels: Tensor, passes: list[Pass]) -> None:
    """The same forwards and backwards on batches of the same sizes, and nothing else."""
    repeats = -(-max(one.size for one in passes) // len(inputs))
    inputs, labels = torch.cat([inputs] * repeats), torch.cat([labels] * repeats)
    for one in passes:
        if not one.differentiable:
            with torch.inference_mode():
                network(inputs[: one.size])
            continue
        given = inputs[: one.size].clone().requires_grad_(True)
        loss = cross_entropy(network(given), labels[: one.size], reduction="sum")
        for left in reversed(range(one.gradients)):
            torch.autograd.grad(loss, given, retain_graph=left > 0)


def ratio(ours: Callable[[], object], bare: Callable[[], object], pairs: int) -> float:
    """The median over pairs of the ratio of their CPU times, each pair back to back and in turn the other way round.

    CPU time, since it hardly changes with what else the machine does.
    """
    found = []
    for pair in range(pairs):
        seconds = {}
        for timed in (ours, bare) if pair % 2 else (bare, ours):
            clock = time.process_time()
            timed()
            seconds[timed] = time.process_time() - clock
        found.append(seconds[ours] / seconds[bare])
    return statistics.median(found)
