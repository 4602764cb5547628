"""Copies of a model with random weights, and how much the maps of two models are alike (Adebayo 2018)."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from harness.api import Context
from harness.api.instruments import seeded


def randomised_copies(model: Any, cascade: bool, ctx: Context) -> dict[str, nn.Module]:
    """Copies of a model whose layers are initialised again, by the name of how much of it is.

    A layer that cannot initialise itself has its weights shuffled. The random weights depend on the seed alone, so that
    every method meets the same copies.

    Args:
        model: what is no `torch.nn.Module` has no copies.
        cascade: also one copy for every number of layers from the top, "top 1" to one less than all.
        ctx: its scope must not name a method.
    """
    if not isinstance(model, nn.Module):
        return {}
    # Drawn on the CPU, since the stream of a GPU depends on the card.
    whole = copy.deepcopy(model).cpu().requires_grad_(False)
    layers = [name for name, module in whole.named_modules() if _has_weights(module)]
    with seeded(ctx.derive_seed("randomised"), "cpu"):
        for name in layers:
            _initialise(whole.get_submodule(name))
    whole = whole.to(ctx.device)
    copies = {"all": whole} if layers else {}
    for count in range(1, len(layers)) if cascade else ():
        # The top is what stands last.
        changed = copy.deepcopy(model).requires_grad_(False)
        for name in layers[-count:]:
            changed.get_submodule(name).load_state_dict(whole.get_submodule(name).state_dict())
        copies[f"top {count}"] = changed
    return copies


def rank_correlation(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Spearman's rank correlation of two maps `[m, positions]`, `[m]`, and where it exists: both maps vary."""
    a, b = _centred_ranks(one), _centred_ranks(other)
    length = a.norm(dim=1) * b.norm(dim=1)
    return torch.where(length > 0, (a * b).sum(dim=1) / length, 0.0).clamp(-1.0, 1.0), length > 0


def _has_weights(module: nn.Module) -> bool:
    return next(module.parameters(recurse=False), None) is not None


def _initialise(module: nn.Module) -> None:
    reset = getattr(module, "reset_parameters", None)
    if callable(reset):
        reset()
        return
    for parameter in module.parameters(recurse=False):
        parameter.copy_(parameter.flatten()[torch.randperm(parameter.numel())].reshape(parameter.shape))


def _centred_ranks(values: Tensor) -> Tensor:
    """Ranks from which their mean is taken, equal values sharing theirs, float64."""
    values = values.contiguous()
    ordered = values.sort(dim=1).values
    below = torch.searchsorted(ordered, values, right=False)
    up_to = torch.searchsorted(ordered, values, right=True)
    ranked = (below + up_to).double() / 2
    return ranked - ranked.mean(dim=1, keepdim=True)
