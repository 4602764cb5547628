"""Attributions from the activations of a convolution."""

from __future__ import annotations

import difflib

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from harness.api import Context, ExplainedInputs, GradientAccess, HarnessError, NotApplicable, Quantity
from harness.api.instruments import CountedModel


class GradCAM:
    """The activations of a convolution, weighted by their mean gradient and cut off at 0 (Selvaraju 2017, eq. 1 and 2).

    Upsampled to the size of the image.

    Args:
        layer: the name of the layer, as `named_modules` of the model has it; by default the last convolution.
    """

    quantity: Quantity = "relevance"

    def __init__(self, layer: str | None = None) -> None:
        self._layer = layer

    def attribute(self, model: GradientAccess, batch: ExplainedInputs, ctx: Context) -> Tensor:
        """One forward and one backward pass.

        Raises:
            NotApplicable: the inputs are no images, the model has no convolution, or the layer gives no feature maps.
            HarnessError: the model has no layer of that name.
        """
        if batch.inputs.ndim != 4:
            shape = ", ".join(map(str, batch.inputs.shape[1:]))
            raise NotApplicable(f"Grad-CAM explains images [n, C, H, W]; inputs are [n, {shape}]")
        activations, logits = _activations(model, self._chosen(model), batch.inputs)
        (gradient,) = torch.autograd.grad(logits.gather(1, batch.targets[:, None]).sum(), activations)
        weights = gradient.mean(dim=(2, 3), keepdim=True)
        coarse = (weights * activations).sum(dim=1, keepdim=True).relu().detach()
        return interpolate(coarse[: len(batch)], size=batch.inputs.shape[2:], mode="bilinear", align_corners=False)

    def _chosen(self, model: GradientAccess) -> nn.Module:
        layers = _layers(model)
        if self._layer is not None:
            if self._layer not in layers:
                raise HarnessError(f"the model has no layer {self._layer!r}{_near(self._layer, list(layers))}")
            return layers[self._layer]
        convolutions = [module for module in layers.values() if isinstance(module, nn.Conv2d)]
        if not convolutions:
            raise NotApplicable("Grad-CAM needs a convolution, and the model has none (or name another layer)")
        return convolutions[-1]


def _layers(model: GradientAccess) -> dict[str, nn.Module]:
    """The modules of the model by their own names, without what the core wraps around it."""
    inner = model.model if isinstance(model, CountedModel) else model
    return {name: module for name, module in inner.named_modules() if name}


def _near(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, 3)
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else f"; it has {', '.join(names) or 'none'}"


def _activations(model: GradientAccess, layer: nn.Module, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """The outputs `[m, K, h, w]` of a layer, and the logits that follow from them."""
    kept: list[Tensor] = []

    def keep(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> Tensor:
        kept.append(output)
        # What follows may change it in place.
        return output.clone()

    with torch.enable_grad():
        hook = layer.register_forward_hook(keep)
        try:
            logits = model(inputs.detach().clone().requires_grad_(True))
        finally:
            hook.remove()
    if len(kept) != 1 or not isinstance(kept[0], Tensor) or kept[0].ndim != 4 or kept[0].shape[0] < len(inputs):
        raise NotApplicable("Grad-CAM needs a layer that gives feature maps [n, K, h, w] once in each pass")
    return kept[0], logits
