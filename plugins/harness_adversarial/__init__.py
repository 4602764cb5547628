"""Adversarial attacks from the papers, an adapter to all of torchattacks, and robustness metrics."""

from __future__ import annotations

from collections.abc import Iterable

from harness.api import Component, hookimpl

_CLASSIFY = frozenset({"classify"})


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare attacks, metrics, the worst case over attacks and the curve over budgets."""
    return [
        Component(
            "attack",
            "fgsm",
            "harness_adversarial.gradient_attacks:FGSM",
            "Fast gradient sign method: one step.",
            tasks=_CLASSIFY,
            references=("Goodfellow, Shlens & Szegedy 2015, arXiv:1412.6572",),
        ),
        Component(
            "attack",
            "bim",
            "harness_adversarial.gradient_attacks:BIM",
            "Basic iterative method: many small sign steps from the clean input.",
            tasks=_CLASSIFY,
            references=("Kurakin, Goodfellow & Bengio 2017, arXiv:1607.02533",),
        ),
        Component(
            "attack",
            "pgd",
            "harness_adversarial.gradient_attacks:PGD",
            "Projected gradient descent from random starts, L-infinity or L2.",
            tasks=_CLASSIFY,
            references=("Madry et al. 2018, arXiv:1706.06083",),
        ),
        Component(
            "attack",
            "noise",
            "harness_adversarial.noise:UniformNoise",
            "Uniform noise of the same budget: the baseline every attack must beat.",
            tasks=_CLASSIFY,
        ),
        Component(
            "attack",
            "torchattacks",
            "harness_adversarial.torchattacks_adapter:TorchAttack",
            "Any attack of the torchattacks library, by its class name.",
            tasks=_CLASSIFY,
            requires=("torchattacks",),
            references=("Kim 2020, arXiv:2010.01950",),
        ),
        Component(
            "metric",
            "robust_accuracy",
            "harness_adversarial.metrics:RobustAccuracy",
            "Share of examples classified correctly without attack and not fooled under it.",
            tasks=_CLASSIFY,
        ),
        Component(
            "metric",
            "attack_success_rate",
            "harness_adversarial.metrics:AttackSuccessRate",
            "Share of correctly classified examples that the attack fools.",
            tasks=_CLASSIFY,
        ),
        Component(
            "metric",
            "mean_distance",
            "harness_adversarial.metrics:MeanDistance",
            "Mean size of the perturbation of fooled examples, in the norm of the threat.",
            tasks=_CLASSIFY,
        ),
        Component(
            "metric",
            "queries",
            "harness_adversarial.metrics:Queries",
            "Mean number of forward and backward passes per attacked example.",
            tasks=_CLASSIFY,
        ),
        Component(
            "aggregate",
            "worst_case",
            "harness_adversarial.worst_case:WorstCase",
            "Per model and threat: an example counts only if it survives every attack.",
            tasks=_CLASSIFY,
        ),
        Component(
            "reporter",
            "robustness_curve",
            "harness_adversarial.curve:RobustnessCurve",
            "Robust accuracy over the budget as a PNG, one panel a model.",
            tasks=_CLASSIFY,
        ),
    ]
