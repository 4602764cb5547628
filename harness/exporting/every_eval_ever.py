"""Every Eval Ever (evaleval.github.io), schema 0.3.0: one JSON document for each model of a table.

The schema asks of every score whether less of it is better: for a metric without a direction it says no, and
`metric_config.additional_details.direction` says "none". It has no place for a number without a value: these are named
in `source_metadata.additional_details`. Data are those of a public benchmark only by their digest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from harness.contract.estimates import Estimate
from harness.escaping import json_text
from harness.exporting.benchmarks import Benchmarks
from harness.exporting.numbers import Number, Source, file_name
from harness.version import __version__

SCHEMA_VERSION = "0.3.0"
_NO_MODEL = "no model"


def every_eval_ever_files(source: Source, benchmarks: Benchmarks) -> tuple[Mapping[str, str], Sequence[str]]:
    """One file for each model, and the numbers without a value, which the documents name too."""
    by_model: dict[str, list[Number]] = {}
    for number in source.numbers():
        by_model.setdefault(number.model or _NO_MODEL, []).append(number)
    files: dict[str, str] = {}
    for model, numbers in by_model.items():
        name = file_name(f"{source.suite}-{model}")
        name = f"{name}-{len(files)}" if f"{name}.json" in files else name
        files[f"{name}.json"] = json_text(_document(source, model, numbers, benchmarks), indent=1) + "\n"
    return files, [n.missing_text for numbers in by_model.values() for n in numbers if not n.has_value]


def _document(source: Source, model: str, numbers: Sequence[Number], benchmarks: Benchmarks) -> dict[str, Any]:
    at = source.started or datetime.now(UTC).isoformat(timespec="seconds")
    missing = [number.missing_text for number in numbers if not number.has_value]
    seconds = str(datetime.fromisoformat(at).timestamp())
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": f"{source.suite}/{model}/{seconds}",
        **({"evaluation_timestamp": source.started} if source.started else {}),
        "retrieved_timestamp": seconds,
        "source_metadata": {
            "source_name": source.suite,
            "source_type": "evaluation_run",
            "source_organization_name": "unknown",
            "evaluator_relationship": "other",
            "additional_details": {"without_value": "\n".join(missing)} if missing else {},
        },
        "eval_library": {
            "name": "harness",
            "version": str(source.provenance.get("harness") or __version__),
            "additional_details": {k: str(v) for k, v in source.provenance.items() if isinstance(v, str | int) and v},
        },
        "model_info": {
            "name": model,
            "id": model,
            "additional_details": {"deployment_type": "unknown", "model_availability": "unknown"},
        },
        "evaluation_results": [_result(source, number, benchmarks) for number in numbers if number.has_value],
    }


def _result(source: Source, number: Number, benchmarks: Benchmarks) -> dict[str, Any]:
    return {
        "evaluation_result_id": f"{number.name} / {number.metric}",
        "evaluation_name": f"{source.suite} / {number.row.experiment}",
        "source_data": _data(number, benchmarks),
        "metric_config": {
            "evaluation_description": number.title,
            "metric_id": number.metric,
            "metric_name": number.metric.replace("_", " "),
            **({"metric_unit": number.unit} if number.unit else {}),
            "lower_is_better": number.direction == "min",
            "score_type": "continuous",
            "min_score": None,
            "max_score": None,
            "additional_details": {"direction": number.direction or "not known"},
        },
        "score_details": {
            "score": number.measured.value,
            "details": {
                **number.row.labels,
                "seed": number.row.seeds,
                "status": str(number.row.status),
                "key": number.row.key,
                "n_missing": str(number.measured.n_missing),
                "reason": number.reason,
            },
            "uncertainty": _uncertainty(number.measured),
        },
    }


def _data(number: Number, benchmarks: Benchmarks) -> dict[str, Any]:
    benchmark = benchmarks.of_number(number)
    name = number.row.labels.get("data", "") or "unknown"
    digest = {"additional_details": {"digest": number.data_digest}} if number.data_digest else {}
    if benchmark is None:
        return {"dataset_name": name, "source_type": "other", **digest}
    return {"dataset_name": benchmark.name, "source_type": "hf_dataset", "hf_repo": benchmark.name, **digest}


def _uncertainty(estimate: Estimate) -> dict[str, Any]:
    if estimate.low is None or estimate.high is None:
        return {"num_samples": estimate.n}
    return {
        "confidence_interval": {
            "lower": estimate.low,
            "upper": estimate.high,
            "confidence_level": estimate.level,
            "method": estimate.method,
        },
        "num_samples": estimate.n,
    }
