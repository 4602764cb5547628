"""Discovery: one bad plugin never takes the others along, and every failure says why."""

from __future__ import annotations

import importlib.metadata
import inspect
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.contract.components import Component
from harness.contract.errors import UsageError
from harness.plugins import ABSENT, Catalog, distribution_version, extra_with, first_party, load_catalog
from harness.store.module_facts import read_facts

GOOD = """
from harness.api import Component, hookimpl

@hookimpl
def harness_components():
    return [Component("metric", "{name}", "harness_classification.accuracy:Accuracy", "Fine.")]
"""

BROKEN = {
    "raises_on_import": "raise RuntimeError('no weights here')",
    "does_not_parse": "def (:",
    "misspelt_hook": "from harness.api import hookimpl\n@hookimpl\ndef harness_componets():\n    return []",
    "extra_argument": "from harness.api import hookimpl\n@hookimpl\ndef harness_components(registry):\n    return []",
    "raises_in_hook": "from harness.api import hookimpl\n@hookimpl\ndef harness_components():\n    1 / 0",
    "no_hook": "def harness_components():\n    return []",
    "wrong_items": "from harness.api import hookimpl\n@hookimpl\ndef harness_components():\n    return ['fgsm']",
    "bad_kind": "from harness.api import Component, hookimpl\n@hookimpl\ndef harness_components():\n"
    "    return [Component('atack', 'a', 'm:A', 's')]",
    "exits": "import sys\nsys.exit(3)",
    "ends_the_process": "import os\nos._exit(0)",
    "ends_the_process_in_hook": "from harness.api import hookimpl\n@hookimpl\ndef harness_components():\n"
    "    import os\n    os._exit(0)",
    "cancels": "raise BaseException('stop')",
}


@pytest.fixture(autouse=True)
def _forget_modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        module = sys.modules[name]
        if str(getattr(module, "__file__", "")).startswith(str(tmp_path_factory.getbasetemp())):
            del sys.modules[name]


def folder(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
    return tmp_path


def names(catalog: Catalog) -> set[str]:
    return {name for _, name in catalog.entries}


def test_single_files_are_plugins(tmp_path: Path) -> None:
    catalog = load_catalog([folder(tmp_path, mine=GOOD.format(name="m"))])
    assert not catalog.failures
    assert catalog.find("metric", "m").qualified_name == "mine/m"
    assert catalog.find("metric", "mine/m").source == str(tmp_path / "mine.py")


def test_packages_are_plugins(tmp_path: Path) -> None:
    package = tmp_path / "packed"
    package.mkdir()
    (package / "parts.py").write_text("NAME = 'm'\n", encoding="utf-8")
    (package / "__init__.py").write_text("from packed.parts import NAME\n" + GOOD.format(name="m"), encoding="utf-8")
    catalog = load_catalog([tmp_path])
    assert not catalog.failures
    assert "packed/m" in names(catalog)


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_broken_plugin_is_left_out_and_the_others_stay(tmp_path: Path, name: str) -> None:
    catalog = load_catalog(
        [folder(tmp_path, **{name: BROKEN[name], "a_good": GOOD.format(name="a"), "z_good": GOOD.format(name="z")})]
    )
    assert {"a_good/a", "z_good/z", "harness_adversarial/pgd"} <= names(catalog)
    (failure,) = catalog.failures
    assert failure.plugin == name
    assert str(tmp_path / f"{name}.py") in str(failure)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("raises_on_import", "import: RuntimeError: no weights here"),
        ("misspelt_hook", "harness_componets"),
        ("extra_argument", "registry"),
        ("raises_in_hook", "harness_components: ZeroDivisionError: division by zero"),
        ("no_hook", "is @hookimpl missing?"),
        ("wrong_items", "it must yield Component objects, not str"),
        ("bad_kind", "kind 'atack' is unknown; it is one of model, dataset"),
        ("exits", "SystemExit: 3"),
    ],
)
def test_the_reason_is_told(tmp_path: Path, name: str, told: str) -> None:
    (failure,) = load_catalog([folder(tmp_path, **{name: BROKEN[name]})]).failures
    assert told in str(failure)
    assert failure.details.strip()


def test_every_no_such_name_error_lists_what_did_not_load(tmp_path: Path) -> None:
    catalog = load_catalog([folder(tmp_path, broken=BROKEN["raises_on_import"])])
    with pytest.raises(UsageError, match=r"no attack named 'pdg'; did you mean 'pgd'\?\n.*'broken'.*no weights here"):
        catalog.find("attack", "pdg")


def test_two_plugins_with_one_name(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    catalog = load_catalog([folder(one, same=GOOD.format(name="a")), folder(two, same=GOOD.format(name="b"))])
    (failure,) = catalog.failures
    assert str(two / "same.py") in str(failure)
    assert str(one / "same.py") in str(failure)
    assert "same/a" in names(catalog)
    assert "same/b" not in names(catalog)


def test_a_file_named_like_an_installed_package(tmp_path: Path) -> None:
    (failure,) = load_catalog([folder(tmp_path, pandas=GOOD.format(name="p"))]).failures
    assert "the module name 'pandas' is taken" in str(failure)


def test_short_names_work_while_they_are_unique(tmp_path: Path) -> None:
    catalog = load_catalog([folder(tmp_path, one=GOOD.format(name="same"), two=GOOD.format(name="same"))])
    with pytest.raises(UsageError, match=r"metric 'same' is offered twice; write 'one/same' \(from .*\) or 'two/same'"):
        catalog.find("metric", "same")
    assert catalog.find("metric", "two/same").package == "two"


def test_one_plugin_declaring_a_name_twice(tmp_path: Path) -> None:
    twice = GOOD.format(name="m").replace('"Fine.")]', '"Fine."), Component("metric", "m", "x.y:Z", "Again.")]')
    catalog = load_catalog([folder(tmp_path, twice=twice)])
    assert catalog.find("metric", "m").component.summary == "Fine."
    assert "metric 'twice/m' is declared twice" in str(catalog.failures[0])


def test_an_absent_entry_point_is_a_failure() -> None:
    point = importlib.metadata.EntryPoint("gone", "harness_gone_plugin", "harness.plugins")
    catalog = load_catalog(entry_points=[point])
    assert "ModuleNotFoundError" in str(catalog.failures[0])
    assert catalog.find("aggregate", "over_seeds").package == "harness"


def test_an_absent_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        load_catalog([tmp_path / "gone"])


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": "Bad Name"}, "must be lower-case"),
        ({"target": "no_colon"}, "must look like"),
        ({"tasks": "classify"}, "collections of names"),
        ({"requires": "torch"}, "collections of names"),
    ],
)
def test_descriptors_are_checked(fields: dict[str, str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Component(**{"kind": "model", "name": "m", "target": "a.b:C", "summary": "s", **fields})  # type: ignore[arg-type]


def test_summaries_of_first_party_components_are_their_docstrings() -> None:
    """What is read from sources is what Python says once they are imported."""
    for entry in load_catalog().entries.values():
        if all(distribution_version(name) != ABSENT for name in entry.component.requires):
            doc = inspect.getdoc(entry.component.load())
            assert doc is not None
            assert entry.summary == doc.splitlines()[0], entry.qualified_name
        assert entry.summary.endswith((".", "?")), entry.qualified_name


def test_first_party_packages_only_declare(root: Path) -> None:
    """So that no declaration enters the cache keys of the components of its package."""
    for path in (root / "plugins").glob("*/__init__.py"):
        found = read_facts(path.read_bytes(), is_package=True)
        assert found.face is not None, path
        assert not found.acts, path


def test_first_party_packages(root: Path) -> None:
    folders = {path.parent.name for path in (root / "plugins").glob("*/__init__.py")}
    assert first_party() == {"harness", *folders}


def test_the_extra_that_installs_a_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ["torch>=2.4", "timm>=1.0.9; extra == 'vision'", 'lm-eval[hf]>=0.4.9 ; extra == "anchors"']
    monkeypatch.setattr("importlib.metadata.requires", lambda name: asked)
    extra_with.cache_clear()
    assert [extra_with(name) for name in ("timm", "lm-eval", "torch", "absent")] == ["vision", "anchors", "", ""]
    extra_with.cache_clear()


HELPED = """
import _helper
from helper import METRIC
from harness.api import Component, hookimpl

@hookimpl
def harness_components():
    return [Component("metric", METRIC + _helper.SUFFIX, "harness_classification.accuracy:Accuracy", "Fine.")]
"""


def test_helpers_beside_a_plugin_are_importable_and_quiet(tmp_path: Path) -> None:
    loud = "class Net: pass\nraise RuntimeError('imported without need')"
    catalog = load_catalog(
        [folder(tmp_path, a_plugin=HELPED, helper="METRIC = 'm'", _helper="SUFFIX = '1'", networks=loud)]
    )
    assert not catalog.failures
    assert "a_plugin/m1" in names(catalog)
    (tmp_path / "_helper.py").write_text("SUFFIX = '22'", encoding="utf-8")
    assert "a_plugin/m22" in names(load_catalog([tmp_path]))


def test_helpers_of_one_name_in_two_folders(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for place, name in ((one, "a_plugin"), (two, "b_plugin")):
        place.mkdir()
        folder(place, **{name: HELPED, "helper": f"METRIC = '{name}'", "_helper": "SUFFIX = ''", "spare": ""})
    told = [str(failure) for failure in load_catalog([one, two]).failures]
    assert len(told) == 2
    assert all(f"is taken by {one}" in each and "rename one of the files" in each for each in told)
