"""Suites that ask for more than memory holds: a located error with the number, before any of it is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.contract.errors import SuiteError
from harness.plugins import Catalog
from harness.signatures import SignatureReader
from harness.suite.limits import MAX_BYTES, too_many
from harness.suite.load import load_suite
from harness.suite.resolve import make_plan

HEAD = "suite: s\ntask: classify\ndata: digits\nmetrics: [accuracy]\n"
VALUES = ", ".join(str(value) for value in range(1, 151))


def message(tmp_path: Path, text: str, catalog: Catalog) -> str:
    file = tmp_path / "s.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SuiteError) as caught:
        make_plan(load_suite(str(file)), catalog, SignatureReader())
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            f"models: [{{use: digit_mlp, sweep: {{width: [{VALUES}], epochs: [{VALUES}], batch: [{VALUES}]}}}}]",
            "s.yaml:5:27: models.0.sweep: 3,375,000 combinations (150 × 150 × 150) are more than the 100,000",
        ),
        (
            "models: [{use: digit_mlp, draws: {n: 1000000000, from: {width: {integer: [1, 9]}}}}]",
            "s.yaml:5:27: models.0.draws: 1,000,000,000 combinations are more than the 100,000",
        ),
        (
            "models: [{use: deep_ensemble, with: {model: digit_mlp, members: 1000000000}}]",
            "s.yaml:5:56: models.0.with.members: 1,000,000,000 members are more than the 1,000",
        ),
        (
            f"models: [{{use: digit_mlp, sweep: {{width: [{VALUES}]}}}}]\n"
            f"attacks: [{{use: fgsm, sweep: {{eps: [{VALUES}]}}}}]\nseeds: [{VALUES}]",
            "3,375,000 cells (150 × 150 × 150) are more than the 200,000",
        ),
    ],
)
def test_what_no_memory_holds_is_a_located_error(tmp_path: Path, catalog: Catalog, text: str, told: str) -> None:
    assert told in message(tmp_path, HEAD + text + "\n", catalog)


def test_a_nested_sweep_counts(tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.suite.uses.MAX_CELLS", 5)
    inner = "{use: digit_mlp, sweep: {width: [8, 9, 10]}}"
    text = f"models: [{{use: deep_ensemble, sweep: {{model: [{inner}, digit_cnn]}}}}]\n"
    assert "the suite names more than 5 components" in message(tmp_path, HEAD + text, catalog)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    with file.open("wb") as sparse:
        sparse.truncate(MAX_BYTES + 1)
    with pytest.raises(SuiteError, match="its 20,000,001 bytes are more than the 20,000,000 that a suite may have"):
        load_suite(str(file))


def test_the_numbers_are_named() -> None:
    assert too_many([3, 1, 4], 12, "cells") == ""
    assert too_many([3, 1, 5], 14, "cells") == "15 cells (3 × 5) are more than the 14 that are possible"
    assert too_many([15, 1], 14, "cells") == "15 cells are more than the 14 that are possible"
    assert too_many([15, 0], 14, "cells") == ""
