"""Image data, small classifiers with training recipes, and loaders for published checkpoints."""

from __future__ import annotations

from collections.abc import Iterable

from harness.api import Component, hookimpl

_CLASSIFY = frozenset({"classify"})


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare datasets and models."""
    return [
        Component(
            "dataset",
            "digits",
            "harness_vision.digits:digits",
            "Handwritten digits of scikit-learn: 1797 images of 8x8 pixels; no download.",
            tasks=_CLASSIFY,
            requires=("scikit-learn",),
            references=("Alpaydin & Kaynak 1998, UCI Optical Recognition of Handwritten Digits",),
        ),
        Component(
            "dataset",
            "mnist",
            "harness_vision.image_sets:mnist",
            "MNIST handwritten digits, 28x28, from a folder or a download.",
            tasks=_CLASSIFY,
            references=("LeCun, Cortes & Burges 1998",),
        ),
        Component(
            "dataset",
            "fashion_mnist",
            "harness_vision.image_sets:fashion_mnist",
            "Fashion-MNIST clothes, 28x28, from a folder or a download.",
            tasks=_CLASSIFY,
            references=("Xiao, Rasul & Vollgraf 2017, arXiv:1708.07747",),
        ),
        Component(
            "dataset",
            "cifar10",
            "harness_vision.image_sets:cifar10",
            "CIFAR-10 objects, 32x32 in colour, from a folder or a download.",
            tasks=_CLASSIFY,
            references=("Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images",),
        ),
        Component(
            "model",
            "checkpoint",
            "harness_vision.checkpoint:checkpoint",
            "A published classifier: architecture by import path, weights from a file.",
            tasks=_CLASSIFY,
        ),
        Component(
            "model",
            "digit_cnn",
            "harness_vision.digit_models:DigitCNN",
            "A small convolutional network for digits.",
            tasks=_CLASSIFY,
            trained_on="digits",
        ),
        Component(
            "model",
            "digit_mlp",
            "harness_vision.digit_models:DigitMLP",
            "A multilayer perceptron for digits.",
            tasks=_CLASSIFY,
            trained_on="digits",
        ),
        Component(
            "model",
            "digit_linear",
            "harness_vision.digit_models:DigitLinear",
            "Logistic regression for digits.",
            tasks=_CLASSIFY,
            trained_on="digits",
        ),
    ]
