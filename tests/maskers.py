"""Models that hide their gradients, or their weakness, from attacks, all made from the shipped digits networks.

Most predict what the standard network predicts; those in `OTHER_DECISIONS` need an adaptive attack to know the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness_vision.digits import digits
from harness_vision.shipped_digits import shipped_digits

Forward = Callable[[nn.Module, Tensor], Any]


class Masked(nn.Module):
    """The standard network behind a trick."""

    def __init__(self, trick: Forward) -> None:
        super().__init__()
        self.net, self.trick = shipped_digits("standard").eval(), trick

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.as_tensor(self.trick(self.net, inputs))


class _Backward(torch.autograd.Function):
    """The identity, whose gradient a function changes."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.change = change
        return inputs.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.change(gradient), None


def _gradient(change: Callable[[Tensor], Tensor]) -> Forward:
    return lambda net, x: net(_Backward.apply(x, change))  # type: ignore[no-untyped-call]


def _decoy(other: Callable[[Tensor], Any]) -> Forward:
    return lambda net, x: net(x.detach()) + other(x) - other(x).detach()


def _waves(x: Tensor) -> Tensor:
    return (x.flatten(1).cumsum(dim=1) * 7).sin()[:, :10]


@cache
def _other(which: Any) -> nn.Module:
    return shipped_digits(which).eval().requires_grad_(False)


@cache
def _mixing(seed: int) -> Tensor:
    return torch.randn(64, 10, generator=torch.Generator().manual_seed(seed))


def _ripple(frequency: float, height: float) -> Forward:
    return lambda net, x: net(x) + height * (frequency * x.flatten(1) @ _mixing(0)).sin()


def _rounded(x: Tensor, levels: int) -> Tensor:
    return (x * levels).round() / levels


def _straight_through(net: nn.Module, x: Tensor) -> Any:
    return net(x + (_rounded(x, 8) - x).detach())


def _thermometer(net: nn.Module, x: Tensor) -> Any:
    return net(torch.stack([(x > (i + 0.5) / 10).float() for i in range(10)]).mean(dim=0) + 0 * x)


def _jpeg(net: nn.Module, x: Tensor) -> Any:
    k = torch.arange(8.0)
    dct = ((2 * k + 1) * k[:, None] * torch.pi / 16).cos() * torch.where(k[:, None] == 0, 0.125**0.5, 0.5)
    return net((dct.T @ ((dct @ x @ dct.T) * 4).round() / 4 @ dct).clamp(0, 1))


def _k_winners(net: nn.Module, x: Tensor) -> Any:
    for layer in net:  # type: ignore[attr-defined]
        x = layer(x)
        if isinstance(layer, nn.ReLU):
            flat = x.flatten(1)
            least = flat.topk(max(1, flat.shape[1] // 5), dim=1).values[:, -1:]
            x = (flat * (flat >= least)).reshape(x.shape)
    return x


def _random_resize(net: nn.Module, x: Tensor) -> Any:
    size = int(torch.randint(6, 8, ()))
    small = functional.interpolate(x, size=size, mode="bilinear")
    return net(functional.interpolate(small, size=8, mode="bilinear"))


def _squeezed(net: nn.Module, x: Tensor) -> Any:
    return net(_rounded(functional.avg_pool2d(x, 3, 1, 1) * 0.3 + x * 0.7, 8))


def _cheats_gradients(net: nn.Module, x: Tensor) -> Any:
    return net(1 - x) + 20 * net(x).detach() * 0 if x.requires_grad else net(x)


def _cheats_grad_mode(net: nn.Module, x: Tensor) -> Any:
    return net(x.flip(-1)) if torch.is_grad_enabled() else net(x)


@cache
def _known_inputs() -> tuple[Tensor, Tensor]:
    data = digits("test")
    return torch.as_tensor(data.columns["inputs"]).flatten(1), torch.as_tensor(data.columns["labels"])


def _looks_up(net: nn.Module, x: Tensor) -> Any:
    """Answers near inputs that it knows by heart, as they are labelled."""
    known, labels = _known_inputs()
    far, nearest = torch.cdist(x.flatten(1).detach(), known, p=float("inf")).min(dim=1)
    by_heart = functional.one_hot(labels[nearest], 10) * 50.0
    return torch.where((far < 0.02)[:, None], by_heart, net(x))


def _detector(net: nn.Module, x: Tensor) -> Any:
    """Takes inputs off the grid of 16 grey values for attacks, and answers for the nearest point of the grid."""
    grid = _rounded(x.detach(), 16)
    off = ((x - grid).abs() > 1e-4).flatten(1).any(dim=1)
    return torch.where(off[:, None], net(grid) * 1.5 + 0 * net(x), net(x))


def _one_of_three(net: nn.Module, x: Tensor) -> Any:
    which = int(torch.randint(3, ()))
    return net(x) if which == 0 else _other("hardened" if which == 1 else "linear")(x) * 0.5 + net(x)


def _smooth_labels(net: nn.Module, x: Tensor) -> Any:
    return 5 * (net(x) / 5).tanh()


def _noise_of_a_seed(net: nn.Module, x: Tensor) -> Any:
    return net(x + 0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0)))


def _noise_of_input(net: nn.Module, x: Tensor) -> Any:
    """Noise that the input itself seeds: random, but the same for the same input."""
    seeds = (x.flatten(1).double() * 1e6).sum(dim=1).long().tolist()
    noise = torch.stack([torch.randn(x.shape[1:], generator=torch.Generator().manual_seed(s % 2**31)) for s in seeds])
    return net(x + 0.05 * noise)


def _batch_statistics(net: nn.Module, x: Tensor) -> Any:
    return net((x - x.mean(dim=0, keepdim=True).detach() * 0.2).clamp(0, 1))


SAME_DECISIONS: Mapping[str, Forward] = {
    "decoy: waves": _decoy(_waves),
    "decoy: linear network": _decoy(lambda x: _other("linear")(x)),
    "decoy: hardened network of other inputs": _decoy(lambda x: _other("hardened")(1 - x) * 10),
    "shattered: 1e5": _ripple(1e5, 1e-2),
    "shattered: 1e3": _ripple(1e3, 0.1),
    "shattered: 1e7": _ripple(1e7, 1e-3),
    "logits x 1e-30": lambda net, x: net(x) * 1e-30,
    "logits x 1e-4": lambda net, x: net(x) * 1e-4,
    "logits x 0.1": lambda net, x: net(x) * 0.1,
    "logits x 10": lambda net, x: net(x) * 10,
    "logits x 1e4": lambda net, x: net(x) * 1e4,
    "logits x 1e8": lambda net, x: net(x) * 1e8,
    "sharp probabilities": lambda net, x: (net(x) * 1e3).softmax(dim=1),
    "probabilities": lambda net, x: net(x).softmax(dim=1),
    "log probabilities": lambda net, x: net(x).log_softmax(dim=1),
    "gradient: noise": _gradient(lambda g: torch.randn_like(g)),
    "gradient: other sign": _gradient(lambda g: -g),
    "gradient: other sign by pixel": _gradient(lambda g: g * _mixing(1)[:, 0].sign().reshape(1, 1, 8, 8)),
    "gradient: turned": _gradient(lambda g: g.flip(-1)),
    "gradient: clipped to the small": _gradient(lambda g: torch.where(g.abs() < 0.01, g, 0)),
    "gradient: sign and noise": _gradient(lambda g: g.sign() + 3 * torch.randn_like(g)),
    "gradient: none": lambda net, x: net(x.detach()) + 0 * x.flatten(1)[:, :1],
    "gradient: exploding": _gradient(lambda g: g * 1e20),
    "saturated tanh": lambda net, x: (net(x) * 1e3).tanh() * 5 + net(x).detach() * 1e-3,
    "rounded logits": lambda net, x: (net(x) * 100).round() / 100 + 0 * x.flatten(1)[:, :1],
    "half precision": lambda net, x: net(x).half().float(),
    "one hot": lambda net, x: functional.one_hot(net(x).argmax(dim=1), 10) * 10.0 + 0 * x.flatten(1)[:, :1],
    "smooth labels": _smooth_labels,
    "cheats where gradients are asked": _cheats_gradients,
    "cheats in gradient mode": _cheats_grad_mode,
}
OTHER_DECISIONS: Mapping[str, Forward] = {
    "rounded inputs": lambda net, x: net(_rounded(x, 8)),
    "straight through rounding": _straight_through,
    "thermometer": _thermometer,
    "jpeg": _jpeg,
    "k winners": _k_winners,
    "random resize": _random_resize,
    "squeezed": _squeezed,
    "looks up what it knows": _looks_up,
    "detector": _detector,
    "one of three at random": _one_of_three,
    "dropout": lambda net, x: net(functional.dropout(x, 0.2)),
    "noise": lambda net, x: net(x + 0.1 * torch.randn_like(x)),
    "noise of a fixed seed": _noise_of_a_seed,
    "noise of the input": _noise_of_input,
    "batch statistics": _batch_statistics,
}
MASKERS: Mapping[str, Forward] = {**SAME_DECISIONS, **OTHER_DECISIONS}
