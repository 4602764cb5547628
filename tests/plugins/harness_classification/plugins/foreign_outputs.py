"""A plugin with one linear network whose output takes every form that classifiers of others have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from harness.api import Component, Dataset, hookimpl
from harness_vision.digits import digits


class Network(nn.Module):
    """Logits of digits, by the mean image of each class."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form
        columns = digits("train").take(range(500))
        images = torch.as_tensor(columns["inputs"]).float().flatten(1)
        labels = torch.as_tensor(columns["labels"])
        means = torch.stack([images[labels == digit].mean(dim=0) for digit in range(10)])
        self.linear = nn.Linear(64, 10)
        self.linear.weight.data = means
        self.linear.bias.data = -means.square().sum(dim=1) / 2
        if form in ("float64", "bfloat16"):
            self.to(getattr(torch, form))

    def forward(self, inputs: Tensor) -> Any:
        """The logits in the form asked for."""
        if self.form == "no_grad":
            with torch.no_grad():
                return self.linear(inputs.flatten(1))
        z = self.linear(inputs.flatten(1))
        return {
            "tuple": lambda: (z, None),
            "dict": lambda: {"loss": None, "logits": z},
            "four_dims": lambda: z[:, :, None, None],
            "numpy": lambda: z.detach().numpy() if not z.requires_grad else z.numpy(),
            "softmax": lambda: z.softmax(dim=1),
            "sigmoid": lambda: (8 * (z - z.amax(dim=1, keepdim=True)) + 3).sigmoid(),
            "log_softmax": lambda: z.log_softmax(dim=1),
            "wide": lambda: torch.cat([z, z], dim=1),
            "whole": lambda: z.argmax(dim=1),
            "list": lambda: z.tolist(),
        }.get(self.form, lambda: z)()


def foreign(form: str) -> nn.Module:
    """A network with outputs of this form."""
    return Network(form)


class Parity:
    """Digits as even and odd, so that there are two classes."""

    def __init__(self) -> None:
        self.facts = {"classes": ("even", "odd")}
        self.groups: dict[str, list[Any]] = {}
        self._digits: Dataset = digits("test")
        self.ids = self._digits.ids[:60]

    def take(self, indices: Any) -> dict[str, Any]:
        """Inputs and labels."""
        columns = dict(self._digits.take(indices))
        return {"inputs": columns["inputs"], "labels": torch.as_tensor(columns["labels"]) % 2}


class OneLogit(nn.Module):
    """How odd a digit is, as one number, or as the logits of both classes."""

    def __init__(self, both: bool = False) -> None:
        super().__init__()
        self.both, self.network = both, Network("plain")

    def forward(self, inputs: Tensor) -> Tensor:
        """`[n, 1]`, or `[n, 2]`."""
        z = self.network(inputs)
        odd = (z[:, 1::2].logsumexp(dim=1) - z[:, ::2].logsumexp(dim=1))[:, None]
        return torch.cat([torch.zeros_like(odd), odd], dim=1) if self.both else odd


@hookimpl
def harness_components() -> Iterable[Component]:
    """The network, and a dataset and a network of two classes."""
    return [
        Component("model", "foreign", "foreign_outputs:foreign", "Outputs of many forms."),
        Component("model", "one_logit", "foreign_outputs:OneLogit", "One logit of two classes."),
        Component("dataset", "even_digits", "foreign_outputs:Parity", "Even and odd digits."),
    ]
