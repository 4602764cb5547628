"""Refusing weights that are not finite, whichever file or library they come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from torch import Tensor, nn

from harness.contract.errors import HarnessError

_MAX_NAMED = 3


def check_finite_weights(model: nn.Module, source: str) -> None:
    """Raise HarnessError, naming them, if parameters or buffers of a model are not finite.

    One such weight may leave most outputs finite and wrong. Buffers may hold minus infinity, which masks do.

    Args:
        model: with its weights loaded.
        source: what they were loaded from, such as the name of a file.
    """
    parameters, buffers = _readable(model.named_parameters()), _readable(model.named_buffers())
    broken = [name for name, weights in parameters if not bool(weights.isfinite().all())]
    # What is below infinity is neither that nor NaN.
    broken += [name for name, values in buffers if not bool((values < float("inf")).all())]
    if broken:
        more = f" and {len(broken) - _MAX_NAMED} more" if len(broken) > _MAX_NAMED else ""
        raise HarnessError(
            f"the weights in {source} are not finite (NaN or infinite), in {', '.join(broken[:_MAX_NAMED])}{more}: the "
            "file is damaged, or its training diverged"
        )


def _readable(named: Iterable[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
    """The tensors of numbers; eight bits of a quantised weight are codes, and what is offloaded to disk is not here."""
    for name, values in named:
        if values.is_floating_point() and values.element_size() > 1 and not values.is_meta:
            yield name, values.detach()
