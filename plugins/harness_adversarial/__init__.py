"""Adversarial attacks from the papers, an adapter to all of torchattacks, and robustness metrics."""

from __future__ import annotations

from collections.abc import Iterable

from harness.api import Component, Declarations, hookimpl

_CROCE_HEIN = "Croce & Hein 2020, arXiv:2003.01690"
_CLASSIFY = frozenset({"classify"})
_CLASSIFY_TOO = frozenset({"classify", "classify_text"})


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare attacks, metrics of their records, comparisons across attacks, pictures and certified models."""
    return [
        *_attacks(),
        *_metrics(),
        *_certificates(),
        *_comparisons_and_pictures(),
    ]


def _attacks() -> list[Component]:
    attack = Declarations("attack", f"{__name__}.attacks", tasks=_CLASSIFY)
    return [
        # Within a budget, by gradients.
        attack("fgsm", "gradient_attacks:FGSM", "Goodfellow, Shlens & Szegedy 2015, arXiv:1412.6572"),
        attack("bim", "gradient_attacks:BIM", "Kurakin, Goodfellow & Bengio 2017, arXiv:1607.02533"),
        attack("pgd", "gradient_attacks:PGD", "Madry et al. 2018, arXiv:1706.06083"),
        attack("pgd_curve", "pgd_curve:PGDCurve", "Madry et al. 2018, arXiv:1706.06083"),
        attack("apgd", "apgd:APGD", _CROCE_HEIN, "Croce & Hein 2021, arXiv:2103.01208"),
        attack("apgd_targeted", "apgd:APGDTargeted", _CROCE_HEIN, "Croce & Hein 2021, arXiv:2103.01208"),
        attack("eot_pgd", "eot_pgd:EotPGD", "Athalye, Carlini & Wagner 2018, arXiv:1802.00420"),
        # By other means, or under another threat.
        attack("fab_targeted", "fab:FABTargeted", "Croce & Hein 2020, arXiv:1907.02044", _CROCE_HEIN),
        attack("square", "square:Square", "Andriushchenko et al. 2020, arXiv:1912.00049"),
        attack("auto_attack", "auto_attack:AutoAttack", _CROCE_HEIN),
        attack("noise", "noise:UniformNoise"),
        attack(
            "torchattacks", "torchattacks_adapter:TorchAttack", "Kim 2020, arXiv:2010.01950", requires=("torchattacks",)
        ),
        attack("eot_physical", "physical:EOTPhysical", "Athalye et al. 2018, arXiv:1707.07397"),
        attack("patch", "patch:Patch", "Karmon, Zoran & Goldberg 2018, arXiv:1801.02608"),
        attack("rotation_translation", "spatial:RotationTranslation", "Engstrom et al. 2019, arXiv:1712.02779"),
        attack(
            "transfer",
            "transfer:Transfer",
            "Dong et al. 2018, arXiv:1710.06081",
            "Xie et al. 2019, arXiv:1803.06978",
            "Dong et al. 2019, arXiv:1904.02884",
        ),
        # For the smallest distance.
        attack("ddn", "ddn:DDN", "Rony et al. 2019, arXiv:1811.09600"),
        attack("fmn", "fmn:FMN", "Pintor et al. 2021, arXiv:2102.12827"),
        attack("deepfool", "deepfool:DeepFool", "Moosavi-Dezfooli, Fawzi & Frossard 2016, arXiv:1511.04599"),
        attack("carlini_wagner", "carlini_wagner:CarliniWagner", "Carlini & Wagner 2017, arXiv:1608.04644"),
        attack("hopskipjump", "hopskipjump:HopSkipJump", "Chen, Jordan & Wainwright 2020, arXiv:1904.02144"),
    ]


def _metrics() -> list[Component]:
    metric = Declarations("metric", f"{__name__}.metrics", tasks=_CLASSIFY)
    return [
        metric("robust_accuracy", "accuracy:RobustAccuracy", tasks=_CLASSIFY_TOO),
        metric("attack_success_rate", "accuracy:AttackSuccessRate", tasks=_CLASSIFY_TOO),
        metric("mean_distance", "accuracy:MeanDistance"),
        metric("queries", "accuracy:Queries"),
        metric("stage_share", "stage_shares:StageShare", _CROCE_HEIN),
        metric("view_share", "view_shares:ViewShare", "Athalye et al. 2018, arXiv:1707.07397"),
        metric("robust_accuracy_at", "smallest_distances:RobustAccuracyAt", "Pintor et al. 2021, arXiv:2102.12827"),
        metric("median_distance", "smallest_distances:MedianDistance"),
        metric("area_under_curve", "smallest_distances:AreaUnderCurve"),
    ]


def _certificates() -> list[Component]:
    model = Declarations("model", f"{__name__}.models")
    metric = Declarations("metric", f"{__name__}.metrics", tasks=_CLASSIFY)
    return [
        model("smoothed", "smoothing:Smoothed", "Cohen, Rosenfeld & Kolter 2019, arXiv:1902.02918"),
        metric("certified_accuracy", "certified:CertifiedAccuracy", "Cohen, Rosenfeld & Kolter 2019, arXiv:1902.02918"),
        metric("average_certified_radius", "certified:AverageCertifiedRadius", "Zhai et al. 2020, arXiv:2001.02378"),
        metric("abstention_rate", "certified:AbstentionRate"),
    ]


def _comparisons_and_pictures() -> list[Component]:
    aggregate = Declarations("aggregate", __name__, tasks=_CLASSIFY)
    reporter = Declarations("reporter", f"{__name__}.pictures", tasks=_CLASSIFY)
    return [
        aggregate("worst_case", "comparisons.worst_case:WorstCase"),
        aggregate(
            "attack_checks",
            "comparisons.attack_checks:AttackChecks",
            "Carlini et al. 2019, arXiv:1902.06705",
            "Pintor et al. 2022, arXiv:2106.09947",
        ),
        aggregate("smallest_distance", "metrics.smallest_distances:SmallestDistance"),
        aggregate("optimality", "comparisons.optimality:Optimality", "Cinà et al. 2024, arXiv:2404.19460"),
        reporter("robustness_curve", "curve:RobustnessCurve"),
        reporter("security_curve", "security_curve:SecurityCurve", "Carlini et al. 2019, arXiv:1902.06705"),
        reporter("transfer_matrix", "transfer_matrix:TransferMatrix"),
    ]
