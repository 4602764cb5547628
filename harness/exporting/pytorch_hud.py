"""Records of the benchmark dashboard of PyTorch (HUD): a JSON list of benchmark, model, metric and dependencies.

What the format has no field for, such as the interval, stands in `extra_info`, whose values are texts. A number without
a value has no `benchmark_values`, and its reason there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.escaping import json_text
from harness.exporting.benchmarks import Benchmarks
from harness.exporting.numbers import Number, Source, precise

_STATUS = "status"


def hud_files(source: Source, benchmarks: Benchmarks) -> tuple[Mapping[str, str], Sequence[str]]:
    """One file; it holds everything."""
    records = [_record(source, number) for number in source.numbers()]
    return {"results.json": json_text(records, indent=1) + "\n"}, ()


def _record(source: Source, number: Number) -> dict[str, Any]:
    row, estimate = number.row, number.estimate
    about = {"harness": str(source.provenance.get("harness", "")), "seed": row.seeds, "data_digest": number.data_digest}
    execution = str(row.facts.get("execution", ""))
    return {
        "benchmark": {
            "name": source.suite,
            "mode": row.experiment,
            "dtype": execution.partition(",")[0] or "float32",
            "extra_info": {"name": number.name, "key": row.key, "status": str(row.status), **about, **row.labels},
        },
        "model": {"name": number.model, "type": "", "backend": execution, "origins": []},
        "metric": {
            "name": number.metric or _STATUS,
            "unit": number.unit,
            "benchmark_values": [] if estimate is None or estimate.value is None else [estimate.value],
            "target_value": None,
            "extra_info": _of_metric(number),
        },
        "dependencies": {
            name: {"name": name, "version": str(source.provenance[name]), "extra_info": {}}
            for name in ("python", "torch")
            if source.provenance.get(name)
        },
    }


def _of_metric(number: Number) -> dict[str, str]:
    about = {"direction": number.direction, "reason": number.reason}
    estimate = number.estimate
    if estimate is None:
        return about
    return {
        **about,
        "low": precise(estimate.low),
        "high": precise(estimate.high),
        "level": precise(estimate.level),
        "method": estimate.method,
        "n": str(estimate.n),
        "n_missing": str(estimate.n_missing),
    }
