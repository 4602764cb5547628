"""What attacks on inputs are given and must return; what they are made with is in `harness.api.attacks`."""

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
