"""Cache keys hold all that may change the records, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.contract.cells import Cell, Use
from harness.contract.components import Component
from harness.plugins import Catalog
from harness.signatures import SignatureReader
from harness.store.import_closure import ImportClosures
from harness.store.keys import (
    EXECUTES,
    READS_SIGNATURES,
    cell_key_inputs,
    code_of,
    file_digest,
    key_of,
    signature_key,
    statistics_of,
    versions_of,
    weights_key_inputs,
)
from harness.store.store import Store
from harness.suite.load import load_suite
from harness.suite.resolve import make_plan


@pytest.fixture(scope="module")
def cell(catalog: Catalog) -> Cell:
    planned = make_plan(load_suite("smoke"), catalog, SignatureReader())
    return next(cell for cell in planned.cells if cell.labels["attack"].startswith("pgd"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("results") / "store")


def key(cell: Cell, catalog: Catalog, store: Store, device: str = "cpu") -> str:
    return key_of(cell_key_inputs(cell, catalog, store, device))


def changed(use: Use | None, **parameters: object) -> Use:
    assert use is not None
    return replace(use, parameters={**use.parameters, **parameters})


def test_what_changes_the_key(cell: Cell, catalog: Catalog, store: Store) -> None:
    parts = cell.components
    assert parts["data"] is not None
    variants = [
        replace(cell, seed=1),
        replace(cell, chunk=32),
        replace(cell, components={**parts, "attack": None}),
        replace(cell, components={**parts, "attack": changed(parts["attack"], eps=0.3)}),
        replace(cell, components={**parts, "model": changed(parts["model"], epochs=31)}),
        replace(cell, components={**parts, "data": replace(parts["data"], limit=7)}),
        replace(cell, task=replace(cell.task, version=2)),
    ]
    found = {key(each, catalog, store) for each in [cell, *variants]}
    assert len(found) == 1 + len(variants)
    assert key(cell, catalog, store, "cuda:0") not in found


def test_what_does_not(cell: Cell, catalog: Catalog, store: Store) -> None:
    attack = cell.components["attack"]
    assert attack is not None
    same = [
        replace(cell, metrics=()),
        replace(cell, experiment="other"),
        replace(cell, components={**cell.components, "attack": replace(attack, label="other")}),
    ]
    assert {key(each, catalog, store) for each in same} == {key(cell, catalog, store)}
    assert key(cell, catalog, store, "cuda:0") == key(cell, catalog, store, "cuda:1")


def test_code_and_versions_are_inputs(cell: Cell, catalog: Catalog, store: Store) -> None:
    inputs = cell_key_inputs(cell, catalog, store, "cpu")
    assert set(inputs["code"]) == {
        EXECUTES,
        "harness_classification.classify",
        "harness_adversarial.attacks.gradient_attacks",
        "harness_vision.digit_models",
        "harness_vision.digits",
    }
    assert {"torch", "numpy", "scikit-learn"} <= set(inputs["versions"])


def test_the_modules_named_in_keys_are_those_that_do_the_work() -> None:
    from harness.execution.cell import execute
    from harness.signatures import read_signature

    assert execute.__module__ == EXECUTES
    assert read_signature.__module__ == READS_SIGNATURES


def test_weights_depend_on_the_model_and_not_on_the_attack(cell: Cell, catalog: Catalog, store: Store) -> None:
    model = cell.components["model"]
    assert model is not None

    def weights(use: Use, seed: int) -> dict[str, Any]:
        return weights_key_inputs("harness.execution.build", use, seed, catalog, store, "cpu")

    inputs = weights(model, 0)
    assert set(inputs["code"]) == {"harness.execution.build", "harness_vision.digit_models", "harness_vision.digits"}
    assert key_of(inputs) != key_of(weights(model, 1))
    assert key_of(inputs) != key_of(weights(changed(model, eps=0.3), 0))


def test_a_file_that_a_parameter_names_counts_by_its_content(cell: Cell, catalog: Catalog, tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("a,b\n1,2\n", encoding="utf-8")
    data = cell.components["data"]
    assert data is not None
    reading = replace(data, parameters={**data.parameters, "path": str(file)}, paths=("path",))
    cell = replace(cell, components={**cell.components, "data": reading})
    model = replace(reading, kind="model", name="harness_vision/digit_mlp")
    store = Store(tmp_path / "store")

    def keys() -> list[str]:
        return [
            key_of(cell_key_inputs(cell, catalog, store, "cpu")),
            key_of(weights_key_inputs("harness.execution.build", model, 0, catalog, store, "cpu")),
            key_of(statistics_of("harness.scoring.metrics", [reading], catalog, store)),
        ]

    before = keys()
    file.write_text("a,b\n1,3\n", encoding="utf-8")
    assert [old == new for old, new in zip(before, keys(), strict=True)] == [False, False, False]


def test_code_that_a_parameter_names_is_followed(
    cell: Cell, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_networks.py").write_text("class Net: width = 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    model = replace(changed(cell.components["model"], architecture="own_networks:Net"), imports=("architecture",))

    def digest(architecture: str) -> str:
        use = changed(model, architecture=architecture)
        code: dict[str, str] = code_of("harness.execution.build", [use], catalog, Store(tmp_path / "store"))["code"]
        return code.get(architecture.rpartition(":")[0], "")

    before = digest("own_networks:Net")
    (tmp_path / "own_networks.py").write_text("class Net: width = 2\n", encoding="utf-8")
    assert before != digest("own_networks:Net") != ""
    assert digest("Net") == ""


def test_signatures_depend_on_docstrings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "described.py"
    monkeypatch.syspath_prepend(str(tmp_path))
    component = Component("metric", "described", "described:Metric", "A metric.")
    found = set()
    for text in ("one", "two"):
        file.write_text(f'class Metric:\n    """{text}"""\n', encoding="utf-8")
        found.add(signature_key(component, ImportClosures(())))
    assert len(found) == 2


def test_file_digest_follows_the_content(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"one")
    assert file_digest(file) == "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
    file.write_bytes(b"other")
    assert file_digest(file) != "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"


def test_bytecode_beside_modules_of_a_folder_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "tasks" / "inner").mkdir(parents=True)
    (tmp_path / "tasks" / "inner" / "utils.py").write_text("x = 1")
    use = Use("dataset", "d", "d", 1, {"path": str(tmp_path / "tasks")}, paths=("path",))
    before = file_digest(tmp_path / "tasks"), versions_of([use])
    (tmp_path / "tasks" / "inner" / "__pycache__").mkdir()
    (tmp_path / "tasks" / "inner" / "__pycache__" / "utils.cpython-311.pyc").write_bytes(b"bytecode")
    assert (file_digest(tmp_path / "tasks"), versions_of([use])) == before
    (tmp_path / "tasks" / "inner" / "more.py").write_text("y = 1")
    assert len(versions_of([use])) == len(before[1]) + 1


def test_file_digest_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    before = file_digest(tmp_path)
    (tmp_path / "b").write_text("")
    assert file_digest(tmp_path) != before
