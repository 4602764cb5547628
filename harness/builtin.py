"""What the core itself offers, registered through the same hook as every plugin."""

from __future__ import annotations

from collections.abc import Iterable

from harness.contract.components import Component
from harness.hooks import hookimpl


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare tasks, and the metrics and aggregates that belong to no plugin."""
    return [*_tasks(), *_for_all_tasks()]


def _tasks() -> list[Component]:
    return [
        Component(
            "task",
            "classify",
            "harness.tasks.classify:Classify",
            "Predict a class for every example, clean and under attack.",
        ),
        Component(
            "task",
            "generate",
            "harness.tasks.generate:Generate",
            "Draw samples of a generative model and compare them with held-out data.",
        ),
        Component(
            "task",
            "regress",
            "harness.tasks.regress:Regress",
            "Predict a number for every example.",
        ),
        Component(
            "task",
            "detect",
            "harness.tasks.detect:Detect",
            "Tell data like a classifier's own from other data.",
        ),
        Component(
            "task",
            "from_scores",
            "harness.tasks.from_scores:FromScores",
            "Audit a table of labels and scores, without a model.",
        ),
        Component(
            "task",
            "language",
            "harness.tasks.language:Language",
            "Score the documents of a corpus by their likelihood, clean and under noise.",
        ),
        Component(
            "task",
            "answer",
            "harness.tasks.answer:Answer",
            "Ask questions: what a model answers, whether it is right, and how sure it is.",
        ),
        Component(
            "task",
            "minimal_pairs",
            "harness.tasks.minimal_pairs:MinimalPairs",
            "Which of two sentences is likelier: the one that is right or the one that is not.",
        ),
    ]


def _for_all_tasks() -> list[Component]:
    return [
        Component(
            "metric",
            "accuracy",
            "harness.tasks.accuracy:Accuracy",
            "Share of examples given their true class, without attack.",
        ),
        Component(
            "metric",
            "mae",
            "harness.tasks.point_errors:MAE",
            "Mean absolute error of predicted numbers.",
            tasks=frozenset({"regress"}),
        ),
        Component(
            "metric",
            "rmse",
            "harness.tasks.point_errors:RMSE",
            "Root mean squared error of predicted numbers.",
            tasks=frozenset({"regress"}),
        ),
        Component(
            "metric",
            "r2",
            "harness.tasks.point_errors:R2",
            "Share of the variance of the targets that predictions explain.",
            tasks=frozenset({"regress"}),
        ),
        Component(
            "aggregate",
            "over_seeds",
            "harness.results.over_seeds:OverSeeds",
            "Mean and spread of every metric over seeds: how stable training is.",
        ),
    ]
