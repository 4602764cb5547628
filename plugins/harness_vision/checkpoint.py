"""Classifiers with trained weights: an architecture by name, its weights from a file, its normalisation."""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import torch
from annotated_types import Ge, Le
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from harness.api import Described, HarnessError, ImportPath, cause_of, import_named, is_trusted
from harness.api.instruments import check_finite_weights
from harness_vision import published_architectures
from harness_vision.published_accuracy import PublishedAccuracy
from harness_vision.weight_prefixes import FACT, wrapper_prefix

SHIPPED = published_architectures.__name__
"""Where an architecture is looked up that is named without a module."""
_MAX_NAMED = 4


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
    sha256: str | None = None,
    published_accuracy: Annotated[float, Ge(0), Le(1)] | None = None,
    published_n: Annotated[int, Ge(1)] | None = None,
) -> nn.Module:
    """A classifier with trained weights from a file; its architecture by name or import path.

    Args:
        architecture: the class or function that makes the network, as "package.module:attribute"; or the name alone
            of one that ships: CifarResNet, CnnA, LeNet5, ConvexMnist. Modules are looked up beside the suite, then
            among plugins; packages other than torch need `--allow-imports`.
        weights: a state dict, as .safetensors or as a file of torch.save; a file that would run code, such as a
            pickled module, is refused unless `--trust` names it.
        arguments: the arguments of the architecture.
        mean: per channel, subtracted from inputs in [0, 1]; by default nothing.
        std: per channel, divides them after that.
        entry: where the state dict stands if the file holds a mapping with more in it.
        sha256: the sha256 of the file, in hex; another file is refused.
        published_accuracy: on clean examples, for the aggregate `published_gap`.
        published_n: on how many examples.

    Raises:
        HarnessError: the architecture or the file cannot be used, they do not fit each other, or the normalisation is
            not in the units of the inputs.
    """
    try:
        content = weights.read_bytes()
    except OSError as error:
        raise HarnessError(f"{weights} cannot be read as weights: {error.strerror}") from error
    digest = hashlib.sha256(content).hexdigest()
    if sha256 is not None and digest != sha256.lower():
        raise HarnessError(f"{weights} has sha256 {digest}, expected {sha256}; it is damaged or another file")
    check_normalisation(mean or [0.0], std or [1.0])
    network = with_weights(
        _network(architecture, arguments or {}), content, weights.name, entry, trusted=is_trusted(weights)
    )
    model = network if mean is None and std is None else Normalised(network, mean or [0.0], std or [1.0])
    if model is not network and isinstance(network, Described):
        model.facts = network.facts  # type: ignore[assignment]
    if published_accuracy is not None:
        PublishedAccuracy(published_accuracy, published_n, source="the suite").note_on(model)
    return model


def check_normalisation(mean: list[float], std: list[float]) -> None:
    """Raise HarnessError if a normalisation is not in the units of inputs in [0, 1]."""
    if max(map(abs, (*mean, *std))) > 1:
        scaled = [
            f"{key}: [{', '.join(f'{value / 255:.4g}' for value in values)}]"
            for key, values in (("mean", mean), ("std", std))
        ]
        raise HarnessError(
            f"mean {mean} and std {std} are not in the units of the inputs, which lie in [0, 1]; of inputs in "
            f"[0, 255] they would be {', '.join(scaled)}"
        )
    if min(std) <= 0:
        raise HarnessError(f"std must be above 0, not {std}")


def with_weights(
    network: nn.Module, content: bytes, name: str, entry: str = "state_dict", *, trusted: bool = False
) -> nn.Module:
    """The network, given the weights of a file.

    A prefix of `torch.compile`, DataParallel or a training class before all names is taken off if they are then those
    of the network, and said in its facts.

    Args:
        network: given the weights in place.
        content: the content of the file.
        name: the name of the file; its ending says how to read it.
        entry: where the state dict stands if the file holds a mapping with more in it.
        trusted: whether the file may run code when it is loaded, as a pickled module does.

    Raises:
        HarnessError: the file cannot be used, does not fit the network, or holds weights that are not finite.
    """
    state = _state_dict(content, name, entry, trusted=trusted)
    prefix = wrapper_prefix(state, network.state_dict())
    weights = {key.removeprefix(prefix): tensor for key, tensor in state.items()}
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        message = _misfit(weights, network) or cause_of(error, 400)
        raise HarnessError(f"the weights in {name} do not fit {type(network).__name__}: {message}") from error
    check_finite_weights(network, name)
    if prefix:
        stated = network.facts if isinstance(network, Described) else {}
        network.facts = {**stated, FACT: prefix}  # type: ignore[assignment]
    return network


def _misfit(weights: Mapping[str, Tensor], network: nn.Module) -> str:
    """How the names and shapes of weights differ from those of a network, in words; empty if they do not."""
    wanted = network.state_dict()
    shapes = [
        f"{name} ({list(weights[name].shape)} in the file, {list(tensor.shape)} in the network)"
        for name, tensor in wanted.items()
        if name in weights and weights[name].shape != tensor.shape
    ]
    faults = {
        "Missing key(s)": [name for name in wanted if name not in weights],
        "Unexpected key(s)": [name for name in weights if name not in wanted],
        "size mismatch for": shapes,
    }
    return "; ".join(f"{fault} {_listed(names)}" for fault, names in faults.items() if names)


def _listed(names: list[str]) -> str:
    more = len(names) - _MAX_NAMED
    return ", ".join(names[:_MAX_NAMED]) + (f" and {more} more" if more > 0 else "")


def _network(architecture: str, arguments: Mapping[str, Any]) -> nn.Module:
    made_by = import_named(architecture, SHIPPED)
    try:
        network = made_by(**arguments)
    except (AttributeError, TypeError, ValueError) as error:
        raise HarnessError(
            f"the architecture {str(architecture)!r} cannot be made: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(network, nn.Module):
        raise HarnessError(f"the architecture {architecture!r} gives a {type(network).__name__}, not a torch module")
    return network


def _state_dict(content: bytes, name: str, entry: str, *, trusted: bool) -> Mapping[str, Tensor]:
    """The state dict in a file."""
    try:
        if name.endswith(".safetensors"):
            loaded: Any = load(content)
        else:
            loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=not trusted)
    except pickle.UnpicklingError as error:
        message = str(error).partition("\n")[0]
        raise HarnessError(
            f"{name} was refused: it holds more than tensors and might run code when loaded ({message[:200]}); "
            "save its state dict as .safetensors, or run with `--trust` and the path of the file if you trust it"
        ) from error
    except (SafetensorError, RuntimeError, EOFError, OSError) as error:
        raise HarnessError(f"{name} cannot be read as weights: {error}") from error
    if isinstance(loaded, nn.Module):
        return loaded.state_dict()
    if isinstance(loaded, Mapping) and entry in loaded and isinstance(loaded[entry], Mapping):
        loaded = loaded[entry]
    if not isinstance(loaded, Mapping) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise HarnessError(f"{name} holds no state dict; if it lies under a key, name it with `entry:`")
    return loaded
