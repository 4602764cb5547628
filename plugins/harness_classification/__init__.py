"""Classifiers, detectors and regression models: tasks on examples with a label or a target, and their first metrics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.api import Component, Kind, MeasuredCell, Section, hookimpl

_REGRESS = frozenset({"regress"})


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare tasks and metrics."""
    return [
        _component(
            "task", "classify", "classify:Classify", "Predict a class for every example, clean and under attack."
        ),
        _component("task", "detect", "detect:Detect", "Tell data like a classifier's own from other data."),
        _component(
            "task", "from_scores", "from_scores:FromScores", "Audit a table of labels and scores, without a model."
        ),
        _component("task", "regress", "regress:Regress", "Predict a number for every example."),
        _component(
            "metric", "accuracy", "accuracy:Accuracy", "Share of examples given their true class, without attack."
        ),
        _component(
            "metric", "mae", "regression_metrics:MAE", "Mean absolute error of predicted numbers.", tasks=_REGRESS
        ),
        _component(
            "metric", "rmse", "regression_metrics:RMSE", "Root mean squared error of predicted numbers.", tasks=_REGRESS
        ),
        _component(
            "metric",
            "r2",
            "regression_metrics:R2",
            "Share of the variance of the targets that predictions explain.",
            tasks=_REGRESS,
        ),
    ]


@hookimpl
def harness_page_sections(cells: Sequence[MeasuredCell]) -> Iterable[Section]:
    """Show the hardest examples of attacked classifiers."""
    from harness_classification.hardest_examples import sections

    return sections(cells)


def _component(kind: Kind, name: str, target: str, summary: str, tasks: frozenset[str] = frozenset()) -> Component:
    # They were part of the core once, and their results stay comparable.
    return Component(kind, name, f"{__name__}.{target}", summary, tasks=tasks, moved_from=f"harness/{name}")
