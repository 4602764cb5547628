"""Classifiers, detectors and regression models: tasks on examples with a label or a target, and their first metrics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.api import Component, Declarations, MeasuredCell, Section, hookimpl

_REGRESS = frozenset({"regress"})
_CLASSIFY_EXAMPLE = """
data: {use: digits, limit: 24}
models: [shipped_digits]
attacks: [none, {use: noise, with: {eps: 0.2}}]
metrics: [accuracy]
"""
_DETECT_EXAMPLE = """
task: {use: detect, with: {out: {use: noise_images, with: {like: digits}, limit: 24}}}
data: {use: digits, limit: 24}
models: [shipped_digits]
metrics: [ood_auroc]
"""
_REGRESS_EXAMPLE = """
data: {use: function, with: {name: sine}, limit: 24}
models: [{use: least_squares, with: {features: linear}}]
metrics: [rmse]
"""


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare tasks, models and metrics."""
    # They were part of the core once, and their results stay comparable.
    task = Declarations("task", __name__, moved_from="harness")
    metric = Declarations("metric", __name__, moved_from="harness")
    model = Declarations("model", f"{__name__}.models")
    return [
        task("classify", "classify:Classify", example=_CLASSIFY_EXAMPLE),
        task("detect", "detect:Detect", example=_DETECT_EXAMPLE),
        task("from_scores", "from_scores:FromScores"),
        task("regress", "regress:Regress", example=_REGRESS_EXAMPLE),
        model("callable", "function:function_model"),
        model("onnx", "onnx_model:onnx_model", requires=("onnxruntime",)),
        model("sklearn", "sklearn_model:sklearn_model", requires=("scikit-learn",)),
        model("torch_export", "exported_program:exported_program"),
        metric("accuracy", "accuracy:Accuracy"),
        metric("mae", "regression_metrics:MAE", tasks=_REGRESS),
        metric("rmse", "regression_metrics:RMSE", tasks=_REGRESS),
        metric("r2", "regression_metrics:R2", tasks=_REGRESS),
    ]


@hookimpl
def harness_page_sections(cells: Sequence[MeasuredCell]) -> Iterable[Section]:
    """Show the hardest examples of attacked classifiers."""
    from harness_classification.hardest_examples import sections

    return sections(cells)
