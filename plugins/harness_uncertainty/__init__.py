"""Whether a model knows what it does not know: metrics of confidence, methods that improve it, data to be unsure of."""

from __future__ import annotations

from collections.abc import Iterable

from harness.api import Component, Declarations, hookimpl

_CLASSES = frozenset({"classify", "from_scores"})
_CLASSIFY = frozenset({"classify"})
_DETECT = frozenset({"detect"})
_REGRESS = frozenset({"regress"})


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare metrics, methods, data and pictures."""
    return [
        *_confidence(),
        *_scores(),
        *_detection(),
        *_sets(),
        *_regression(),
        *_methods(),
        *_data(),
        *_comparisons_and_pictures(),
    ]


def _confidence() -> list[Component]:
    # Of any task whose records say `correct`, with a confidence.
    metric = Declarations("metric", f"{__name__}.metrics")
    return [
        metric("ece", "calibration:ECE", "Guo et al. 2017, arXiv:1706.04599"),
        metric("ece_null", "calibration:ECENull"),
        metric("classwise_ece", "calibration:ClasswiseECE", "Kull et al. 2019, arXiv:1910.12656", tasks=_CLASSES),
        metric("brier", "calibration:Brier"),
        metric("aurc", "selective:AURC"),
        metric("excess_aurc", "selective:ExcessAURC", "Geifman et al. 2019, arXiv:1805.08206"),
        metric("accuracy_at_coverage", "selective:AccuracyAtCoverage"),
        metric("confident_errors", "selective:ConfidentErrors"),
    ]


def _scores() -> list[Component]:
    metric = Declarations("metric", f"{__name__}.metrics", tasks=_CLASSES)
    return [
        metric("nll", "scores:NLL"),
        metric("multiclass_brier", "scores:MulticlassBrier", "Brier 1950"),
        metric("brier_part", "scores:BrierPart", "Murphy 1973", "Ferro & Fricker 2012"),
    ]


def _detection() -> list[Component]:
    metric = Declarations("metric", f"{__name__}.metrics", tasks=_DETECT)
    return [
        metric("ood_auroc", "detection:OODAuroc", "DeLong, DeLong & Clarke-Pearson 1988"),
        metric("ood_aupr", "detection:OODAupr"),
        metric("fpr95", "detection:FPR95"),
    ]


def _sets() -> list[Component]:
    metric = Declarations("metric", f"{__name__}.metrics", tasks=_CLASSIFY)
    return [
        metric("conformal_coverage", "sets:ConformalCoverage"),
        metric(
            "coverage_range",
            "sets:CoverageRange",
            "Vovk 2012, arXiv:1209.2673",
            "Angelopoulos & Bates 2023, arXiv:2107.07511",
        ),
        metric("set_size", "sets:SetSize"),
    ]


def _regression() -> list[Component]:
    metric = Declarations("metric", f"{__name__}.metrics", tasks=_REGRESS)
    return [
        metric("crps", "regression:CRPS", "Gneiting et al. 2005"),
        metric("interval_coverage", "regression:IntervalCoverage"),
        metric("interval_width", "regression:IntervalWidth"),
    ]


def _methods() -> list[Component]:
    model = Declarations("model", f"{__name__}.methods")
    return [
        model("temperature_scaled", "temperature:TemperatureScaled", "Guo et al. 2017, arXiv:1706.04599"),
        model("deep_ensemble", "ensemble:DeepEnsemble", "Lakshminarayanan et al. 2017, arXiv:1612.01474"),
        model("mc_dropout", "dropout:MCDropout", "Gal & Ghahramani 2016, arXiv:1506.02142"),
        model(
            "laplace_last_layer", "laplace:LaplaceLastLayer", "Daxberger et al. 2021, arXiv:2106.14806", "MacKay 1992"
        ),
        model(
            "split_conformal",
            "conformal:SplitConformal",
            "Sadinle et al. 2019, arXiv:1609.00451",
            "Romano et al. 2020, arXiv:2006.02544",
        ),
        model("mahalanobis", "mahalanobis:Mahalanobis", "Lee et al. 2018, arXiv:1807.03888"),
    ]


def _data() -> list[Component]:
    dataset = Declarations("dataset", f"{__name__}.data")
    attack = Declarations("attack", f"{__name__}.data", tasks=_CLASSIFY)
    return [
        dataset("corrupted", "corrupted:Corrupted", "Hendrycks & Dietterich 2019, arXiv:1903.12261"),
        attack("corruption", "corrupted:Corruption", "Hendrycks & Dietterich 2019, arXiv:1903.12261"),
        dataset("noise_images", "ood_images:noise_images"),
        dataset("textures", "ood_images:textures", requires=("scikit-learn",)),
        dataset("letters", "ood_images:letters", requires=("matplotlib",)),
        dataset("saved_probabilities", "saved:saved_probabilities"),
    ]


def _comparisons_and_pictures() -> list[Component]:
    aggregate = Declarations("aggregate", f"{__name__}.comparisons", tasks=_CLASSIFY)
    reporter = Declarations("reporter", f"{__name__}.pictures")
    return [
        aggregate(
            "mean_corruption_error",
            "mean_corruption_error:MeanCorruptionError",
            "Hendrycks & Dietterich 2019, arXiv:1903.12261",
        ),
        reporter("reliability_diagram", "reliability:ReliabilityDiagram", "DeGroot & Fienberg 1983"),
        reporter("shift_curve", "shift:ShiftCurve"),
    ]
