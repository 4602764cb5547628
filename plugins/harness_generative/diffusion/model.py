"""A network with its preconditioning, as a denoiser that can be trained; the base of all diffusion models here."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from harness.api import Context
from harness.api.instruments import per_example
from harness_generative.diffusion.networks import MLP, UNet
from harness_generative.diffusion.preconditioning import Preconditioning
from harness_generative.diffusion.training import Training, train_denoiser


class DiffusionModel(nn.Module):
    """D(x; sigma) of images, `harness.api.Denoiser`; subclasses define the conditions and the training data.

    The network computes in float32; x may be float64, and then the rest of the formula is.

    Args:
        network: F of equation 7 of Karras et al. 2022.
        image_shape: the shape of one image, which is the shape of x too.
        preconditioning: the coefficients around F.
        training: how it is trained.
        sigma_range: the smallest and the largest noise level it is made for.
    """

    def __init__(
        self,
        network: UNet | MLP,
        image_shape: Sequence[int],
        preconditioning: Preconditioning,
        training: Training,
        sigma_range: tuple[float, float],
    ) -> None:
        super().__init__()
        self.network = network
        self.latent_shape = tuple(image_shape)
        self.sigma_range = sigma_range
        self._preconditioning, self._training = preconditioning, training

    def denoise(self, x: Tensor, sigma: Tensor, conditions: Tensor | None) -> Tensor:
        """The denoised of x `[n, *image_shape]` at noise levels `[n]`; without conditions unconditionally."""
        skip, out, into, noise = self._preconditioning(sigma.to(x.dtype))
        raw = self.network((per_example(into, x) * x).float(), noise.float(), conditions)
        denoised: Tensor = per_example(skip, x) * x + per_example(out, x) * raw.to(x.dtype)
        return denoised

    def decode(self, x: Tensor) -> Tensor:
        """Images in [0, 1], float32, of x in [-1, 1]; what lies outside is clipped."""
        return ((x + 1) / 2).clamp(0, 1).float()

    def encode(self, inputs: Tensor) -> Tensor:
        """Images in [0, 1] as y in [-1, 1]."""
        return inputs * 2 - 1

    def fit_to(self, inputs: Tensor, conditions: Tensor | None, ctx: Context) -> Sequence[float]:
        """Train on images `[n, *image_shape]` in [0, 1] and their encoded conditions `[n, ...]`.

        Returns:
            The mean loss of every 25 steps.
        """
        clean = self.encode(inputs.to(ctx.device))
        asked = None if conditions is None else conditions.to(ctx.device)
        return train_denoiser(self.network, self.denoise, clean, asked, self._dropped, self._training, ctx)

    def _dropped(self, conditions: Tensor, dropped: Tensor) -> Tensor:
        embedding = self.network.embedding.conditions
        return conditions if embedding is None else embedding.drop(conditions, dropped)
