"""Subgroups: who gets the errors, whether the gap is real, what causes it and what training can do about it."""

from __future__ import annotations

from collections.abc import Iterable

from harness.api import Component, Declarations, hookimpl

_HARDT = "Hardt, Price & Srebro 2016, arXiv:1610.02413"
_NEWCOMBE = "Newcombe 1998, Statistics in Medicine 17:873-890"
_VERIFICATION = ("ISO/IEC 19795-1", "Hanley & Lippman-Hand 1983, JAMA 249:1743-1745")
_SIMULTANEOUS = "Agresti, Bini, Bertaccini & Ryu 2008, Biometrics 64:1270-1275"
_SELECTION = (
    "Uniform Guidelines on Employee Selection Procedures, 29 CFR 1607.4 D (four-fifths rule)",
    "New York City Local Law 144 of 2021, 6 RCNY 5-300",
    "Donner & Zou 2012, Statistical Methods in Medical Research 21:347-359",
)
_SAGAWA = "Sagawa, Koh, Hashimoto & Liang 2020, arXiv:1911.08731"


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare data, models and metrics."""
    return [*_data(), *_models(), *_rates(), *_gaps(), *_of_tables()]


def _data() -> list[Component]:
    dataset = Declarations("dataset", f"{__name__}.data")
    return [
        dataset(
            "diabetes",
            "diabetes:diabetes",
            "Efron, Hastie, Johnstone & Tibshirani 2004, Annals of Statistics 32:407-499",
            requires=("scikit-learn",),
        ),
        dataset(
            "colored_digits",
            "colored_digits:colored_digits",
            "Arjovsky et al. 2019, arXiv:1907.02893, section 5.2",
            _SAGAWA,
            requires=("scikit-learn",),
        ),
        dataset("csv_table", "csv_table:csv_table"),
        dataset("compas", "published_tables:compas", "Angwin, Larson, Mattu & Kirchner 2016, ProPublica"),
        dataset("adult", "published_tables:adult", "Kohavi 1996, UCI Adult"),
        dataset("captions", "published_tables:captions", "Tatman 2017, Ethics in NLP, doi:10.18653/v1/W17-1606"),
        dataset("verification_trials", "verification_trials:verification_trials", *_VERIFICATION),
    ]


def _models() -> list[Component]:
    model = Declarations("model", f"{__name__}.models")
    return [
        model("tabular_mlp", "tabular:TabularMLP", _SAGAWA),
        model("logistic", "tabular:Logistic", version=2),
        model(
            "gradient_boosting",
            "boosting:GradientBoosting",
            "Friedman 2001, Annals of Statistics 29:1189-1232",
            requires=("scikit-learn",),
        ),
        model("colored_digit_cnn", "colored_cnn:ColoredDigitCNN", _SAGAWA),
    ]


def _rates() -> list[Component]:
    metric = Declarations("metric", f"{__name__}.metrics")
    return [
        metric("group_rate", "group_rates:GroupRate", "Wilson 1927, JASA 22:209-212"),
        metric(
            "group_difference",
            "group_rates:GroupDifference",
            _NEWCOMBE,
            "Holm 1979, Scandinavian Journal of Statistics 6:65-70",
        ),
        metric(
            "group_ratio",
            "group_rates:GroupRatio",
            "Donner & Zou 2012, Statistical Methods in Medical Research 21:347-359",
        ),
        metric("selection_rate", "impact_ratios:SelectionRate", "Wilson 1927, JASA 22:209-212"),
        metric("impact_ratio", "impact_ratios:ImpactRatio", *_SELECTION),
        metric("worst_group", "worst_group:WorstGroup"),
        metric(
            "minimum_detectable_gap",
            "power:MinimumDetectableGap",
            "Fleiss, Levin & Paik 2003, Statistical Methods for Rates and Proportions, section 4.2",
        ),
    ]


def _gaps() -> list[Component]:
    metric = Declarations("metric", f"{__name__}.metrics")
    return [
        metric(
            "subgroup_error_gap", "rate_gaps:SubgroupErrorGap", _SIMULTANEOUS, "Phipson & Smyth 2010, arXiv:1603.05766"
        ),
        metric("demographic_parity_difference", "rate_gaps:DemographicParityDifference", _SIMULTANEOUS),
        metric("equal_opportunity_difference", "rate_gaps:EqualOpportunityDifference", _HARDT, _SIMULTANEOUS),
        metric("equalized_odds_difference", "rate_gaps:EqualizedOddsDifference", _HARDT, _SIMULTANEOUS),
        metric("calibration_gap", "value_gaps:CalibrationGap"),
        metric("regression_error", "value_gaps:RegressionError", tasks={"regress"}),
        metric("regression_error_gap", "value_gaps:RegressionErrorGap", tasks={"regress"}),
    ]


def _of_tables() -> list[Component]:
    metric = Declarations("metric", f"{__name__}.metrics")
    return [
        metric("wer", "transcripts:Wer"),
        metric("wer_gap", "transcripts:WerGap"),
        metric("fmr", "verification:FalseMatchRate", *_VERIFICATION, tasks={"from_scores"}),
        metric("fnmr", "verification:FalseNonMatchRate", *_VERIFICATION, tasks={"from_scores"}),
        metric("fmr_ratio", "verification:FalseMatchRatio", *_VERIFICATION, tasks={"from_scores"}),
        metric("fnmr_ratio", "verification:FalseNonMatchRatio", *_VERIFICATION, tasks={"from_scores"}),
    ]
