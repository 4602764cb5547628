"""Image data, small classifiers with training recipes, and loaders for published checkpoints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from harness.api import Component, Kind, hookimpl


def _component(kind: Kind, name: str, target: str, summary: str, **more: Any) -> Component:
    return Component(kind, name, f"{__name__}.{target}", summary, **more)


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare datasets, models and a check of published accuracies."""
    gap = _component(
        "aggregate",
        "published_gap",
        "published_gap:PublishedGap",
        "Measured clean accuracy less the published one; suspect where they differ on the whole test set.",
        tasks=frozenset({"classify"}),
    )
    return [*_datasets(), *_models(), gap]


def _datasets() -> list[Component]:
    return [
        _component(
            "dataset",
            "digits",
            "digits:digits",
            "Handwritten digits of scikit-learn: 1797 images of 8x8 pixels; no download.",
            requires=("scikit-learn",),
            references=("Alpaydin & Kaynak 1998, UCI Optical Recognition of Handwritten Digits",),
        ),
        _component(
            "dataset",
            "mnist",
            "image_sets:mnist",
            "MNIST handwritten digits, 28x28, from a folder or a download.",
            references=("LeCun, Cortes & Burges 1998",),
        ),
        _component(
            "dataset",
            "fashion_mnist",
            "image_sets:fashion_mnist",
            "Fashion-MNIST clothes, 28x28, from a folder or a download.",
            references=("Xiao, Rasul & Vollgraf 2017, arXiv:1708.07747",),
        ),
        _component(
            "dataset",
            "cifar10",
            "image_sets:cifar10",
            "CIFAR-10 objects, 32x32 in colour, from a folder or a download.",
            references=("Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images",),
        ),
    ]


def _models() -> list[Component]:
    return [
        _component(
            "model",
            "digit_cnn",
            "digit_models:DigitCNN",
            "A small convolutional network for digits.",
            trained_on="digits",
        ),
        _component(
            "model",
            "digit_mlp",
            "digit_models:DigitMLP",
            "A multilayer perceptron for digits.",
            trained_on="digits",
        ),
        _component(
            "model",
            "digit_linear",
            "digit_models:DigitLinear",
            "Logistic regression for digits.",
            trained_on="digits",
        ),
        _component(
            "model",
            "checkpoint",
            "checkpoint:checkpoint",
            "A classifier with trained weights: architecture by name or import path, weights from a file.",
        ),
        _component(
            "model",
            "published",
            "published:published",
            "Published classifiers for CIFAR-10 and MNIST by name, from a folder or a download.",
        ),
        *_zoos(),
    ]


def _zoos() -> list[Component]:
    return [
        _component(
            "model",
            "robustbench",
            "zoos.robustbench_models:robustbench_model",
            "The model zoo of RobustBench by name, dataset and threat model (extra robustbench).",
            requires=("robustbench",),
            references=("Croce et al. 2021, arXiv:2010.09670",),
        ),
        _component(
            "model",
            "timm",
            "zoos.timm_models:timm_model",
            "Models of timm by name, with their published preprocessing (extra vision).",
            requires=("timm",),
        ),
        _component(
            "model",
            "torchvision",
            "zoos.torchvision_models:torchvision_model",
            "Weights of torchvision by name, with their transforms and published accuracy (extra vision).",
            requires=("torchvision",),
        ),
    ]
