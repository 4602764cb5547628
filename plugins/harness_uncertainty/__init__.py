"""Whether a model knows what it does not know: metrics of confidence, methods that improve it, data to be unsure of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from harness.api import Component, Kind, hookimpl

_ANSWERS = frozenset({"classify", "answer", "from_scores"})
_CLASSES = frozenset({"classify", "from_scores"})
_CLASSIFY = frozenset({"classify"})
_DETECT = frozenset({"detect"})
_REGRESS = frozenset({"regress"})


def _component(kind: Kind, name: str, target: str, summary: str, **more: Any) -> Component:
    return Component(kind, name, f"{__name__}.{target}", summary, **more)


def _metric(name: str, target: str, summary: str, tasks: frozenset[str], **more: Any) -> Component:
    return _component("metric", name, f"metrics.{target}", summary, tasks=tasks, **more)


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
        *_comparisons(),
        *_pictures(),
    ]


def _confidence() -> list[Component]:
    return [
        _metric(
            "ece",
            "calibration:ECE",
            "Expected calibration error, with what perfect calibration would show.",
            _ANSWERS,
            references=("Guo et al. 2017, arXiv:1706.04599",),
        ),
        _metric(
            "ece_null", "calibration:ECENull", "The calibration error that perfect calibration would show.", _ANSWERS
        ),
        _metric(
            "classwise_ece",
            "calibration:ClasswiseECE",
            "Calibration error of the probability of every class, on average.",
            _CLASSES,
            references=("Kull et al. 2019, arXiv:1910.12656",),
        ),
        _metric("brier", "calibration:Brier", "Mean squared error of the confidence.", _ANSWERS),
        _metric("aurc", "selective:AURC", "Area under the risk-coverage curve.", _ANSWERS),
        _metric(
            "excess_aurc",
            "selective:ExcessAURC",
            "Area under the risk-coverage curve beyond the best possible at this accuracy.",
            _ANSWERS,
            references=("Geifman et al. 2019, arXiv:1805.08206",),
        ),
        _metric(
            "accuracy_at_coverage",
            "selective:AccuracyAtCoverage",
            "Accuracy of the most confident share of the answers.",
            _ANSWERS,
        ),
        _metric(
            "confident_errors",
            "selective:ConfidentErrors",
            "Share of errors among confident predictions.",
            _ANSWERS,
        ),
    ]


def _scores() -> list[Component]:
    return [
        _metric("nll", "scores:NLL", "Negative log-likelihood of the true class, in nats.", _CLASSES),
        _metric(
            "multiclass_brier",
            "scores:MulticlassBrier",
            "Squared distance of all class probabilities from the truth.",
            _CLASSES,
            references=("Brier 1950",),
        ),
        _metric(
            "brier_part",
            "scores:BrierPart",
            "Reliability, resolution or uncertainty: the parts of the multi-class Brier score.",
            _CLASSES,
            references=("Murphy 1973", "Ferro & Fricker 2012"),
        ),
    ]


def _detection() -> list[Component]:
    return [
        _metric(
            "ood_auroc",
            "detection:OODAuroc",
            "Area under the ROC curve of telling other data by a score of the model.",
            _DETECT,
            references=("DeLong, DeLong & Clarke-Pearson 1988",),
        ),
        _metric("ood_aupr", "detection:OODAupr", "Area under the precision-recall curve of the same.", _DETECT),
        _metric("fpr95", "detection:FPR95", "False positive rate where 95 % of the positives are found.", _DETECT),
    ]


def _sets() -> list[Component]:
    return [
        _metric(
            "conformal_coverage",
            "sets:ConformalCoverage",
            "Share of the prediction sets that hold the true class, beside what was promised.",
            _CLASSIFY,
        ),
        _metric("set_size", "sets:SetSize", "Mean number of classes in a prediction set.", _CLASSIFY),
    ]


def _regression() -> list[Component]:
    return [
        _metric(
            "crps",
            "regression:CRPS",
            "Continuous ranked probability score of a predicted number.",
            _REGRESS,
            references=("Gneiting et al. 2005",),
        ),
        _metric(
            "interval_coverage",
            "regression:IntervalCoverage",
            "Share of the targets within their predictive interval, beside what was promised.",
            _REGRESS,
        ),
        _metric("interval_width", "regression:IntervalWidth", "Mean width of the predictive intervals.", _REGRESS),
    ]


def _methods() -> list[Component]:
    return [
        _component(
            "model",
            "temperature_scaled",
            "methods.temperature:TemperatureScaled",
            "A classifier with its logits divided by a temperature that was fitted on held-out data.",
            references=("Guo et al. 2017, arXiv:1706.04599",),
        ),
        _component(
            "model",
            "deep_ensemble",
            "methods.ensemble:DeepEnsemble",
            "The mean prediction of independently trained copies of a model.",
            references=("Lakshminarayanan et al. 2017, arXiv:1612.01474",),
        ),
        _component(
            "model",
            "mc_dropout",
            "methods.dropout:MCDropout",
            "The mean prediction of a network with dropout left on.",
            references=("Gal & Ghahramani 2016, arXiv:1506.02142",),
        ),
        _component(
            "model",
            "laplace_last_layer",
            "methods.laplace:LaplaceLastLayer",
            "A Gaussian posterior over the weights of the last layer.",
            references=("Daxberger et al. 2021, arXiv:2106.14806", "MacKay 1992"),
        ),
        _component(
            "model",
            "split_conformal",
            "methods.conformal:SplitConformal",
            "Sets of classes that hold the true one with a promised probability.",
            references=("Sadinle et al. 2019, arXiv:1609.00451", "Romano et al. 2020, arXiv:2006.02544"),
        ),
        _component(
            "model",
            "mahalanobis",
            "methods.mahalanobis:Mahalanobis",
            "A network with the distance of its features from every class as a score of the unknown.",
            references=("Lee et al. 2018, arXiv:1807.03888",),
        ),
    ]


def _data() -> list[Component]:
    return [
        _component(
            "dataset",
            "corrupted",
            "data.corrupted:Corrupted",
            "Images of another dataset under a corruption of one of five severities.",
            references=("Hendrycks & Dietterich 2019, arXiv:1903.12261",),
        ),
        _component(
            "attack",
            "corruption",
            "data.corrupted:Corruption",
            "A corruption of images as an attack that searches for nothing.",
            tasks=_CLASSIFY,
            references=("Hendrycks & Dietterich 2019, arXiv:1903.12261",),
        ),
        _component(
            "dataset", "noise_images", "data.ood_images:noise_images", "Images of noise, like those of other data."
        ),
        _component(
            "dataset",
            "textures",
            "data.ood_images:textures",
            "Patches of two photographs, in the shape of other data; no download.",
            requires=("scikit-learn",),
        ),
        _component(
            "dataset",
            "letters",
            "data.ood_images:letters",
            "Capital letters in four fonts, in the shape of other data; no download.",
            requires=("matplotlib",),
        ),
        _component(
            "dataset",
            "saved_probabilities",
            "data.saved:saved_probabilities",
            "Class probabilities and labels that another system saved as .npz, for the task from_scores.",
        ),
    ]


def _comparisons() -> list[Component]:
    return [
        _component(
            "aggregate",
            "mean_corruption_error",
            "comparisons.mean_corruption_error:MeanCorruptionError",
            "Per model: error over all corruptions and severities, plain and against a baseline model.",
            tasks=_CLASSIFY,
            references=("Hendrycks & Dietterich 2019, arXiv:1903.12261",),
        ),
    ]


def _pictures() -> list[Component]:
    return [
        _component(
            "reporter",
            "reliability_diagram",
            "pictures.reliability:ReliabilityDiagram",
            "Accuracy over confidence as a PNG, one panel a model.",
            references=("DeGroot & Fienberg 1983",),
        ),
        _component(
            "reporter",
            "shift_curve",
            "pictures.shift:ShiftCurve",
            "Metrics over the severity of corruptions as a PNG, a panel for each kind.",
        ),
    ]
