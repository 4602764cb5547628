"""Published classifiers by name: weights pinned by digest, read from a folder or downloaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Annotated, Literal

from torch import nn

from harness.api import Location, PinnedFile, Uncounted, data_folder, read_pinned
from harness_vision.checkpoint import Normalised, with_weights
from harness_vision.published_accuracy import PublishedAccuracy
from harness_vision.published_architectures import CifarResNet, CnnA, ConvexMnist, LeNet5

Name = Literal[
    "resnet20",
    "resnet32",
    "resnet44",
    "resnet56",
    "cnn_a",
    "lenet5_clean",
    "lenet5_adversarial",
    "convex_mnist",
]

_AKAMASTER = "https://github.com/akamaster/pytorch_resnet_cifar10/raw/master/pretrained_models/"
_SDP = "https://github.com/Verified-Intelligence/alpha-beta-CROWN/raw/main/complete_verifier/models/sdp/"
_ADVERTORCH = "https://github.com/BorealisAI/advertorch/raw/master/advertorch_examples/trained_models/"
_CONVEX = "https://github.com/locuslab/convex_adversarial/raw/master/models/"


@dataclass(frozen=True)
class _Checkpoint:
    """A file of weights and all that belongs to it.

    Attributes:
        file: the weights.
        below: the folder below $HARNESS_DATA that may hold them.
        architecture: makes the network.
        mean, std: per channel, of its normalisation; empty if there is none.
        accuracy: the published accuracy.
    """

    file: PinnedFile
    below: str
    architecture: Callable[[], nn.Module]
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    accuracy: PublishedAccuracy | None = None


def _resnet(layers: int, sha256: str, accuracy: float) -> _Checkpoint:
    file = f"resnet{layers}-{sha256[:8]}.th"
    return _Checkpoint(
        PinnedFile(file, _AKAMASTER + file, (sha256,)),
        "robustness/cifar10",
        partial(CifarResNet, (layers - 2) // 6),
        (0.485, 0.456, 0.406),
        (0.229, 0.224, 0.225),
        PublishedAccuracy(accuracy, 10_000, "cifar10", "akamaster/pytorch_resnet_cifar10"),
    )


def _lenet(kind: str, sha256: str, accuracy: float) -> _Checkpoint:
    return _Checkpoint(
        PinnedFile(
            f"advertorch_mnist_lenet5_{kind}trained.pt", f"{_ADVERTORCH}mnist_lenet5_{kind}trained.pt", (sha256,)
        ),
        "robustness/mnist",
        LeNet5,
        accuracy=PublishedAccuracy(accuracy, 10_000, "mnist", "BorealisAI/advertorch"),
    )


_CHECKPOINTS: Mapping[str, _Checkpoint] = MappingProxyType(
    {
        "resnet20": _resnet(20, "12fca82f0bebc4135bf1f32f6e3710e61d5108578464b84fd6d7f5c1b04036c8", 0.9173),
        "resnet32": _resnet(32, "d509ac1820d7f25398913559d7e81a13229b1e7adc5648e3bfa5e22dc137f850", 0.9263),
        "resnet44": _resnet(44, "014dd6541728a1c700b1642ab640e211dc6eb8ed507d70697458dc8f8a0ae2e4", 0.9310),
        "resnet56": _resnet(56, "4bfd97631478d6b638d2764fd2baff3edb1d7d82252d54439343b6596b9b5367", 0.9339),
        "cnn_a": _Checkpoint(
            PinnedFile(
                "cifar_cnn_a_adv.model",
                f"{_SDP}cifar_cnn_a_adv.model",
                ("e45d79e68342395f4ada6f89852ae41feba14b430a3b2462a04d7f5e02c65657",),
            ),
            "robustness/sdp",
            CnnA,
            (125.3 / 255, 123.0 / 255, 113.9 / 255),
            (63.0 / 255, 62.1 / 255, 66.7 / 255),
        ),
        "lenet5_clean": _lenet("cln", "551a11267982991fb0c9f74e9094de19e54b51455eff9bd1c19c77a69d85156a", 0.9889),
        "lenet5_adversarial": _lenet("adv", "b89abfcfe8b33235fe8f8e964188d82a97c56a12ffe25132eaba197e40ac7658", 0.9864),
        "convex_mnist": _Checkpoint(
            PinnedFile(
                "convex_adversarial_models_mnist.pth",
                f"{_CONVEX}mnist.pth",
                ("95014ab0c04c73f48b3be0cb7acc42aff60ce4420c6c43bec25e9a1447279e08",),
            ),
            "robustness/mnist",
            ConvexMnist,
            accuracy=PublishedAccuracy(0.982, 10_000, "mnist", "locuslab/convex_adversarial"),
        ),
    }
)


def published(name: Name, folder: Location | None = None, download: Annotated[bool, Uncounted()] = True) -> nn.Module:
    """A published classifier for CIFAR-10 or MNIST by name, for images in [0, 1], normalisation inside.

    Args:
        name: resnet20, 32, 44 and 56 for CIFAR-10 (He et al. 2015; akamaster/pytorch_resnet_cifar10); cnn_a, trained
            adversarially for CIFAR-10 (Dathathri et al. 2020); the LeNet-5 pair of advertorch for MNIST, trained clean
            and adversarially; convex_mnist, trained to be provably robust (Wong & Kolter 2018).
        folder: the folder where the file lies; by default below $HARNESS_DATA/robustness, else the user's cache.
        download: fetch it if it is not there.

    Raises:
        MissingData: the file is not there and cannot be fetched, or it is not the published one.
    """
    checkpoint = _CHECKPOINTS[name]
    source = data_folder("published", checkpoint.below, (checkpoint.file.name,), folder)
    content = read_pinned(checkpoint.file, source, download=download)
    network = with_weights(checkpoint.architecture(), content, checkpoint.file.name)
    model = Normalised(network, list(checkpoint.mean), list(checkpoint.std)) if checkpoint.mean else network
    if checkpoint.accuracy is not None:
        checkpoint.accuracy.note_on(model)
    return model
