"""Adversarial attacks from the papers, an adapter to all of torchattacks, and robustness metrics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from harness.api import Component, Kind, hookimpl


def _component(kind: Kind, name: str, target: str, summary: str, **more: Any) -> Component:
    return Component(kind, name, f"{__name__}.{target}", summary, tasks=frozenset({"classify"}), **more)


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare attacks, metrics, the worst case over attacks and the curve over budgets."""
    return [*_attacks(), *_metrics(), *_summaries()]


def _attacks() -> list[Component]:
    return [
        _component(
            "attack",
            "fgsm",
            "gradient_attacks:FGSM",
            "Fast gradient sign method: one step.",
            references=("Goodfellow, Shlens & Szegedy 2015, arXiv:1412.6572",),
        ),
        _component(
            "attack",
            "bim",
            "gradient_attacks:BIM",
            "Basic iterative method: many small sign steps from the clean input.",
            references=("Kurakin, Goodfellow & Bengio 2017, arXiv:1607.02533",),
        ),
        _component(
            "attack",
            "pgd",
            "gradient_attacks:PGD",
            "Projected gradient descent from random starts, L-infinity or L2.",
            references=("Madry et al. 2018, arXiv:1706.06083",),
        ),
        _component(
            "attack",
            "apgd",
            "attacks.apgd:APGD",
            "Auto-PGD: gradient ascent with momentum and a step size that halves itself.",
            references=("Croce & Hein 2020, arXiv:2003.01690",),
        ),
        _component(
            "attack",
            "apgd_targeted",
            "attacks.apgd:APGDTargeted",
            "Auto-PGD towards each of the most likely other classes.",
            references=("Croce & Hein 2020, arXiv:2003.01690",),
        ),
        _component(
            "attack",
            "square",
            "attacks.square:Square",
            "Random search over square windows; needs no gradient.",
            references=("Andriushchenko et al. 2020, arXiv:1912.00049",),
        ),
        _component(
            "attack",
            "fab_targeted",
            "attacks.fab:FABTargeted",
            "Fast adaptive boundary: the smallest perturbation towards each of the most likely other classes.",
            references=("Croce & Hein 2020, arXiv:1907.02044", "Croce & Hein 2020, arXiv:2003.01690"),
        ),
        _component(
            "attack",
            "auto_attack",
            "attacks.auto_attack:AutoAttack",
            "APGD, targeted APGD, FAB and Square, each on what survives the last.",
            references=("Croce & Hein 2020, arXiv:2003.01690",),
        ),
        _component(
            "attack",
            "eot_pgd",
            "attacks.eot_pgd:EotPGD",
            "PGD against random models: gradients and verdicts averaged over several passes.",
            references=("Athalye, Carlini & Wagner 2018, arXiv:1802.00420",),
        ),
        _component(
            "attack",
            "noise",
            "noise:UniformNoise",
            "Uniform noise of the same budget: the baseline every attack must beat.",
        ),
        _component(
            "attack",
            "torchattacks",
            "torchattacks_adapter:TorchAttack",
            "Any attack of the torchattacks library, by its class name.",
            requires=("torchattacks",),
            references=("Kim 2020, arXiv:2010.01950",),
        ),
    ]


def _metrics() -> list[Component]:
    return [
        _component(
            "metric",
            "robust_accuracy",
            "metrics:RobustAccuracy",
            "Share of examples classified correctly without attack and not fooled under it.",
        ),
        _component(
            "metric",
            "attack_success_rate",
            "metrics:AttackSuccessRate",
            "Share of correctly classified examples that the attack fools.",
        ),
        _component(
            "metric",
            "mean_distance",
            "metrics:MeanDistance",
            "Mean size of the perturbation of fooled examples, in the norm of the threat.",
        ),
        _component(
            "metric",
            "queries",
            "metrics:Queries",
            "Mean number of forward and backward passes per attacked example.",
        ),
    ]


def _summaries() -> list[Component]:
    return [
        _component(
            "aggregate",
            "worst_case",
            "worst_case:WorstCase",
            "Per model and threat: an example counts only if it survives every attack.",
        ),
        _component(
            "reporter",
            "robustness_curve",
            "curve:RobustnessCurve",
            "Robust accuracy over the budget as a PNG, one panel a model.",
        ),
    ]
