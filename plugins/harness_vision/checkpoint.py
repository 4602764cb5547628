"""Published classifiers: an architecture by its import path, its weights from a file, its normalisation."""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from harness.api import HarnessError, ImportPath


class Normalised(nn.Module):
    """A network behind the normalisation of its inputs, so that attacks work in the units of the data.

    Args:
        network: maps normalised inputs to logits.
        mean, std: one value per channel, or one for all.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: list[float], std: list[float]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).reshape(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).reshape(1, -1, 1, 1))

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits of inputs `[n, channels, height, width]`."""
        logits: Tensor = self.network((inputs - self.mean) / self.std)
        return logits


def checkpoint(
    architecture: Annotated[str, ImportPath()],
    weights: Path,
    arguments: dict[str, Any] | None = None,
    mean: list[float] | None = None,
    std: list[float] | None = None,
    entry: str = "state_dict",
) -> nn.Module:
    """A classifier with published weights.

    Args:
        architecture: the class or function that makes the network, as "package.module:attribute".
        weights: a state dict, as .safetensors or as a file of torch.save; a file that would run code is refused.
        arguments: what the architecture is called with.
        mean: per channel, subtracted from inputs in [0, 1]; by default nothing.
        std: per channel, divides them after that.
        entry: where the state dict stands if the file holds a mapping with more in it.

    Raises:
        HarnessError: the architecture or the file cannot be used, or they do not fit each other.
    """
    network = _network(architecture, arguments or {})
    state = _state_dict(weights, entry)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        told = " ".join(str(error).split())
        raise HarnessError(f"the weights in {weights.name} do not fit {architecture}: {told[:400]}") from error
    if mean is None and std is None:
        return network
    return Normalised(network, mean or [0.0], std or [1.0])


def _network(architecture: str, arguments: Mapping[str, Any]) -> nn.Module:
    module, _, attribute = architecture.partition(":")
    try:
        network = getattr(importlib.import_module(module), attribute)(**arguments)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise HarnessError(
            f"the architecture {architecture!r} cannot be made: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(network, nn.Module):
        raise HarnessError(f"the architecture {architecture!r} gives a {type(network).__name__}, not a torch module")
    return network


def _state_dict(path: Path, entry: str) -> Mapping[str, Tensor]:
    """The state dict in a file, without the prefix that DataParallel puts before every name."""
    try:
        if path.suffix == ".safetensors":
            loaded: Any = load_file(path)
        else:
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        told = str(error).partition("\n")[0]
        raise HarnessError(
            f"{path.name} was refused: it holds more than tensors and might run code when loaded ({told[:200]}); "
            "save its state dict as .safetensors"
        ) from error
    except (SafetensorError, RuntimeError, EOFError, OSError) as error:
        raise HarnessError(f"{path.name} cannot be read as weights: {error}") from error
    if isinstance(loaded, Mapping) and entry in loaded and isinstance(loaded[entry], Mapping):
        loaded = loaded[entry]
    if not isinstance(loaded, Mapping) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise HarnessError(f"{path.name} holds no state dict; if it lies under a key, name it with `entry:`")
    prefixed = all(name.startswith("module.") for name in loaded)
    return {name.removeprefix("module.") if prefixed else name: tensor for name, tensor in loaded.items()}
