"""Image data, small classifiers with training recipes, and loaders for published checkpoints."""

from __future__ import annotations

from collections.abc import Iterable

from harness.api import Component, hookimpl

_CLASSIFY = frozenset({"classify"})


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare datasets and models."""
    digits = dict.fromkeys(("digit_cnn", "digit_mlp", "digit_linear"), "digits")
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
            "model",
            "digit_cnn",
            "harness_vision.digit_models:DigitCNN",
            "A small convolutional network for digits.",
            tasks=_CLASSIFY,
            trained_on=digits["digit_cnn"],
        ),
        Component(
            "model",
            "digit_mlp",
            "harness_vision.digit_models:DigitMLP",
            "A multilayer perceptron for digits.",
            tasks=_CLASSIFY,
            trained_on=digits["digit_mlp"],
        ),
        Component(
            "model",
            "digit_linear",
            "harness_vision.digit_models:DigitLinear",
            "Logistic regression for digits.",
            tasks=_CLASSIFY,
            trained_on=digits["digit_linear"],
        ),
    ]
