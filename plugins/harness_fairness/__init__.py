"""Subgroups: who gets the errors, whether the gap is real, what causes it and what training can do about it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from harness.api import Component, Kind, hookimpl

_HARDT = "Hardt, Price & Srebro 2016, arXiv:1610.02413"
_NEWCOMBE = "Newcombe 1998, Statistics in Medicine 17:873-890"
_SIMULTANEOUS = "Agresti, Bini, Bertaccini & Ryu 2008, Biometrics 64:1270-1275"
_SAGAWA = "Sagawa, Koh, Hashimoto & Liang 2020, arXiv:1911.08731"


def _component(kind: Kind, name: str, target: str, summary: str, **more: Any) -> Component:
    return Component(kind, name, f"{__name__}.{target}", summary, **more)


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare data, models and metrics."""
    return [*_data(), *_models(), *_rates(), *_gaps(), *_of_tables()]


def _data() -> list[Component]:
    return [
        _component(
            "dataset",
            "diabetes",
            "data.diabetes:diabetes",
            "Disease progression of 442 patients of scikit-learn, by sex and age; no download.",
            requires=("scikit-learn",),
            references=("Efron, Hastie, Johnstone & Tibshirani 2004, Annals of Statistics 32:407-499",),
        ),
        _component(
            "dataset",
            "colored_digits",
            "data.colored_digits:colored_digits",
            "Digits whose colour misleads about a minority: a gap with a known cause.",
            requires=("scikit-learn",),
            references=("Arjovsky et al. 2019, arXiv:1907.02893, section 5.2", _SAGAWA),
        ),
        _component(
            "dataset",
            "csv_table",
            "data.csv_table:csv_table",
            "Any table (CSV, TSV, Parquet) with a role for each column.",
        ),
        _component(
            "dataset",
            "compas",
            "data.published_tables:compas",
            "COMPAS recidivism scores, 7,214 people, from a folder or a download; for from_scores.",
            references=("Angwin, Larson, Mattu & Kirchner 2016, ProPublica",),
        ),
        _component(
            "dataset",
            "adult",
            "data.published_tables:adult",
            "Adult census incomes, 32,561 people, from a folder or a download.",
            references=("Kohavi 1996, UCI Adult",),
        ),
    ]


def _models() -> list[Component]:
    return [
        _component(
            "model",
            "tabular_mlp",
            "models.tabular:TabularMLP",
            "A multilayer perceptron for tables, with mitigation by group.",
            references=(_SAGAWA,),
        ),
        _component(
            "model",
            "logistic",
            "models.tabular:Logistic",
            "Logistic regression for tables, with mitigation by group.",
        ),
        _component(
            "model",
            "gradient_boosting",
            "models.boosting:GradientBoosting",
            "Gradient boosted trees for tables, with mitigation by group.",
            requires=("scikit-learn",),
            references=("Friedman 2001, Annals of Statistics 29:1189-1232",),
        ),
        _component(
            "model",
            "colored_digit_cnn",
            "models.colored_cnn:ColoredDigitCNN",
            "A small convolutional network for coloured digits, with mitigation by group.",
            references=(_SAGAWA,),
        ),
    ]


def _rates() -> list[Component]:
    return [
        _component(
            "metric",
            "group_rate",
            "metrics.group_rates:GroupRate",
            "Accuracy, error, FPR, FNR, TPR, PPV or selection rate, of all or of one group.",
            references=("Wilson 1927, JASA 22:209-212",),
        ),
        _component(
            "metric",
            "group_difference",
            "metrics.group_rates:GroupDifference",
            "A rate of a group less that of a reference group, with Holm's p over the groups.",
            references=(_NEWCOMBE, "Holm 1979, Scandinavian Journal of Statistics 6:65-70"),
        ),
        _component(
            "metric",
            "group_ratio",
            "metrics.group_rates:GroupRatio",
            "A rate of a group over that of a reference group, with Holm's p over the groups.",
            references=("Donner & Zou 2012, Statistical Methods in Medical Research 21:347-359",),
        ),
        _component(
            "metric",
            "worst_group",
            "metrics.worst_group:WorstGroup",
            "The rate of the worst group, chosen and scored on different halves.",
        ),
        _component(
            "metric",
            "minimum_detectable_gap",
            "metrics.power:MinimumDetectableGap",
            "The smallest gap of a group that a test on so many examples would find.",
            references=("Fleiss, Levin & Paik 2003, Statistical Methods for Rates and Proportions, section 4.2",),
        ),
    ]


def _gaps() -> list[Component]:
    return [
        _component(
            "metric",
            "subgroup_error_gap",
            "metrics.rate_gaps:SubgroupErrorGap",
            "The largest rate of a group less the smallest, against what chance alone gives.",
            references=(_SIMULTANEOUS, "Phipson & Smyth 2010, arXiv:1603.05766"),
        ),
        _component(
            "metric",
            "demographic_parity_difference",
            "metrics.rate_gaps:DemographicParityDifference",
            "The gap of the selection rate between groups.",
            references=(_SIMULTANEOUS,),
        ),
        _component(
            "metric",
            "equal_opportunity_difference",
            "metrics.rate_gaps:EqualOpportunityDifference",
            "The gap of the true positive rate between groups.",
            references=(_HARDT, _SIMULTANEOUS),
        ),
        _component(
            "metric",
            "equalized_odds_difference",
            "metrics.rate_gaps:EqualizedOddsDifference",
            "The larger of the gaps of true and false positive rate between groups.",
            references=(_HARDT, _SIMULTANEOUS),
        ),
        _component(
            "metric",
            "calibration_gap",
            "metrics.value_gaps:CalibrationGap",
            "The gap between groups of how much confidence exceeds truth.",
        ),
        _component(
            "metric",
            "regression_error",
            "metrics.value_gaps:RegressionError",
            "The mean absolute, squared or signed error of a regression.",
            tasks=frozenset({"regress"}),
        ),
        _component(
            "metric",
            "regression_error_gap",
            "metrics.value_gaps:RegressionErrorGap",
            "The largest mean error of a group less the smallest, against what chance alone gives.",
            tasks=frozenset({"regress"}),
        ),
    ]


def _of_tables() -> list[Component]:
    return [
        _component(
            "metric",
            "wer",
            "metrics.transcripts:Wer",
            "Word error rate of the corpus, with an interval over speakers.",
        ),
        _component(
            "metric",
            "wer_gap",
            "metrics.transcripts:WerGap",
            "The largest word error rate of a group less the smallest, by speaker.",
        ),
        _component(
            "metric",
            "fmr",
            "metrics.verification:FalseMatchRate",
            "False match rate at one declared threshold for everyone.",
            tasks=frozenset({"from_scores"}),
            references=("ISO/IEC 19795-1", "Hanley & Lippman-Hand 1983, JAMA 249:1743-1745"),
        ),
        _component(
            "metric",
            "fnmr",
            "metrics.verification:FalseNonMatchRate",
            "False non-match rate at one declared threshold for everyone.",
            tasks=frozenset({"from_scores"}),
            references=("ISO/IEC 19795-1", "Hanley & Lippman-Hand 1983, JAMA 249:1743-1745"),
        ),
    ]
