"""Protocols and inputs of attacks; `harness.api.attacks` has the toolkit to build them."""

from harness.contract.protocols import (
    Attack,
    Averaging,
    GradientAccess,
    LabelledInputs,
    Norm,
    Pooled,
    ScoreAccess,
    Threat,
    Viewed,
    WithSurrogate,
)

__all__ = [
    "Attack",
    "Averaging",
    "GradientAccess",
    "LabelledInputs",
    "Norm",
    "Pooled",
    "ScoreAccess",
    "Threat",
    "Viewed",
    "WithSurrogate",
]
