"""Bencher Metric Format: benchmark to measure to value and bounds (bencher.dev, "Bencher Metric Format").

It holds no reasons, so what has no value is left out; the number of examples is a measure of its own, `<metric>_n`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.contract.estimates import Estimate
from harness.escaping import json_text
from harness.exporting.benchmarks import Benchmarks
from harness.exporting.numbers import Source


def bencher_files(source: Source, benchmarks: Benchmarks) -> tuple[Mapping[str, str], Sequence[str]]:
    """One file, and the numbers without a value."""
    document: dict[str, dict[str, Any]] = {}
    left_out = []
    for number in source.numbers():
        if not number.has_value:
            left_out.append(number.missing_text)
            continue
        measures = document.setdefault(f"{source.suite} / {number.name}", {})
        measures[number.metric] = _metric(number.measured)
        measures[f"{number.metric}_n"] = {"value": float(number.measured.n)}
    return {"results.json": json_text(document, indent=1) + "\n"}, left_out


def _metric(estimate: Estimate) -> dict[str, float | None]:
    bounds = {"lower_value": estimate.low, "upper_value": estimate.high}
    return {"value": estimate.value, **{name: bound for name, bound in bounds.items() if bound is not None}}
