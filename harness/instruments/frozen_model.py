"""Freezing a model while it is measured, and checking that it has not changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from harness.contract.errors import InvalidOutput
from harness.instruments.seeding import state_digest


@contextmanager
def left_unchanged(model: object) -> Iterator[None]:
    """Put a model into eval mode with frozen parameters inside; restore both, and check that its state is the same.

    An object that is no torch module is left alone.

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
