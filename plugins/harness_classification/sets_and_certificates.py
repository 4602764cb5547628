"""Sets that hold the true class, and certificates, of classifiers that offer them."""

from __future__ import annotations

from typing import Any

import torch

from harness.api import Certified, Classifier, Context, InvalidOutput, LabelledInputs, SetPredictor


@torch.no_grad()
def predicted_sets(model: Classifier, examples: LabelledInputs, classes: int, ctx: Context) -> dict[str, Any]:
    """Whether the predicted set of each example holds the true class, and its size. Raises InvalidOutput."""
    if not isinstance(model, SetPredictor):
        return {}
    inputs, labels = examples.inputs, examples.labels
    parts = [model.contains(inputs[i : i + ctx.batch_size]) for i in range(0, len(inputs), ctx.batch_size)]
    sets = torch.cat(parts)
    if sets.shape != (len(inputs), classes) or sets.dtype != torch.bool:
        raise InvalidOutput(
            f"the model's sets are {sets.dtype} {list(sets.shape)}, expected bool [{len(inputs)}, {classes}]"
        )
    covered = sets.gather(1, labels[:, None]).squeeze(1)
    return {
        "covered": covered.cpu().numpy(),
        "set_size": sets.sum(dim=1).cpu().numpy(),
        "nominal_coverage": [float(model.coverage)] * len(inputs),
        # A set predictor that was not calibrated on examples has no such number.
        "calibration_size": [getattr(model, "calibration_size", None)] * len(inputs),
    }


@torch.no_grad()
def certificates(model: Classifier, examples: LabelledInputs, classes: int, ctx: Context) -> dict[str, Any]:
    """The certificate of every example, of a model that certifies. Raises InvalidOutput."""
    if not isinstance(model, Certified):
        return {}
    certificate = model.certify(examples.inputs, examples.ids, ctx.scoped("certify"))
    prediction, radius = certificate.prediction.cpu(), certificate.radius.cpu().double()
    n = len(examples)
    if prediction.shape != (n,) or radius.shape != (n,) or prediction.is_floating_point():
        raise InvalidOutput(
            f"the model's certificates are {prediction.dtype} {list(prediction.shape)} and radii {list(radius.shape)}, "
            f"expected whole numbers and radii [{n}]"
        )
    if int(prediction.min()) < -1 or int(prediction.max()) >= classes or not bool((radius >= 0).all()):
        raise InvalidOutput(f"a certificate names a class from 0 to {classes - 1}, or -1, and a radius of at least 0")
    abstains = prediction < 0
    if bool((radius[abstains] > 0).any()):
        raise InvalidOutput("a model that abstains certifies nothing; its radius must be 0")
    return {
        "certified_prediction": [None if p < 0 else p for p in prediction.tolist()],
        "certified_radius": radius.numpy(),
        "certificate_norm": [certificate.norm] * n,
        "certificate_alpha": [float(certificate.alpha)] * n,
    }
