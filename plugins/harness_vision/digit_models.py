"""Small classifiers for 8x8 digits, trained on first use by one of the recipes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from harness.api import Context, Dataset
from harness_vision.training import Recipe, train

_PIXELS, _CLASSES = 8 * 8, 10


class _DigitClassifier(nn.Module):
    """A network with a training recipe; subclasses set `network` and how many epochs it needs."""

    network: nn.Module

    def __init__(self, training: Recipe, eps: float, epochs: int) -> None:
        super().__init__()
        self._training, self._eps, self._epochs = training, eps, epochs

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits `[n, 10]` of images `[n, 1, 8, 8]` in [0, 1]."""
        logits: Tensor = self.network(inputs)
        return logits

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Fit to the training split."""
        train(self, data("train"), self._training, eps=self._eps, epochs=self._epochs, ctx=ctx)


class DigitCNN(_DigitClassifier):
    """Three 3x3 convolutions with two max-poolings and a hidden layer of 64 units.

    Args:
        training: how it is trained; `adversarial` is PGD training (Madry 2018), `noise` adds Gaussian noise.
        eps: L-infinity budget of adversarial training, or standard deviation of the noise; unused otherwise.
        width: channels of the first convolution; the others have twice as many.
        epochs: passes over the training set.
        dropout: share of the hidden units left out at random in training (Srivastava et al. 2014).
    """

    def __init__(
        self,
        training: Recipe = "standard",
        eps: Annotated[float, Gt(0)] = 0.2,
        width: Annotated[int, Ge(1)] = 16,
        epochs: Annotated[int, Ge(1)] = 40,
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
    ) -> None:
        super().__init__(training, eps, epochs)
        self.network = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(2 * width, 2 * width, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(2 * width * 4, 64),
            nn.ReLU(),
            *_dropout(dropout),
            nn.Linear(64, _CLASSES),
        )


class DigitMLP(_DigitClassifier):
    """Multilayer perceptron with two hidden layers.

    Args:
        training: how it is trained; `adversarial` is PGD training (Madry 2018), `noise` adds Gaussian noise.
        eps: L-infinity budget of adversarial training, or standard deviation of the noise; unused otherwise.
        width: units of each hidden layer.
        epochs: passes over the training set.
        dropout: share of the hidden units left out at random in training (Srivastava et al. 2014).
    """

    def __init__(
        self,
        training: Recipe = "standard",
        eps: Annotated[float, Gt(0)] = 0.2,
        width: Annotated[int, Ge(1)] = 128,
        epochs: Annotated[int, Ge(1)] = 40,
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
    ) -> None:
        super().__init__(training, eps, epochs)
        self.network = nn.Sequential(
            nn.Flatten(),
            nn.Linear(_PIXELS, width),
            nn.ReLU(),
            *_dropout(dropout),
            nn.Linear(width, width),
            nn.ReLU(),
            *_dropout(dropout),
            nn.Linear(width, _CLASSES),
        )


class DigitLinear(_DigitClassifier):
    """Multinomial logistic regression: the model whose exact robust accuracy is known in closed form.

    Args:
        training: how it is trained; `adversarial` is PGD training (Madry 2018), `noise` adds Gaussian noise.
        eps: L-infinity budget of adversarial training, or standard deviation of the noise; unused otherwise.
        epochs: passes over the training set.
    """

    def __init__(
        self,
        training: Recipe = "standard",
        eps: Annotated[float, Gt(0)] = 0.2,
        epochs: Annotated[int, Ge(1)] = 100,
    ) -> None:
        super().__init__(training, eps, epochs)
        self.network = nn.Sequential(nn.Flatten(), nn.Linear(_PIXELS, _CLASSES))


def _dropout(share: float) -> list[nn.Module]:
    """A layer that leaves out this share of its inputs in training; none where the share is 0."""
    return [nn.Dropout(share)] if share else []
