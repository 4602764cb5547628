"""The last linear layer of a network, and the features that it reads."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from harness.api import InvalidOutput, NotApplicable


class LastLayer:
    """The linear layer that outputs the logits, and the features that go into it.

    Args:
        model: a network whose logits come straight out of a linear layer.
        user: the method that needs it, for messages.

    Raises:
        NotApplicable: the model is no network with a linear layer.
    """

    def __init__(self, model: Any, user: str) -> None:
        linear = [m for m in model.modules() if isinstance(m, nn.Linear)] if isinstance(model, nn.Module) else []
        if not linear:
            raise NotApplicable(f"{user} needs a network that ends in a linear layer; this one has none")
        self._model, self.layer, self._user = model, linear[-1], user

    @property
    def shape(self) -> tuple[int, int]:
        """The number of classes and of features."""
        return self.layer.out_features, self.layer.in_features

    @property
    def weights(self) -> Tensor:
        """`[classes, features + 1]`, the bias last; 0 where the layer has none."""
        bias = self.layer.bias if self.layer.bias is not None else self.layer.weight.new_zeros(self.layer.out_features)
        return torch.cat([self.layer.weight, bias[:, None]], dim=1)

    def features(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Features `[n, features]` and logits `[n, classes]` of inputs.

        Raises:
            InvalidOutput: the logits are not what the layer returns.
        """
        seen: list[tuple[Tensor, Tensor]] = []
        handle = self.layer.register_forward_hook(lambda _, given, made: seen.append((given[0], made)))
        try:
            logits: Tensor = self._model(inputs)
        finally:
            handle.remove()
        if len(seen) != 1 or seen[0][0].dim() != 2 or not torch.equal(seen[0][1], logits):
            raise InvalidOutput(
                f"{self._user} needs a network whose logits come straight out of its last linear layer; something "
                "follows it. Wrap the network itself, and other wrappers around this one"
            )
        return seen[0][0], logits
