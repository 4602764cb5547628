"""What attacks on inputs are given and must return."""

from harness.contract.protocols import Attack, GradientAccess, LabelledInputs, Norm, ScoreAccess, Threat, Viewed

__all__ = ["Attack", "GradientAccess", "LabelledInputs", "Norm", "ScoreAccess", "Threat", "Viewed"]
