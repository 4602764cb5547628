"""Every format holds value, interval and n of the five reference tables, and says what it cannot hold."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from harness.contract.errors import UsageError
from harness.contract.estimates import Estimate
from harness.contract.rows import Row, Status
from harness.exporting.benchmarks import Benchmarks
from harness.exporting.formats import FORMATS, export
from harness.exporting.numbers import Source

REFERENCE = ("fairness", "generation", "language", "robustness", "uncertainty")
Held = tuple[str, str, float | None, float | None, float | None, int]
SCHEMA = Path(__file__).parent / "schemas" / "every_eval_ever.schema.json"
DIGEST = "ab" * 32


@pytest.fixture(scope="module", params=REFERENCE)
def source(request: pytest.FixtureRequest) -> Source:
    root = Path(__file__).resolve().parents[2]
    return Source.of_file(root / "results" / "reference" / f"{request.param}.json")


def numbers_of(source: Source) -> list[Held]:
    return sorted(
        (n.name, n.metric, n.measured.value, n.measured.low, n.measured.high, n.measured.n)
        for n in source.numbers()
        if n.has_value
    )


def of_bencher(text: str, source: Source) -> list[Held]:
    return [
        (name.removeprefix(f"{source.suite} / "), measure, m["value"], m.get("lower_value"), m.get("upper_value"), n)
        for name, measures in json.loads(text).items()
        for measure, m in measures.items()
        if not measure.endswith("_n")
        for n in [int(measures[f"{measure}_n"]["value"])]
    ]


def of_hud(text: str, source: Source) -> list[Held]:
    def number(said: str) -> float | None:
        return float(said) if said else None

    return [
        (r["benchmark"]["extra_info"]["name"], m["name"], m["benchmark_values"][0], number(more["low"]),
         number(more["high"]), int(more["n"]))
        for r in json.loads(text)
        for m in [r["metric"]]
        for more in [m["extra_info"]]
        if m["benchmark_values"]
    ]  # fmt: skip


def of_every_eval_ever(text: str, source: Source) -> list[Held]:
    held = []
    for result in json.loads(text)["evaluation_results"]:
        details = result["score_details"]
        interval = details["uncertainty"].get("confidence_interval", {})
        metric = result["metric_config"]["metric_id"]
        name = result["evaluation_result_id"].removesuffix(f" / {metric}")
        n = details["uncertainty"]["num_samples"]
        held.append((name, metric, details["score"], interval.get("lower"), interval.get("upper"), n))
    return held


READERS: Mapping[str, Callable[[str, Source], list[Held]]] = {
    "bmf": of_bencher,
    "hud": of_hud,
    "every-eval-ever": of_every_eval_ever,
}


@pytest.mark.parametrize("layout", READERS)
def test_value_interval_and_n_come_back_from_json(source: Source, layout: str) -> None:
    files = export(source, layout, Benchmarks()).files
    assert sorted(held for text in files.values() for held in READERS[layout](text, source)) == numbers_of(source)


def test_value_interval_n_direction_and_key_come_back_from_csv(source: Source) -> None:
    text = export(source, "csv", Benchmarks()).files["table.csv"]
    lines = list(csv.DictReader(io.StringIO(text)))
    numbers = list(source.numbers())
    assert len(lines) == len(numbers)
    for line, number in zip(lines, numbers, strict=True):
        assert (line["key"], line["direction"]) == (number.row.key, number.direction)
        if number.estimate is None:
            assert line["reason"]
            continue
        assert int(line["n"]) == number.measured.n
        for name in ("value", "low", "high"):
            known = getattr(number.measured, name)
            assert line[name] == "" if known is None else float(line[name]) == known
        assert number.has_value or line["reason"]


def test_documents_are_valid_under_the_published_schema(source: Source) -> None:
    validator = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    exported = export(source, "every-eval-ever", Benchmarks())
    assert len(exported.files) == len({number.model for number in source.numbers()})
    for text in exported.files.values():
        document = json.loads(text)
        assert [error.message for error in validator.iter_errors(document)] == []
        assert {result["source_data"]["source_type"] for result in document["evaluation_results"]} <= {"other"}


def test_what_has_no_value_is_said(source: Source) -> None:
    without = sorted(number.missing_text for number in source.numbers() if not number.has_value)
    for layout in ("bmf", "every-eval-ever"):
        assert sorted(export(source, layout, Benchmarks()).left_out) == without
    documents = export(source, "every-eval-ever", Benchmarks()).files.values()
    said = [json.loads(text)["source_metadata"]["additional_details"].get("without_value") for text in documents]
    assert sorted(line for text in said if text for line in text.split("\n")) == without


def test_no_number_is_said_to_be_of_a_benchmark_that_nobody_claimed(source: Source) -> None:
    exported = export(source, "hf-eval-results", Benchmarks())
    assert exported.files == {}
    assert len(exported.left_out) == sum(1 for _ in source.numbers())


def row(model: str = "m", status: Status = Status.OK, **estimates: Estimate) -> Row:
    data = {"data": {"digest": DIGEST, "ids": "x", "n": 4}} if estimates else {}
    labels = {"model": model, "data": "questions"}
    return Row("e", labels, 0, status, estimates=estimates, n=4, comparability=data)


def made_up(*rows: Row) -> Source:
    metrics = {"e": {"acc": {"direction": "max", "unit": "fraction", "title": "Share right."}}}
    return Source("made up", rows, metrics, {"harness": "1"}, "2026-01-02T03:04:05+00:00")


SHARE = Estimate(0.75, 0.3, 0.95, 0.95, "wilson", 4)


def test_an_entry_of_the_hub_holds_all_in_its_notes() -> None:
    source = made_up(row(acc=SHARE))
    claimed = Benchmarks.of([f"org/bench:main={DIGEST[:12]}"], source)
    (text,) = export(source, "hf-eval-results", claimed).files.values()
    (entry,) = yaml.safe_load(text)
    assert entry["dataset"] == {"id": "org/bench", "task_id": "main"}
    assert (entry["value"], entry["date"]) == (0.75, "2026-01-02")
    notes = json.loads(entry["notes"])
    assert (notes["low"], notes["high"], notes["n"], notes["direction"]) == (0.3, 0.95, 4, "max")
    assert notes["key"] == source.rows[0].key
    (document,) = export(source, "every-eval-ever", claimed).files.values()
    assert json.loads(document)["evaluation_results"][0]["source_data"]["hf_repo"] == "org/bench"


@pytest.mark.parametrize(
    ("claim", "told"),
    [("bench=abab", "write ORG/NAME"), (f"org/bench={'cd' * 8}", "no row has data with this digest; there are: abab")],
)
def test_a_claim_must_name_data_that_are_there(claim: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Benchmarks.of([claim], made_up(row(acc=SHARE)))


def test_a_failed_row_is_said_in_every_format() -> None:
    source = made_up(row(acc=SHARE), replace(row("n"), status=Status.FAILED, reason="it broke"))
    for layout in ("csv", "hud", "latex"):
        assert "it broke" in "".join(export(source, layout, Benchmarks()).files.values())
    for layout in ("bmf", "hf-eval-results", "every-eval-ever"):
        assert any("failed: it broke" in line for line in export(source, layout, Benchmarks()).left_out)


def test_rows_of_the_same_labels_keep_their_own_names() -> None:
    names = [number.name for number in made_up(row(acc=SHARE), row(acc=SHARE)).numbers()]
    assert len(set(names)) == 2


def test_less_is_better_for_gaps_and_for_metrics_that_say_so() -> None:
    gap = replace(row(acc=SHARE), labels={"model": "m", "group": "sex: gap"})
    directions = [number.direction for number in made_up(row(acc=SHARE), gap).numbers()]
    assert directions == ["max", "min"]


@pytest.mark.parametrize("layout", FORMATS)
def test_a_hostile_label_commands_nobody(layout: str) -> None:
    source = made_up(row("=1+1\x1b[31m$x_&", acc=SHARE))
    files = export(source, layout, Benchmarks.of([f"o/b={DIGEST}"], source)).files
    assert files
    for text in files.values():
        assert "\x1b" not in text
    if layout == "csv":
        (line,) = csv.DictReader(io.StringIO(files["table.csv"]))
        assert line["model"].startswith("'=1+1")
    if layout == "latex":
        assert r"\$x\_\&" in files["table.tex"]


def test_a_foreign_file_is_told_by_its_field(tmp_path: Path) -> None:
    path = tmp_path / "table.json"

    def refused(content: Any) -> str:
        path.write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(UsageError) as error:
            Source.of_file(path)
        return str(error.value)

    assert "rows" in refused({"runs": []})
    assert "direction" in refused({"rows": [], "metrics": {"e": {"acc": {"direction": 1}}}})
