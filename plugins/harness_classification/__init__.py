"""Classifiers, detectors and regression models: tasks on examples with a label or a target, and their first metrics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.api import Component, Declarations, MeasuredCell, Section, hookimpl

_REGRESS = frozenset({"regress"})


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare tasks, models and metrics."""
    # They were part of the core once, and their results stay comparable.
    task = Declarations("task", __name__, moved_from="harness")
    metric = Declarations("metric", __name__, moved_from="harness")
    model = Declarations("model", f"{__name__}.models")
    return [
        task("classify", "classify:Classify"),
        task("detect", "detect:Detect"),
        task("from_scores", "from_scores:FromScores"),
        task("regress", "regress:Regress"),
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
