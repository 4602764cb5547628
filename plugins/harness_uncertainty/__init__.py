"""Whether a model knows what it does not know: calibration, confident errors, selective prediction."""

from __future__ import annotations

from collections.abc import Iterable

from harness.api import Component, hookimpl

_TASKS = frozenset({"classify", "answer"})


def _metric(name: str, target: str, summary: str) -> Component:
    return Component("metric", name, f"{__name__}.{target}", summary, tasks=_TASKS)


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare metrics of confidence."""
    return [
        _metric("ece", "calibration:ECE", "Expected calibration error, with what perfect calibration would show."),
        _metric("ece_null", "calibration:ECENull", "The calibration error that perfect calibration would show."),
        _metric("brier", "calibration:Brier", "Mean squared error of the confidence."),
        _metric("aurc", "selective:AURC", "Area under the risk-coverage curve."),
        _metric("confident_errors", "selective:ConfidentErrors", "Share of errors among confident predictions."),
    ]
