"""The features of samples, reference and training data, extracted here or stored by another system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from harness.api import Context, Extractor, InvalidOutput
from harness_generative.task.features_and_judge import extracted
from harness_generative.task.image_sets import Array, ImageSet
from harness_generative.task.references import STORED, Reference


def feature_arrays(
    extractors: Mapping[str, Extractor],
    samples: Tensor | None,
    stored: Array | None,
    reference: Reference,
    train: ImageSet | None,
    ctx: Context,
) -> dict[str, Any]:
    """The features of each side by `<side>_<label of the extractor>`; those of data are kept for the next cell.

    Args:
        extractors: by their labels; none where both sides were stored.
        samples: `[n, ...]`, None where only their features are known.
        stored: those features.
        reference: what they are compared with.
        train: the training data, if they are known.
        ctx: with the device and the batch size.

    Raises:
        InvalidOutput: features are not known of both sides, or it is not clear which extractor stored ones are of.
    """
    _check_extractors(extractors, samples, reference)
    arrays: dict[str, Any] = {}
    for label in extractors or ([STORED] if stored is not None else []):
        extractor = extractors.get(label)
        for images in (reference.images, train):
            if extractor is not None and images is not None and label not in images.features:
                images.features[label] = extracted(extractor, label, images, images.name, ctx)
        if stored is not None:
            arrays[f"generated_{label}"] = stored
        elif extractor is not None and samples is not None:
            arrays[f"generated_{label}"] = extracted(extractor, label, samples, "the samples", ctx)
        arrays |= reference.arrays(label, arrays[f"generated_{label}"].shape[1])
        if train is not None and label in train.features:
            arrays[f"train_{label}"] = train.features[label]
    return arrays


def _check_extractors(extractors: Mapping[str, Extractor], samples: Tensor | None, reference: Reference) -> None:
    n, stored = len(extractors), samples is None or reference.holds in ("features", "moments")
    if stored and n > 1:
        raise InvalidOutput(
            f"stored features are those of one extractor, and the task names {', '.join(extractors)}; name one"
        )
    if not n and (samples is not None or reference.images is not None) and reference.holds != "nothing":
        raise InvalidOutput("the task names no extractor; name one under `features`, such as `[inception_v3]`")
