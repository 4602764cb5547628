"""What networks can represent, and what it costs: functions, noise, data, extrapolation, structure, explanations."""

from __future__ import annotations

from collections.abc import Iterable

from harness.api import Component, Declarations, hookimpl

_CLASSIFY = frozenset({"classify"})
_REGRESS = frozenset({"regress"})
_EXPLAIN = frozenset({"explain"})
_EXPLAIN_EXAMPLE = """
data: {use: planted_pattern, limit: 8}
models: [pattern_detector]
attributions: [gradient]
metrics: [pointing]
"""


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare data, models, metrics, aggregates and pictures."""
    return [*_data(), *_models(), *_attacks(), *_metrics(), *_comparisons_and_pictures(), *_explanations()]


def _data() -> list[Component]:
    dataset = Declarations("dataset", f"{__name__}.data")
    return [
        dataset("function", "function:function", "Runge 1901", "Franke 1979"),
        dataset("relabelled", "relabelled:Relabelled", "Zhang et al. 2017, arXiv:1611.03530"),
        dataset("subset", "subset:Subset", "Mohr et al. 2022, LCDB 1.0"),
        dataset("transformed", "transformed:Transformed"),
        dataset("table", "tables:table", "Street, Wolberg & Mangasarian 1993", "Forina et al. 1991"),
        dataset("planted_pattern", "planted_pattern:planted_pattern", requires=("scikit-learn",)),
    ]


def _models() -> list[Component]:
    model = Declarations("model", f"{__name__}.models", tasks=_REGRESS)
    classifier = Declarations("model", f"{__name__}.models")
    return [
        model("relu_interpolant", "relu_interpolant:ReluInterpolant", "Yarotsky 2017, arXiv:1610.01145"),
        model("function_mlp", "function_mlp:FunctionMLP", "Cybenko 1989", "Hornik, Stinchcombe & White 1989"),
        model(
            "function_ensemble", "function_ensemble:FunctionEnsemble", "Lakshminarayanan et al. 2017, arXiv:1612.01474"
        ),
        model("least_squares", "least_squares:LeastSquares"),
        model("gaussian_process", "gaussian_process:GaussianProcess", "Rasmussen & Williams 2006"),
        classifier("pattern_detector", "pattern_detector:PatternDetector"),
        classifier("structured_net", "structured_net:StructuredNet", "Zhang et al. 2017, arXiv:1611.03530"),
    ]


def _attacks() -> list[Component]:
    attack = Declarations("attack", f"{__name__}.attacks", tasks=_CLASSIFY)
    return [attack("shift", "shift:Shift", "Azulay & Weiss 2019, arXiv:1805.12177")]


def _metrics() -> list[Component]:
    metric = Declarations("metric", f"{__name__}.metrics", tasks=_REGRESS)
    return [
        metric("sup_error", "sup_error:SupError"),
        metric("invariance_error", "invariance_error:InvarianceError", tasks=_CLASSIFY),
    ]


def _comparisons_and_pictures() -> list[Component]:
    aggregate = Declarations("aggregate", f"{__name__}.comparisons")
    reporter = Declarations("reporter", f"{__name__}.pictures")
    return [
        aggregate("extrapolation", "extrapolation:Extrapolation", tasks=_REGRESS),
        aggregate("chance_check", "chance_check:ChanceCheck", "Zhang et al. 2017", tasks=_CLASSIFY),
        aggregate(
            "learning_curve",
            "learning_curve:LearningCurve",
            "Hestness et al. 2017, arXiv:1712.00409",
            "Mohr et al. 2022, LCDB 1.0",
            tasks=_CLASSIFY,
        ),
        aggregate("size_needed", "size_needed:SizeNeeded"),
        aggregate("best_of_k", "best_of_k:BestOfK", "Dodge et al. 2019, arXiv:1909.03004"),
        aggregate("variance_shares", "variance_shares:VarianceShares", "Hutter, Hoos & Leyton-Brown 2014, ICML"),
        reporter("best_of_k_curve", "best_of_k_curve:BestOfKCurve", "Dodge et al. 2019, arXiv:1909.03004"),
        reporter("cost_quality", "cost_quality:CostQuality"),
        reporter("function_plot", "function_plot:FunctionPlot"),
        reporter("sweep_curve", "sweep_curve:SweepCurve"),
    ]


def _explanations() -> list[Component]:
    attribution = Declarations("attribution", f"{__name__}.attributions", tasks=_EXPLAIN)
    metric = Declarations("metric", f"{__name__}.metrics.explanations", tasks=_EXPLAIN)
    aggregate = Declarations("aggregate", f"{__name__}.comparisons", tasks=_EXPLAIN)
    reporter = Declarations("reporter", f"{__name__}.pictures", tasks=_EXPLAIN)
    return [
        Declarations("task", f"{__name__}.explaining")("explain", "explain:Explain", example=_EXPLAIN_EXAMPLE),
        attribution("gradient", "gradients:Gradient", "Simonyan et al. 2014, arXiv:1312.6034"),
        attribution("gradient_x_input", "gradients:GradientTimesInput", "Shrikumar et al. 2017, arXiv:1704.02685"),
        attribution(
            "integrated_gradients", "gradients:IntegratedGradients", "Sundararajan et al. 2017, arXiv:1703.01365"
        ),
        attribution("smoothgrad", "gradients:SmoothGrad", "Smilkov et al. 2017, arXiv:1706.03825"),
        attribution("occlusion", "occlusion:Occlusion", "Zeiler & Fergus 2014, arXiv:1311.2901"),
        attribution("grad_cam", "grad_cam:GradCAM", "Selvaraju et al. 2017, arXiv:1610.02391"),
        attribution(
            "captum_method",
            "captum_adapter:CaptumMethod",
            "Kokhlikyan et al. 2020, arXiv:2009.07896",
            requires=("captum",),
        ),
        attribution("random_map", "controls:RandomMap"),
        attribution("edge_filter", "controls:EdgeFilter", "Adebayo et al. 2018, arXiv:1810.03292"),
        metric("deletion", ":Deletion", "Petsiuk et al. 2018, arXiv:1806.07421"),
        metric("insertion", ":Insertion", "Petsiuk et al. 2018, arXiv:1806.07421"),
        metric("infidelity", ":Infidelity", "Yeh et al. 2019, arXiv:1901.09392"),
        metric("max_sensitivity", ":MaxSensitivity", "Yeh et al. 2019, arXiv:1901.09392"),
        metric("randomised_similarity", ":RandomisedSimilarity", "Adebayo et al. 2018, arXiv:1810.03292"),
        metric("pointing", ":Pointing", "Zhang et al. 2018, arXiv:1608.00507"),
        aggregate("attribution_ranking", "attribution_ranking:AttributionRanking"),
        reporter("attribution_maps", "attribution_maps:AttributionMaps"),
        reporter("baseline_flips", "baseline_flips:BaselineFlips"),
    ]
