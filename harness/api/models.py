"""Protocols of classifiers and regression models."""

from harness.contract.protocols import (
    Certificate,
    Certified,
    Classifier,
    Described,
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
    "Described",
    "Differentiable",
    "Prediction",
    "Regressor",
    "SetPredictor",
    "Trainable",
    "Uncertain",
]
