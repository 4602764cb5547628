"""Cache keys hold all that may change the records, and nothing else."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harness.contract.cells import Cell, Use
from harness.plugins import Catalog
from harness.signatures import SignatureReader
from harness.store import keys
from harness.store.keys import cell_key_inputs, file_digest, key_of, package_digest, weights_key_inputs
from harness.suite.load import load_suite
from harness.suite.resolve import make_plan


@pytest.fixture(scope="module")
def cell(catalog: Catalog) -> Cell:
    planned = make_plan(load_suite("smoke"), catalog, SignatureReader())
    return next(cell for cell in planned.cells if cell.labels["attack"].startswith("pgd"))


def key(cell: Cell, catalog: Catalog, device: str = "cpu") -> str:
    return key_of(cell_key_inputs(cell, catalog, device))


def changed(use: Use | None, **parameters: object) -> Use:
    assert use is not None
    return replace(use, parameters={**use.parameters, **parameters})


def test_what_changes_the_key(cell: Cell, catalog: Catalog) -> None:
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
    found = {key(each, catalog) for each in [cell, *variants]}
    assert len(found) == 1 + len(variants)
    assert key(cell, catalog, "cuda:0") not in found


def test_what_does_not(cell: Cell, catalog: Catalog) -> None:
    attack = cell.components["attack"]
    assert attack is not None
    same = [
        replace(cell, metrics=()),
        replace(cell, experiment="other"),
        replace(cell, components={**cell.components, "attack": replace(attack, label="other")}),
    ]
    assert {key(each, catalog) for each in same} == {key(cell, catalog)}
    assert key(cell, catalog, "cuda:0") == key(cell, catalog, "cuda:1")


def test_code_and_versions_are_inputs(cell: Cell, catalog: Catalog) -> None:
    inputs = cell_key_inputs(cell, catalog, "cpu")
    assert set(inputs["code"]) == {"harness", "harness_adversarial", "harness_vision"}
    assert {"torch", "numpy", "scikit-learn"} <= set(inputs["versions"])


def test_weights_depend_on_the_model_and_not_on_the_attack(cell: Cell, catalog: Catalog) -> None:
    model = cell.components["model"]
    assert model is not None
    inputs = weights_key_inputs(model, 0, catalog, "cpu")
    assert set(inputs["code"]) == {"harness", "harness_vision"}
    assert key_of(inputs) != key_of(weights_key_inputs(model, 1, catalog, "cpu"))
    assert key_of(inputs) != key_of(weights_key_inputs(changed(model, eps=0.3), 0, catalog, "cpu"))


def test_an_edited_helper_module_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash covers the whole package, not only the module of the target."""
    package = tmp_path / "some_plugin"
    (package / "deep").mkdir(parents=True)
    (package / "__init__.py").write_text("", encoding="utf-8")
    helper = package / "deep" / "helper.py"
    helper.write_text("A = 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = package_digest.__wrapped__("some_plugin")
    helper.write_text("A = 2\n", encoding="utf-8")
    assert package_digest.__wrapped__("some_plugin") != before
    helper.write_text("A = 1\n", encoding="utf-8")
    assert package_digest.__wrapped__("some_plugin") == before
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "helper.pyc").write_bytes(b"x")
    assert package_digest.__wrapped__("some_plugin") == before


def test_the_core_counts_where_it_measures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    """Editing the command line or the tables does not make cells run again; editing a task does."""
    copy = tmp_path / "harness"
    shutil.copytree(root / "harness", copy)
    monkeypatch.setattr(keys, "_CORE_FOLDER", copy)
    before = package_digest.__wrapped__("harness")
    (copy / "cli" / "run_command.py").write_text("", encoding="utf-8")
    (copy / "results" / "table.py").write_text("", encoding="utf-8")
    assert package_digest.__wrapped__("harness") == before
    (copy / "tasks" / "classify.py").write_text("", encoding="utf-8")
    assert package_digest.__wrapped__("harness") != before


def test_file_digest_follows_the_content(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"one")
    assert file_digest(file) == "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
    file.write_bytes(b"other")
    assert file_digest(file) != "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"


def test_file_digest_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    before = file_digest(tmp_path)
    (tmp_path / "b").write_text("")
    assert file_digest(tmp_path) != before
