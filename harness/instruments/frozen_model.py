"""A model that is measured must come out of it as it went in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from harness.contract.errors import InvalidOutput
from harness.instruments.seeding import state_digest


@contextmanager
def left_unchanged(model: object) -> Iterator[None]:
    """Eval mode and frozen parameters inside; afterwards modes and flags as before, and the same state, or an error.

    What is no torch module is left alone.

    Raises:
        InvalidOutput: parameters or buffers were changed.
    """
    if not isinstance(model, nn.Module):
        yield
        return
    modes = [(module, module.training) for module in model.modules()]
    flags = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    before = state_digest(model)
    model.eval().requires_grad_(False)
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
        for parameter, flag in flags:
            parameter.requires_grad_(flag)
    if state_digest(model) != before:
        raise InvalidOutput("the parameters or buffers of the model were changed while it was measured")
