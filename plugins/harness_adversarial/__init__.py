"""Adversarial attacks from the papers, an adapter to all of torchattacks, and robustness metrics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from harness.api import Component, Kind, hookimpl


def _component(kind: Kind, name: str, target: str, summary: str, **more: Any) -> Component:
    return Component(kind, name, f"{__name__}.{target}", summary, tasks=frozenset({"classify"}), **more)


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare attacks, metrics of their records, comparisons across attacks, pictures and certified models."""
    return [
        *_gradient_attacks(),
        *_other_attacks(),
        *_minimal_attacks(),
        *_other_threats(),
        *_metrics(),
        *_distance_metrics(),
        *_certificates(),
        *_comparisons(),
        *_pictures(),
    ]


def _gradient_attacks() -> list[Component]:
    return [
        _component(
            "attack",
            "fgsm",
            "attacks.gradient_attacks:FGSM",
            "Fast gradient sign method: one step.",
            references=("Goodfellow, Shlens & Szegedy 2015, arXiv:1412.6572",),
        ),
        _component(
            "attack",
            "bim",
            "attacks.gradient_attacks:BIM",
            "Basic iterative method: many small sign steps from the clean input.",
            references=("Kurakin, Goodfellow & Bengio 2017, arXiv:1607.02533",),
        ),
        _component(
            "attack",
            "pgd",
            "attacks.gradient_attacks:PGD",
            "Projected gradient descent from random starts, L-infinity, L2 or L1.",
            references=("Madry et al. 2018, arXiv:1706.06083",),
        ),
        _component(
            "attack",
            "pgd_curve",
            "attacks.pgd_curve:PGDCurve",
            "PGD at many budgets for little more than the dearest: from the largest down, on what is still fooled.",
            references=("Madry et al. 2018, arXiv:1706.06083",),
        ),
        _component(
            "attack",
            "apgd",
            "attacks.apgd:APGD",
            "Auto-PGD: gradient ascent with momentum and a step size that halves itself.",
            references=("Croce & Hein 2020, arXiv:2003.01690", "Croce & Hein 2021, arXiv:2103.01208"),
        ),
        _component(
            "attack",
            "apgd_targeted",
            "attacks.apgd:APGDTargeted",
            "Auto-PGD towards each of the most likely other classes.",
            references=("Croce & Hein 2020, arXiv:2003.01690", "Croce & Hein 2021, arXiv:2103.01208"),
        ),
        _component(
            "attack",
            "eot_pgd",
            "attacks.eot_pgd:EotPGD",
            "PGD against random models: gradients and verdicts averaged over several passes.",
            references=("Athalye, Carlini & Wagner 2018, arXiv:1802.00420",),
        ),
    ]


def _other_attacks() -> list[Component]:
    return [
        _component(
            "attack",
            "fab_targeted",
            "attacks.fab:FABTargeted",
            "Fast adaptive boundary: the smallest perturbation towards each of the most likely other classes.",
            references=("Croce & Hein 2020, arXiv:1907.02044", "Croce & Hein 2020, arXiv:2003.01690"),
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
            "auto_attack",
            "attacks.auto_attack:AutoAttack",
            "APGD, targeted APGD, FAB and Square, each on what survives the last.",
            references=("Croce & Hein 2020, arXiv:2003.01690",),
        ),
        _component(
            "attack",
            "noise",
            "attacks.noise:UniformNoise",
            "Uniform noise of the same budget: the baseline every attack must beat.",
        ),
        _component(
            "attack",
            "torchattacks",
            "attacks.torchattacks_adapter:TorchAttack",
            "Any attack of the torchattacks library, by its class name.",
            requires=("torchattacks",),
            references=("Kim 2020, arXiv:2010.01950",),
        ),
    ]


def _minimal_attacks() -> list[Component]:
    return [
        _component(
            "attack",
            "ddn",
            "attacks.ddn:DDN",
            "Decoupled direction and norm: the smallest L2 distance.",
            references=("Rony et al. 2019, arXiv:1811.09600",),
        ),
        _component(
            "attack",
            "fmn",
            "attacks.fmn:FMN",
            "Fast minimum-norm attack: the smallest L2 or L-infinity distance.",
            references=("Pintor et al. 2021, arXiv:2102.12827",),
        ),
        _component(
            "attack",
            "deepfool",
            "attacks.deepfool:DeepFool",
            "Steps to the nearest boundary of the linearised model, L2 or L-infinity.",
            references=("Moosavi-Dezfooli, Fawzi & Frossard 2016, arXiv:1511.04599",),
        ),
        _component(
            "attack",
            "carlini_wagner",
            "attacks.carlini_wagner:CarliniWagner",
            "The smallest L2 distance by distance plus weighted margin, the weight found by search.",
            references=("Carlini & Wagner 2017, arXiv:1608.04644",),
        ),
        _component(
            "attack",
            "hopskipjump",
            "attacks.hopskipjump:HopSkipJump",
            "The smallest L2 or L-infinity distance from decisions alone.",
            references=("Chen, Jordan & Wainwright 2020, arXiv:1904.02144",),
        ),
    ]


def _other_threats() -> list[Component]:
    return [
        _component(
            "attack",
            "eot_physical",
            "attacks.physical:EOTPhysical",
            "Survives being turned, moved, tilted and lit otherwise: expectation over transformation.",
            references=("Athalye et al. 2018, arXiv:1707.07397",),
        ),
        _component(
            "attack",
            "patch",
            "attacks.patch:Patch",
            "Any change within a square of pixels.",
            references=("Karmon, Zoran & Goldberg 2018, arXiv:1801.02608",),
        ),
        _component(
            "attack",
            "rotation_translation",
            "attacks.spatial:RotationTranslation",
            "The worst of a grid of rotations and translations.",
            references=("Engstrom et al. 2019, arXiv:1712.02779",),
        ),
        _component(
            "attack",
            "transfer",
            "attacks.transfer:Transfer",
            "Made on another model, with momentum, input diversity and translation invariance.",
            references=(
                "Dong et al. 2018, arXiv:1710.06081",
                "Xie et al. 2019, arXiv:1803.06978",
                "Dong et al. 2019, arXiv:1904.02884",
            ),
        ),
    ]


def _metrics() -> list[Component]:
    return [
        _component(
            "metric",
            "robust_accuracy",
            "metrics.accuracy:RobustAccuracy",
            "Share of examples classified correctly without attack and not fooled under it.",
        ),
        _component(
            "metric",
            "attack_success_rate",
            "metrics.accuracy:AttackSuccessRate",
            "Share of correctly classified examples that the attack fools.",
        ),
        _component(
            "metric",
            "mean_distance",
            "metrics.accuracy:MeanDistance",
            "Mean size of the perturbation of fooled examples, in the norm of the threat.",
        ),
        _component(
            "metric",
            "queries",
            "metrics.accuracy:Queries",
            "Mean number of forward and backward passes per attacked example.",
        ),
        _component(
            "metric",
            "view_share",
            "metrics.view_shares:ViewShare",
            "Share of the views of attacked examples that are given the target, the true or another class.",
            references=("Athalye et al. 2018, arXiv:1707.07397",),
        ),
    ]


def _distance_metrics() -> list[Component]:
    return [
        _component(
            "metric",
            "robust_accuracy_at",
            "metrics.smallest_distances:RobustAccuracyAt",
            "Robust accuracy at any budget, of the smallest distances that a minimal attack found.",
            references=("Pintor et al. 2021, arXiv:2102.12827",),
        ),
        _component(
            "metric",
            "median_distance",
            "metrics.smallest_distances:MedianDistance",
            "The budget at which half of the examples are fooled.",
        ),
        _component(
            "metric",
            "area_under_curve",
            "metrics.smallest_distances:AreaUnderCurve",
            "Robust accuracy averaged over all budgets up to a limit.",
        ),
    ]


def _certificates() -> list[Component]:
    return [
        Component(
            "model",
            "smoothed",
            f"{__name__}.models.smoothing:Smoothed",
            "A classifier under Gaussian noise, which certifies an L2 radius around each input.",
            references=("Cohen, Rosenfeld & Kolter 2019, arXiv:1902.02918",),
        ),
        _component(
            "metric",
            "certified_accuracy",
            "metrics.certified:CertifiedAccuracy",
            "Share of examples certified to be classified correctly within a radius.",
            references=("Cohen, Rosenfeld & Kolter 2019, arXiv:1902.02918",),
        ),
        _component(
            "metric",
            "average_certified_radius",
            "metrics.certified:AverageCertifiedRadius",
            "Mean certified radius, 0 where the certified class is wrong.",
            references=("Zhai et al. 2020, arXiv:2001.02378",),
        ),
        _component(
            "metric",
            "abstention_rate",
            "metrics.certified:AbstentionRate",
            "Share of examples that nothing is certified of.",
        ),
    ]


def _comparisons() -> list[Component]:
    return [
        _component(
            "aggregate",
            "worst_case",
            "comparisons.worst_case:WorstCase",
            "Per model and threat: an example counts only if it survives every attack.",
        ),
        _component(
            "aggregate",
            "attack_checks",
            "comparisons.attack_checks:AttackChecks",
            "Per model: does random beat gradient, black box white box, or less budget more? A row per finding.",
            references=("Carlini et al. 2019, arXiv:1902.06705", "Pintor et al. 2022, arXiv:2106.09947"),
        ),
        _component(
            "aggregate",
            "smallest_distance",
            "metrics.smallest_distances:SmallestDistance",
            "Per model and norm: the smallest distance over all minimal attacks, as robust accuracy at any budget.",
        ),
    ]


def _pictures() -> list[Component]:
    return [
        _component(
            "reporter",
            "robustness_curve",
            "pictures.curve:RobustnessCurve",
            "Robust accuracy over the budget as a PNG, one panel a model.",
        ),
        _component(
            "reporter",
            "security_curve",
            "pictures.security_curve:SecurityCurve",
            "Robust accuracy at every budget until it is zero, of minimal attacks, as a PNG.",
            references=("Carlini et al. 2019, arXiv:1902.06705",),
        ),
        _component(
            "reporter",
            "transfer_matrix",
            "pictures.transfer_matrix:TransferMatrix",
            "How well examples made on one model fool another, as a heat map.",
        ),
    ]
