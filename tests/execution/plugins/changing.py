"""A plugin of models that change what they wrap, and of a task that tells what a model answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from harness.api import Component, ComponentOf, Context, Dataset, Estimate, Outcome, Records, hookimpl
from harness.api.statistics import mean


@hookimpl
def harness_components() -> Iterable[Component]:
    return [
        Component("task", "ask", f"{__name__}:Ask", "Asks a model."),
        Component("attack", "borrowing", f"{__name__}:Borrowing", "Has a surrogate, and fits it further."),
        Component("dataset", "views", f"{__name__}:Views", "Gives views of its own array."),
        Component("metric", "mean_answer", f"{__name__}:MeanAnswer", "The mean answer."),
        Component("model", "plain", f"{__name__}:Plain", "A linear model."),
        Component("model", "wrapped", f"{__name__}:Wrapped", "A linear model and what was done to it."),
        Component("model", "tuned", f"{__name__}:Tuned", "A linear model that is fitted further."),
        Component("model", "writing", f"{__name__}:Writing", "A linear model that writes into its inputs."),
        Component("model", "all", f"{__name__}:All", "Several models."),
        Component("model", "passed", f"{__name__}:passed", "The model that it is given."),
    ]


class Views:
    """Gives views of its own array.

    Args:
        split: which part.
    """

    def __init__(self, split: str = "test") -> None:
        self.ids = [f"{split}-{i}" for i in range(4)]
        self.groups: Any = {}
        self.facts: Any = {}
        self._inputs = np.arange(8, dtype=np.float32).reshape(4, 2)

    def take(self, indices: Any) -> Any:
        return {"inputs": self._inputs[indices.start : indices.stop] if isinstance(indices, range) else self._inputs}


class Plain(nn.Module):
    """A linear model."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 2, bias=False)
        self.register_buffer("scale", torch.ones(()))
        self.asked = 0

    def forward(self, inputs: Tensor) -> Tensor:
        return self.linear(inputs.to(self.linear.weight.dtype)) * self.scale  # type: ignore[no-any-return]


class Wrapped(nn.Module):
    """A linear model and what was done to it.

    Args:
        model: the model.
        how: what is done.
    """

    def __init__(self, model: Annotated[Any, ComponentOf("model")], how: str) -> None:
        super().__init__()
        CHANGES[how](model)
        self.model = model

    def forward(self, inputs: Tensor) -> Tensor:
        return self.model(inputs)  # type: ignore[no-any-return]


class Tuned(Wrapped):
    """A linear model that is fitted further.

    Args:
        model: the model.
    """

    def __init__(self, model: Annotated[Any, ComponentOf("model")]) -> None:
        super().__init__(model, "nothing")

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Move all weights, and spoil the data."""
        part = data("train").take(range(4))["inputs"]
        with torch.no_grad():
            self.model.linear.weight += float(part.sum())
        part += 1


def passed(model: Annotated[Any, ComponentOf("model")]) -> Any:
    """The model that it is given.

    Args:
        model: the model.
    """
    return model


class Writing(Plain):
    """A linear model that writes into its inputs."""

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs.data.mul_(2))


class All(nn.Module):
    """Several models.

    Args:
        models: whose answers are added up.
    """

    def __init__(self, models: Any) -> None:
        super().__init__()
        self.models = nn.ModuleList(models.values())

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.stack([model(inputs) for model in self.models]).sum(dim=0)


class Borrowing:
    """Has a surrogate, and fits it further.

    Args:
        surrogate: another model.
        number: tells one from another.
    """

    def __init__(self, surrogate: Annotated[Any, ComponentOf("model")], number: int = 0) -> None:
        self.surrogate = surrogate

    def perturb(self, model: Any) -> None:
        """Change the surrogate."""
        prune(self.surrogate)


def prune(model: Any) -> None:
    model.linear.weight.data[0] = 0


def replace_forward(model: Any) -> None:
    model.forward = lambda inputs: -Plain.forward(model, inputs)


def parametrize(model: Any) -> None:
    class Doubled(nn.Module):
        def forward(self, weight: Tensor) -> Tensor:
            return 2 * weight

    nn.utils.parametrize.register_parametrization(model.linear, "weight", Doubled())


def adapt(model: Any) -> None:
    """Put a low-rank adapter in the place of the layer, which stays inside it."""
    low = nn.Linear(2, 2, bias=False)
    inner = model.linear
    model.linear = nn.Sequential(inner, low)
    model.linear.weight = inner.weight


CHANGES: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda model: None,
    "prune": prune,
    "half": lambda model: model.half(),
    "buffer": lambda model: model.scale.fill_(3),
    "new buffer": lambda model: model.register_buffer("scale", torch.tensor(3.0)),
    "forward": replace_forward,
    "hook": lambda model: model.register_forward_hook(lambda _, inputs, output: output + 1),
    "inner hook": lambda model: model.linear.register_forward_pre_hook(lambda _, inputs: (inputs[0] + 1,)),
    "parametrization": parametrize,
    "spectral norm": lambda model: nn.utils.parametrizations.spectral_norm(model.linear),
    "old weight norm": lambda model: setattr(nn.utils.weight_norm(model.linear).weight_g, "data", torch.ones(2, 1)),
    "adapter": adapt,
    "quantise": lambda model: model.linear.weight.data.copy_((model.linear.weight.data * 4).round() / 4),
    "new parameter": lambda model: setattr(model.linear, "weight", nn.Parameter(torch.eye(2))),
    "class": lambda model: setattr(
        model, "__class__", type("Other", (Plain,), {"forward": lambda *_: torch.ones(4, 2)})
    ),
    "class of a layer": lambda model: setattr(model.linear, "__class__", nn.Identity),
}


class Attacking(Protocol):
    """Does something with a model."""

    def perturb(self, model: Any) -> None: ...


class MeanAnswer:
    """The mean of the first answers."""

    columns = ("answer",)
    direction = "none"
    unit = ""

    def estimate(self, records: Records) -> Estimate:
        return mean(records["answer"][:, 0])


class Ask:
    """Asks a model.

    Args:
        how: what is done to it beforehand.
    """

    def __init__(self, how: str = "nothing") -> None:
        self._how = how

    def run(self, model: Any, data: Dataset, attack: Attacking | None = None, *, ctx: Context) -> Outcome:
        CHANGES[self._how](model)
        if attack is not None:
            attack.perturb(model)
        inputs = torch.as_tensor(data.take(range(len(data.ids)))["inputs"])
        with torch.no_grad():
            answers = model(inputs).float().numpy()
        return Outcome({"id": list(data.ids), "answer": answers})
