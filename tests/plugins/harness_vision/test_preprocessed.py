"""Classifiers behind preprocessing: the same for networks and for scores, with gradients where there are any."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from harness.api import HarnessError
from harness_vision.zoos.preprocessed import preprocessed

IMAGES = torch.rand(3, 3, 12, 18, generator=torch.Generator().manual_seed(0))
MEAN, STD = [0.5, 0.25, 0.125], [0.5, 0.25, 0.5]


class Network(nn.Module):
    """The middle pixel of each channel, of images of 8x8 only."""

    class_names = ("a", "b", "c")

    def forward(self, inputs: Tensor) -> Tensor:
        assert inputs.shape[1:] == (3, 8, 8)
        return inputs[..., 4, 4]


def test_cropped_and_normalised_by_hand() -> None:
    model = preprocessed(Network(), crop=[8, 8], mean=MEAN, std=STD)
    # The middle of 12 rows and 18 columns begins at 2 and 5.
    expected = (IMAGES[..., 2 + 4, 5 + 4] - torch.tensor(MEAN)) / torch.tensor(STD)
    assert torch.allclose(model(IMAGES), expected)  # type: ignore[operator]


@pytest.mark.parametrize("how", [{"resize": [10], "crop": [8, 8]}, {"resize": [8, 8], "mean": MEAN}, {"crop": [8, 8]}])
def test_scores_are_preprocessed_as_networks_are(how: dict[str, list[int]]) -> None:
    network = preprocessed(Network(), **how)  # type: ignore[arg-type]
    scores = preprocessed(Network().forward, **how)  # type: ignore[arg-type]
    assert isinstance(network, nn.Module)
    assert not hasattr(scores, "parameters")
    assert torch.allclose(network(IMAGES), scores(IMAGES), atol=1e-6)  # type: ignore[operator]
    inputs = IMAGES.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(network(inputs).sum(), inputs)
    assert bool(gradient.abs().sum(dim=(1, 2, 3)).gt(0).all())
    assert network.class_names == ("a", "b", "c")


def test_a_normalisation_in_bytes_is_refused() -> None:
    with pytest.raises(HarnessError, match=r"mean \[127.5\] and std \[1.0\] are not in the units of the inputs"):
        preprocessed(Network(), mean=[127.5])
    with pytest.raises(HarnessError, match="smaller than the crop of 20x20"):
        preprocessed(Network(), crop=[20, 20])(IMAGES)  # type: ignore[operator]
