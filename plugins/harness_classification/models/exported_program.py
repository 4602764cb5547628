"""A classifier as a program of `torch.export`: graph and weights in one file, with gradients."""

from __future__ import annotations

import hashlib
import io
import logging
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from harness.api import HarnessError, InvalidOutput, cause_of
from harness_classification.models.scores import Outputs, as_logits, check_shape, in_batches


class ExportedModel(nn.Module):
    """An exported program as a classifier.

    Args:
        program: takes one tensor and returns one, or a tuple or mapping that begins with it.
        outputs: what it returns.
        name: of the file, for messages.
    """

    def __init__(self, program: Any, outputs: Outputs, name: str) -> None:
        super().__init__()
        self.graph: Any = program.module()
        self._outputs, self._name = outputs, name
        self._shape = [length if isinstance(length, int) else None for length in _input_shape(program, name)]

    def train(self, mode: bool = True) -> ExportedModel:
        """Nothing: whether it trains was fixed when it was exported."""
        return self

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits `[n, classes]` of inputs `[n, ...]`. Raises InvalidOutput for another shape."""
        check_shape(self._shape, inputs, self._name)
        return in_batches(inputs, self._shape[0], self._answer)

    def _answer(self, inputs: Tensor) -> Tensor:
        try:
            returned = self.graph(inputs)
        except (AssertionError, RuntimeError) as error:
            raise InvalidOutput(
                f"{self._name} cannot take these inputs: {' '.join(str(error).split())[:200]}"
            ) from error
        while isinstance(returned, tuple | list | dict) and returned:
            returned = next(iter(returned.values())) if isinstance(returned, dict) else returned[0]
        if not isinstance(returned, Tensor):
            raise InvalidOutput(f"{self._name} returned a {type(returned).__name__}, not a tensor of scores")
        return as_logits(returned, self._outputs, inputs, self._name)


def exported_program(path: Path, sha256: str | None = None, outputs: Outputs = "logits") -> ExportedModel:
    """A classifier saved by `torch.export.save`, with gradients; it is a program, so its digest says that you trust it.

    Args:
        path: the .pt2 file. Loading one may run code that was put into it.
        sha256: the sha256 of the file, in hex: without it, or for another file, nothing is loaded.
        outputs: whether it returns logits or probabilities.

    Raises:
        HarnessError: the digest is missing or another, or the file cannot be used.
    """
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if sha256 is None:
        raise HarnessError(
            f"{path.name} is a program and may run code when it is loaded; if you trust it, say `sha256: {digest}`"
        )
    if digest != sha256.lower():
        raise HarnessError(f"{path.name} has sha256 {digest}, expected {sha256}; it is damaged or another file")
    quiet = logging.getLogger("torch.export")
    level = quiet.level
    quiet.setLevel(logging.CRITICAL)
    try:
        program = torch.export.load(io.BytesIO(content))
        return ExportedModel(program, outputs, path.name)
    except (RuntimeError, ValueError, KeyError, TypeError, AssertionError, EOFError, zipfile.BadZipFile) as error:
        cause = cause_of(error, 200)
        raise HarnessError(f"{path.name} cannot be read as a program of torch.export: {cause}") from error
    finally:
        quiet.setLevel(level)


def _input_shape(program: Any, name: str) -> list[Any]:
    """The shape of the one input; lengths that may be any are symbols. Raises HarnessError."""
    given = set(program.graph_signature.user_inputs)
    values = [n.meta.get("val") for n in program.graph.nodes if n.op == "placeholder" and n.name in given]
    if len(values) != 1 or not isinstance(values[0], Tensor) or not values[0].is_floating_point():
        raise HarnessError(f"{name} takes {len(values)} inputs; one floating-point tensor is needed")
    return list(values[0].shape)
