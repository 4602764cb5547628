"""Refusing weights that are not finite, whichever file or library they come from."""

from __future__ import annotations

from torch import nn

from harness.contract.errors import HarnessError

_MAX_NAMED = 3


def check_finite_weights(model: nn.Module, source: str) -> None:
    """Raise HarnessError, naming them, if parameters or buffers of a model are not finite.

    One such weight may leave most outputs finite and wrong. Buffers may hold minus infinity, which masks do.

    Args:
        model: with its weights loaded.
        source: what they were loaded from, such as the name of a file.
    """
    broken = [name for name, weights in model.named_parameters() if not bool(weights.detach().isfinite().all())]
    for name, values in model.named_buffers():
        # What is below infinity is neither that nor NaN.
        if values.is_floating_point() and not bool((values.detach() < float("inf")).all()):
            broken.append(name)
    if broken:
        more = f" and {len(broken) - _MAX_NAMED} more" if len(broken) > _MAX_NAMED else ""
        raise HarnessError(
            f"the weights in {source} are not finite (NaN or infinite), in {', '.join(broken[:_MAX_NAMED])}{more}: the "
            "file is damaged, or its training diverged"
        )
