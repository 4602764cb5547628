"""Evaluation results of the Hugging Face Hub: `.eval_results/*.yaml`, one file for each model.

An entry names a registered benchmark, so only numbers whose data have the digest of one (`--benchmark`) are written.
The format has no field for an interval: it stands in `notes`, with n, direction and key, as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from harness.escaping import json_text, on_a_line
from harness.exporting.benchmarks import Benchmark, Benchmarks
from harness.exporting.numbers import Number, Source, file_name


def hub_files(source: Source, benchmarks: Benchmarks) -> tuple[Mapping[str, str], Sequence[str]]:
    """One file for each model with a number on a benchmark, and the numbers that are of none."""
    entries: dict[str, list[dict[str, Any]]] = {}
    left_out = []
    for number in source.numbers():
        benchmark = benchmarks.of_number(number)
        if not number.has_value:
            left_out.append(number.missing_text)
        elif benchmark is None:
            digest = number.data_digest[:12] or "several"
            left_out.append(f"{number.name}, {number.metric}: its data ({digest}) are claimed to be no benchmark")
        else:
            name = f"{file_name(f'{source.suite}-{number.model}')}.yaml"
            entries.setdefault(name, []).append(_entry(source, number, benchmark))
    return {name: yaml.safe_dump(each, sort_keys=False, width=10_000) for name, each in entries.items()}, left_out


def _entry(source: Source, number: Number, benchmark: Benchmark) -> dict[str, Any]:
    estimate = number.measured
    about = {
        "metric": number.metric,
        "low": estimate.low,
        "high": estimate.high,
        "level": estimate.level,
        "method": estimate.method,
        "n": estimate.n,
        "direction": number.direction,
        "key": number.row.key,
        "row": on_a_line(number.name),
    }
    return {
        "dataset": {"id": benchmark.name, **({"task_id": benchmark.task} if benchmark.task else {})},
        "value": estimate.value,
        **({"date": source.started[:10]} if source.started else {}),
        "notes": json_text(about),
    }
