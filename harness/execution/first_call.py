"""The first call that a task makes of a model, cut down to one example, so that it can be counted afterwards."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial, wraps
from types import MethodType
from typing import Any

from harness.instruments.late_torch import is_module, is_tensor
from harness.isolation import isolated

# How tasks call what is no classifier, in the protocols of `harness.api`.
_METHODS = ("predict", "denoise", "generate", "states", "extend")


@dataclass(frozen=True)
class ModelCall:
    """A call of a model on one example.

    Attributes:
        name: "forward" for a call of the model itself, else the method, such as "predict".
        inputs, named: what it was called with; of tensors with a row for each example the first row.
    """

    name: str
    inputs: tuple[Any, ...]
    named: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of its tensors."""
        return tuple(tuple(value.shape) for value in (*self.inputs, *self.named.values()) if is_tensor(value))

    def __str__(self) -> str:
        return f"{self.name} of {list(self.shapes[0])}" if self.shapes else self.name

    def repeat(self, model: Any) -> Any:
        """Make the call again. A language model also gives the logits after every token."""
        if self.name == "forward":
            return model(*self.inputs, **self.named)
        result = getattr(model, self.name)(*self.inputs, **self.named)
        return model.logits(result.flatten(0, 1)) if self.name == "states" else result


@contextmanager
def first_call(model: object) -> Iterator[list[ModelCall]]:
    """Yield a list that gets the first call of a model inside; it stays empty if none can be seen.

    The model computes what it would compute otherwise, and is as before afterwards. A call of an object that is no
    torch module cannot be seen, calls of the methods of `harness.api` can.
    """
    calls: list[ModelCall] = []
    undo: list[Callable[[], Any]] = []

    def note(name: str, inputs: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        if not calls:
            cut = isolated(lambda: _of_one_example(name, inputs, named))
            calls.extend([cut] if isinstance(cut, ModelCall) else [])

    # Whatever a model is made of, it must not fail since it is watched.
    isolated(lambda: _watch(model, note, undo))
    try:
        yield calls
    finally:
        for restore in reversed(undo):
            isolated(restore)


Note = Callable[[str, tuple[Any, ...], Mapping[str, Any]], None]


def _watch(model: Any, note: Note, undo: list[Callable[[], Any]]) -> None:
    if is_module(model):
        compiled = model._compiled_call_impl
        if compiled is None:
            hook = model.register_forward_pre_hook(
                lambda _, inputs, named: note("forward", inputs, named), with_kwargs=True
            )
            undo.append(hook.remove)
        else:
            # A hook would be compiled too, and make other code of the model.
            model._compiled_call_impl = _noting(compiled, "forward", note)
            undo.append(lambda: setattr(model, "_compiled_call_impl", compiled))
    for name in _METHODS:
        method = inspect.getattr_static(type(model), name, None)
        if inspect.isfunction(method) and name not in getattr(model, "__dict__", {name: None}):
            # Bound to the model rather than a closure over it, so that a deep copy runs its own weights.
            setattr(model, name, MethodType(_noting(method, name, note, skipped=1), model))
            undo.append(partial(delattr, model, name))


def _noting(call: Callable[..., Any], name: str, note: Note, skipped: int = 0) -> Callable[..., Any]:
    """The call, with its arguments noted, but for so many at the start."""

    @wraps(call)
    def run(*inputs: Any, **named: Any) -> Any:
        note(name, inputs[skipped:], named)
        return call(*inputs, **named)

    return run


def _of_one_example(name: str, inputs: tuple[Any, ...], named: Mapping[str, Any]) -> ModelCall:
    tensors = [value for value in (*inputs, *named.values()) if is_tensor(value) and value.dim()]
    n = len(tensors[0]) if tensors else 0

    def cut(value: Any) -> Any:
        if not is_tensor(value):
            return value
        import torch

        with torch.no_grad():
            rows = value[:1] if value.dim() and len(value) == n else value
            return rows.detach().clone()

    return ModelCall(name, tuple(map(cut, inputs)), {key: cut(value) for key, value in named.items()})
