"""Image data, small classifiers with training recipes, and loaders for published checkpoints."""

from __future__ import annotations

from collections.abc import Iterable

from harness.api import Component, Declarations, hookimpl


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare datasets, models and a check of published accuracies."""
    aggregate = Declarations("aggregate", __name__, tasks={"classify"})
    return [*_datasets(), *_models(), aggregate("published_gap", "published_gap:PublishedGap")]


def _datasets() -> list[Component]:
    dataset = Declarations("dataset", __name__)
    return [
        dataset(
            "digits",
            "digits:digits",
            "Alpaydin & Kaynak 1998, UCI Optical Recognition of Handwritten Digits",
            requires=("scikit-learn",),
        ),
        dataset("mnist", "image_sets:mnist", "LeCun, Cortes & Burges 1998"),
        dataset("fashion_mnist", "image_sets:fashion_mnist", "Xiao, Rasul & Vollgraf 2017, arXiv:1708.07747"),
        dataset(
            "cifar10", "image_sets:cifar10", "Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images"
        ),
        dataset("image_folder", "files.image_folder:image_folder", requires=("pillow",)),
        dataset("images", "files.images:images", requires=("pillow",)),
        dataset("hub_dataset", "files.hub_dataset:hub_dataset", requires=("pillow",)),
    ]


def _models() -> list[Component]:
    model = Declarations("model", __name__)
    return [
        model("digit_cnn", "digit_models:DigitCNN", trained_on="digits"),
        model("digit_mlp", "digit_models:DigitMLP", trained_on="digits"),
        model("digit_linear", "digit_models:DigitLinear", trained_on="digits"),
        model("shipped_digits", "shipped_digits:shipped_digits"),
        model("checkpoint", "checkpoint:checkpoint"),
        model("published", "published:published"),
        model(
            "robustbench",
            "zoos.robustbench_models:robustbench_model",
            "Croce et al. 2021, arXiv:2010.09670",
            requires=("robustbench",),
        ),
        model("preprocessed", "zoos.preprocessed:preprocessed"),
        model("hf_image_classifier", "zoos.hugging_face_models:image_classifier", requires=("transformers",)),
        model("timm", "zoos.timm_models:timm_model", requires=("timm",)),
        model("torchvision", "zoos.torchvision_models:torchvision_model", requires=("torchvision",)),
    ]
