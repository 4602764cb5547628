"""Freezing a model while it is measured, and checking that it and what it is given have not changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from harness.contract.errors import InvalidOutput
from harness.instruments.checksums import checksum
from harness.instruments.object_state import ObjectState


@contextmanager
def left_unchanged(model: object, **given: Tensor) -> Iterator[None]:
    """Put a model into eval mode with frozen parameters inside; restore both, and check that its state is the same.

    Of an object that is no torch module only the tensors are checked.

    Args:
        model: the model.
        **given: tensors that must not change either, such as its inputs, by what messages call them.

    Raises:
        InvalidOutput: parameters, buffers or one of the tensors were changed.
    """
    modules = list(model.modules()) if isinstance(model, nn.Module) else []
    parameters = list(model.parameters()) if isinstance(model, nn.Module) else []
    modes = [(module, module.training) for module in modules]
    flags = [(parameter, parameter.requires_grad) for parameter in parameters]
    before = ObjectState.weights_of(model)
    if isinstance(model, nn.Module):
        model.eval().requires_grad_(False)
    try:
        with tensors_left_unchanged(**given):
            yield
    finally:
        for module, training in modes:
            module.training = training
        for parameter, flag in flags:
            parameter.requires_grad_(flag)
    if before.changes(ObjectState.weights_of(model)):
        raise InvalidOutput("the parameters or buffers of the model were changed while it was measured")


@contextmanager
def tensors_left_unchanged(**given: Tensor) -> Iterator[None]:
    """Check that tensors are the same after as before, such as the inputs of a model. Raises InvalidOutput."""
    contents = {name: checksum(tensor) for name, tensor in given.items()}
    yield
    for name, tensor in given.items():
        if checksum(tensor) != contents[name]:
            raise InvalidOutput(f"the {name} were changed in place while the model was measured")
