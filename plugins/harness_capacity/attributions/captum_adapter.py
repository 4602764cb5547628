"""Attribution methods of the captum library, by their class names."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Literal

import torch
from torch import Tensor

from harness.api import Context, ExplainedInputs, GradientAccess, HarnessError, Quantity

CaptumName = Literal[
    "Deconvolution",
    "DeepLift",
    "FeatureAblation",
    "FeaturePermutation",
    "GradientShap",
    "GuidedBackprop",
    "InputXGradient",
    "IntegratedGradients",
    "KernelShap",
    "Lime",
    "Occlusion",
    "Saliency",
    "ShapleyValueSampling",
]
_GRADIENTS = ("Saliency", "GuidedBackprop", "Deconvolution")
# Windows that overlap, and shuffled features, give no parts of the logit.
_RELEVANCES = ("Occlusion", "FeaturePermutation")
_OWN = ("self", "inputs", "target", "additional_forward_args", "return_convergence_delta", "show_progress", "kwargs")


class CaptumMethod:
    """A method of the captum library by its class name, with baselines of 0 (Kokhlikyan 2020).

    Args:
        method: the class in `captum.attr`.
        options: further arguments of its `attribute`, such as `{n_steps: 100}`; a list stands for a tuple.
    """

    def __init__(self, method: CaptumName, options: dict[str, Any] | None = None) -> None:
        import captum.attr

        self._class = getattr(captum.attr, method)
        self._options = {name: tuple(v) if isinstance(v, list) else v for name, v in (options or {}).items()}
        _check(method, self._options, inspect.signature(self._class.attribute).parameters)
        signed = self._options.setdefault("abs", False) if method == "Saliency" else False
        relevance = signed or method in _RELEVANCES
        self.quantity: Quantity = "relevance" if relevance else "gradient" if method in _GRADIENTS else "contribution"

    def attribute(self, model: GradientAccess, batch: ExplainedInputs, ctx: Context) -> Tensor:
        """Run the library's method on one chunk."""
        given = dict(self._options)
        if "baselines" in inspect.signature(self._class.attribute).parameters:
            # GradientShap draws among its baselines, so it needs a tensor.
            given["baselines"] = torch.zeros_like(
                batch.inputs[:1] if self._class.__name__ == "GradientShap" else batch.inputs
            )
        with torch.enable_grad():
            inputs = batch.inputs.clone().requires_grad_(True)
            maps: Tensor = self._class(model).attribute(inputs, target=batch.targets, **given)
        return maps.detach().to(batch.inputs.dtype)


def _check(method: str, options: Mapping[str, Any], parameters: Mapping[str, inspect.Parameter]) -> None:
    known = [name for name in parameters if name not in (*_OWN, "baselines")]
    for name in options:
        if name not in known:
            close = get_close_matches(name, known, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"it takes {', '.join(known) or 'none'}"
            raise HarnessError(f"captum's {method} has no option {name!r}; {hint}")
