"""What classifiers and regression models can do."""

from harness.contract.protocols import (
    Certificate,
    Certified,
    Classifier,
    Differentiable,
    Prediction,
    Regressor,
    SetPredictor,
    Trainable,
    Uncertain,
)

__all__ = [
    "Certificate",
    "Certified",
    "Classifier",
    "Differentiable",
    "Prediction",
    "Regressor",
    "SetPredictor",
    "Trainable",
    "Uncertain",
]
