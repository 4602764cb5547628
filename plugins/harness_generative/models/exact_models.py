"""Gaussians and mixtures of Gaussians fitted to data: models whose samples and denoisers are exact.

They are baselines that any trained model should beat, and oracles: with them a sampler's error is its own.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from annotated_types import Ge
from torch import Tensor, nn

from harness.api import Context, Dataset, HarnessError, NotApplicable

Variance = Annotated[float, Ge(0)]
Covariance = Literal["full", "tied", "diag", "spherical"]

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Gaussians:
    """A mixture of k Gaussians in d dimensions, each with the covariance axes diag(variances) axes^T.

    Attributes:
        weights: `[k]`, with sum 1.
        means: `[k, d]`.
        variances: `[k, d]`, along the axes.
        axes: `[k, d, d]` with an axis in each column; `[0, d, d]` where all axes are those of the coordinates.
    """

    weights: _Floats
    means: _Floats
    variances: _Floats
    axes: _Floats


class _ExactMixture(nn.Module, ABC):
    """A mixture of Gaussians over images in [-1, 1], or one for each class; subclasses fit them.

    Attributes:
        sigma_range: the noise levels of Karras et al. 2022, table 1; the denoiser is exact at all others too.
        means: `[k, *latent_shape]`.
        variances, axes: as of `_Gaussians`.
        log_weights: `[k]`, in the mixture over all classes.
        classes: `[k]`, the class that each Gaussian belongs to; 0 if it is not conditional.
    """

    means: Tensor
    variances: Tensor
    axes: Tensor
    log_weights: Tensor
    classes: Tensor
    encode_conditions: Callable[[Sequence[Any]], Tensor]

    def __init__(self, conditional: bool) -> None:
        super().__init__()
        for name in ("means", "variances", "axes", "log_weights"):
            self.register_buffer(name, torch.empty(0))
        self.register_buffer("classes", torch.empty(0, dtype=torch.int64))
        self.sigma_range = (0.002, 80.0)
        self._conditional = conditional
        if conditional:
            # A model that cannot be asked for anything lacks the method, which is how others know.
            self.encode_conditions = self._encode_classes

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """The shape of the noise and of x of one sample, which is that of an image; empty before it is fitted."""
        return tuple(self.means.shape[1:])

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Fit to the images of the training split, for each class if it is conditional.

        Raises:
            HarnessError: there are no labels, or too few images of a class.
        """
        train = data("train")
        columns = train.take(range(len(train.ids)))
        inputs = torch.as_tensor(columns["inputs"])
        images = self.encode(inputs).flatten(1).double().numpy()
        labels = np.zeros(len(images), dtype=np.int64)
        if self._conditional:
            if "labels" not in columns:
                raise HarnessError("a conditional model needs labels, which the training data lack")
            labels = np.asarray(columns["labels"])
        classes = np.unique(labels)
        fitted = []
        for done, label in enumerate(classes, 1):
            members = images[labels == label]
            fitted.append(self._fit_class(members, len(classes), ctx.derive_seed("class", int(label))))
            ctx.progress(done, len(classes))
        shares = [float((labels == label).mean()) for label in classes]
        sizes = [len(part.weights) for part in fitted]
        state = {
            "means": np.concatenate([part.means for part in fitted]).reshape(-1, *inputs.shape[1:]),
            "variances": np.concatenate([part.variances for part in fitted]),
            "axes": np.concatenate([part.axes for part in fitted]),
            "log_weights": np.log(np.concatenate([s * part.weights for s, part in zip(shares, fitted, strict=True)])),
        }
        tensors = {name: torch.from_numpy(array).float() for name, array in state.items()}
        self.load_state_dict({**tensors, "classes": torch.from_numpy(np.repeat(classes, sizes)).long()})

    @abstractmethod
    def _fit_class(self, images: _Floats, classes: int, seed: int) -> _Gaussians:
        """The mixture of the images `[n, d]` of one of so many classes."""

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Like that of any module, but with the shapes of the loaded tensors, which depend on the data."""
        for name, buffer in list(self.named_buffers()):
            if name in state_dict:
                setattr(self, name, buffer.new_empty(state_dict[name].shape))
        return super().load_state_dict(state_dict, strict, assign)

    def _encode_classes(self, conditions: Sequence[Any]) -> Tensor:
        """Class indices as a tensor `[n]`. Raises NotApplicable for what is not a class of the training data."""
        classes = sorted(set(self.classes.tolist()))
        unknown = [condition for condition in conditions if isinstance(condition, str) or condition not in classes]
        if unknown:
            raise NotApplicable(f"the model can be asked for the classes {classes}, not for {unknown[0]!r}")
        return torch.tensor([int(condition) for condition in conditions], device=self.classes.device)

    def encode(self, inputs: Tensor) -> Tensor:
        """Images in [0, 1] as images in [-1, 1]."""
        return 2 * inputs - 1

    def decode(self, x: Tensor) -> Tensor:
        """The inverse of `encode`, clipped to the box."""
        return ((x + 1) / 2).clamp(0, 1)

    def denoise(self, x: Tensor, sigma: Tensor, conditions: Tensor | None) -> Tensor:
        """The mean of y given x = y + sigma n, for y from the mixture, or from that of the class asked for.

        Given which Gaussian y is from, it is that of a linear model: along an axis with variance v the distance from
        the mean shrinks by v / (v + sigma^2). Which one it is from follows from the densities N(x; mean, v + sigma^2).
        """
        mixture = self._mixture(x.device)
        along = mixture.along_axes(x.flatten(1).to(mixture.means))
        noisy = mixture.variances + sigma.to(along)[:, None, None] ** 2
        log_density = -0.5 * (along**2 / noisy + noisy.log()).sum(2)
        share = (self._log_weights(len(x), conditions) + log_density).softmax(1)
        return mixture.points(share, along * mixture.variances / noisy).reshape(x.shape).to(x)

    def generate(self, noise: Tensor, conditions: Tensor | None) -> Tensor:
        """Samples of the mixture, or of that of the class asked for, in the box.

        The first coordinate of the noise also chooses the Gaussian: its quantile falls into the k-th of intervals as
        long as the weights, and where it falls within that one is uniform again, so it is turned back into a normal.
        """
        mixture = self._mixture(noise.device)
        flat = noise.flatten(1).to(mixture.means)
        weights = self._log_weights(len(noise), conditions).to(flat).softmax(1)
        tail = 64 * torch.finfo(flat.dtype).eps
        quantile = torch.special.ndtr(flat[:, :1]).clamp(tail, 1 - tail)
        ends = weights.cumsum(1)
        chosen = (quantile >= ends).sum(1, keepdim=True).clamp(max=weights.shape[1] - 1)
        weight, end = weights.gather(1, chosen), ends.gather(1, chosen)
        again = torch.special.ndtri((1 - (end - quantile) / weight).clamp(tail, 1 - tail))
        normal = torch.cat([again, flat[:, 1:]], 1)
        share = torch.zeros_like(weights).scatter_(1, chosen, 1.0)
        drawn = mixture.points(share, mixture.variances.sqrt() * normal[:, None])
        return self.decode(drawn.reshape(noise.shape).to(noise))

    def _log_weights(self, n: int, conditions: Tensor | None) -> Tensor:
        """`[n, k]`: minus infinity for Gaussians of other classes than the one asked for."""
        weights = self.log_weights.expand(n, -1)
        if conditions is None:
            return weights
        return weights.masked_fill(conditions[:, None] != self.classes, -math.inf)

    def _mixture(self, device: torch.device) -> _Arithmetic:
        # In double precision, in which a sample does not depend on its batch; Metal has none.
        dtype = torch.float32 if device.type == "mps" else torch.float64
        return _Arithmetic(self.means.flatten(1).to(dtype), self.variances.to(dtype), self.axes.to(dtype))


@dataclass(frozen=True)
class _Arithmetic:
    """Changes of coordinates between points and the axes of k Gaussians.

    Attributes:
        means, variances, axes: `[k, d]`, `[k, d]` and `[k, d, d]`, or `[0, d, d]` for the axes of the coordinates.
    """

    means: Tensor
    variances: Tensor
    axes: Tensor

    def along_axes(self, points: Tensor) -> Tensor:
        """How far points `[n, d]` lie from each mean along each axis of its Gaussian, `[n, k, d]`."""
        offsets = points[:, None] - self.means
        return torch.einsum("nkd,kde->nke", offsets, self.axes) if len(self.axes) else offsets

    def points(self, share: Tensor, along: Tensor) -> Tensor:
        """The inverse of `along_axes`, `[n, d]`, averaged over the Gaussians with weights `[n, k]`."""
        weighted = share[:, :, None] * along
        offsets = torch.einsum("nke,kde->nd", weighted, self.axes) if len(self.axes) else weighted.sum(1)
        return share @ self.means + offsets


class Gaussian(_ExactMixture):
    """A Gaussian with the mean and the covariance of the training images in [-1, 1]; its denoiser is exact.

    Args:
        conditional: one Gaussian for each class, so that a class can be asked for.
        regularisation: variance that is added to every pixel.
    """

    def __init__(self, conditional: bool = False, regularisation: Variance = 1e-4) -> None:
        super().__init__(conditional)
        self._regularisation = regularisation

    def _fit_class(self, images: _Floats, classes: int, seed: int) -> _Gaussians:
        if len(images) < 2:
            raise HarnessError("a Gaussian cannot be fitted to a single image")
        variances, axes = np.linalg.eigh(np.atleast_2d(np.cov(images.T, bias=True)))
        variances = variances.clip(0) + self._regularisation
        return _Gaussians(np.ones(1), images.mean(0)[None], variances[None], axes[None])


class GaussianMixture(_ExactMixture):
    """A mixture of Gaussians fitted to training images in [-1, 1] by expectation maximisation; its denoiser is exact.

    The defaults were chosen on digits by the density of the validation split. More components lower the FID further,
    by copying: with 40 the samples are nearer to training images than held-out digits are.

    Args:
        n_components: how many Gaussians in all; if it is conditional they are shared out among the classes.
        covariance: `full` for one covariance each, `tied` for one that all of a class share, `diag` for pixels that are
            independent within a Gaussian, `spherical` for the same variance in each pixel.
        conditional: one mixture for each class, so that a class can be asked for.
        regularisation: variance that is added to every pixel; with too little the mixture copies single images.
    """

    def __init__(
        self,
        n_components: Annotated[int, Ge(1)] = 20,
        covariance: Covariance = "full",
        conditional: bool = False,
        regularisation: Variance = 1e-2,
    ) -> None:
        super().__init__(conditional)
        self._n_components, self._covariance, self._regularisation = n_components, covariance, regularisation

    def _fit_class(self, images: _Floats, classes: int, seed: int) -> _Gaussians:
        from sklearn import mixture

        wanted = math.ceil(self._n_components / classes)
        estimator = mixture.GaussianMixture(
            wanted,
            covariance_type=self._covariance,
            reg_covar=self._regularisation,
            random_state=seed % 2**32,
            max_iter=200,
        )
        try:
            fitted = estimator.fit(images)
        except ValueError as error:
            raise HarnessError(
                f"{wanted} Gaussians cannot be fitted to {len(images)} images; ask for fewer components or more "
                f"regularisation: {error}"
            ) from error
        k, d = fitted.means_.shape
        if self._covariance in ("diag", "spherical"):
            variances = np.broadcast_to(fitted.covariances_.reshape(k, -1), (k, d))
            return _Gaussians(fitted.weights_, fitted.means_, variances, np.empty((0, d, d)))
        variances, axes = np.linalg.eigh(np.broadcast_to(fitted.covariances_, (k, d, d)))
        return _Gaussians(fitted.weights_, fitted.means_, variances.clip(0), axes)
