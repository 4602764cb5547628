"""Keys follow the code that is used: closures of small packages, of the project, and a run after an edit."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.machinery import PathFinder
from pathlib import Path
from statistics import mean
from textwrap import dedent
from types import ModuleType

import pytest

from harness.contract.components import Kind
from harness.plugins import Catalog, load_catalog
from harness.store import module_places
from harness.store.import_closure import MAPS, Closure, ImportClosures, files_of_closure

Write = Callable[[Mapping[str, str]], None]
SPREAD = ("value, freedom = stdev(values)", "value, freedom = 10 * stdev(values)")


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write modules by path below a folder that Python searches."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def call(sources: Mapping[str, str]) -> None:
        for path, source in sources.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(dedent(source), encoding="utf-8")

    return call


def files(module: str, *plugins: str) -> set[str]:
    return set(ImportClosures(plugins).of(module).files)


def digest(module: str) -> str:
    return ImportClosures(()).of(module).digest


def test_imports_are_followed_through_modules_and_functions(write: Write) -> None:
    write(
        {
            "kk/a.py": "import kk.b as b\nfrom kk import c\n",
            "kk/b.py": "def f():\n    from .d import x\n",
            "kk/c.py": "",
            "kk/d.py": "from .deep.e import y\nx = y",
            "kk/deep/e.py": "from .. import g\ny = 1",
            "kk/g.py": "",
            "kk/other.py": "",
        }
    )
    # kk and kk.deep have no __init__.py: they are namespace packages.
    assert files("kk.a") == {"kk/a.py", "kk/b.py", "kk/c.py", "kk/d.py", "kk/deep/e.py", "kk/g.py"}


def test_a_cycle_of_imports(write: Write) -> None:
    write({"ca/a.py": "from . import b", "ca/b.py": "from . import a"})
    assert files("ca.a") == files("ca.b") == {"ca/a.py", "ca/b.py"}
    write({"cf/__init__.py": "from .x import *", "cf/x.py": "from cf import *", "cf/z.py": "from cf import nothing"})
    assert "cf/z.py" in files("cf.z")


def test_libraries_count_by_their_version(write: Write) -> None:
    write({"lib_user.py": "import sklearn.svm, numpy, json\nfrom no_such_library import x\nimport yaml.nodes\n"})
    closure = ImportClosures(()).of("lib_user")
    assert set(closure.files) == {"lib_user.py"}
    assert set(closure.libraries) == {"scikit-learn", "numpy", "no_such_library", "PyYAML"}
    assert closure.libraries["no_such_library"] == "absent"
    assert re.match(r"\d+\.\d+", closure.libraries["scikit-learn"])


def test_an_installed_package_is_followed_if_it_is_a_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "site-packages"
    (place / "some_plugin").mkdir(parents=True)
    (place / "some_plugin" / "__init__.py").write_text("A = print(1)\n")
    (place / "some_plugin" / "b.py").write_text("")
    monkeypatch.syspath_prepend(str(place))
    assert files("some_plugin.b") == set()
    assert files("some_plugin.b", "some_plugin") == {"some_plugin/__init__.py", "some_plugin/b.py"}


def test_a_folder_with_distributions_is_installed_whatever_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "lent"
    (target / "some_library").mkdir(parents=True)
    (target / "some_library" / "__init__.py").write_text("A = print(1)\n")
    monkeypatch.syspath_prepend(str(target))
    assert files("some_library") == {"some_library/__init__.py"}
    (target / "some_library-1.0.dist-info").mkdir()
    assert files("some_library") == set()


def test_a_name_through_a_face_counts_where_it_is_defined(write: Write) -> None:
    write(
        {
            "fa/__init__.py": "",
            "fa/api/__init__.py": "from .one import One\nfrom fa.api.inner import Two, Three\nfrom fa.stars import *\n",
            "fa/api/one.py": "from fa.base import base\nclass One: pass",
            "fa/api/inner.py": "from ..two import Two\nfrom ..three import Other as Three\n",
            "fa/two.py": "class Two: pass",
            "fa/three.py": "class Other: pass",
            "fa/stars.py": "from fa.four import Four",
            "fa/four.py": "class Four: pass",
            "fa/base.py": "base = 1",
            "uses_one.py": "from fa.api import One",
            "uses_three.py": "from fa.api import Three",
            "uses_four.py": "from fa.api import Four",
            "uses_all.py": "from fa.api import *",
            "uses_the_face.py": "from fa import api",
            "uses_a_neighbour.py": "from fa.api.one import One",
        }
    )
    assert files("uses_one") == {"uses_one.py", "fa/api/one.py", "fa/base.py"}
    assert files("uses_three") == {"uses_three.py", "fa/three.py"}
    assert files("uses_four") == {"uses_four.py", "fa/four.py"}
    everything = {"fa/api/one.py", "fa/base.py", "fa/two.py", "fa/three.py", "fa/four.py"}
    assert files("uses_all") > everything
    assert files("uses_the_face") > everything
    assert files("uses_a_neighbour") == {"uses_a_neighbour.py", "fa/api/one.py", "fa/base.py"}


def test_a_face_that_passes_on_all_names_of_several_modules(write: Write) -> None:
    write(
        {
            "st/__init__.py": """
                from st import one, two
                from st.one import *
                from st.two import *
                VERSION = (1, 0)
                _MOVED = dict.fromkeys(("old",), "st.old")
                def __getattr__(name):
                    import st.old
            """,
            "st/one.py": "from st.one_inner import *\n__all__ = ['One']",
            "st/one_inner.py": "class One: pass",
            "st/two.py": "from st.two_inner import Two",
            "st/two_inner.py": "class Two: pass",
            "st/old.py": "",
            "st_one.py": "from st import One",
            "st_two.py": "from st import Two",
            "st_module.py": "from st import two",
            "st_version.py": "from st import VERSION",
            "st_old.py": "from st import old_name",
        }
    )
    assert files("st_one") == {"st_one.py", "st/one_inner.py"}
    assert files("st_two") == {"st_two.py", "st/two_inner.py"}
    assert files("st_module") == {"st_module.py", "st/two.py", "st/two_inner.py"}
    assert "st/__init__.py" in files("st_version")
    assert "st/old.py" not in files("st_version")
    assert "st/old.py" in files("st_old")


def test_a_name_that_moved_from_the_api_brings_the_code_that_defines_it(write: Write, catalog: Catalog) -> None:
    write({"older_plugin.py": "from harness.api import nearest", "newer_plugin.py": "from harness.api import Estimate"})
    closures = ImportClosures(catalog.packages | {"older_plugin", "newer_plugin"})
    defining = "harness_generative/nearest/neighbours.py"
    assert defining in closures.of("older_plugin").files
    assert defining not in closures.of("newer_plugin").files


def test_what_registers_itself_counts_for_who_imports_through_the_face(write: Write) -> None:
    """Python runs the whole face, so modules that act on others when they are imported take part."""
    write(
        {
            "rg/__init__.py": "from .registry import make\nfrom .nets import Net\n",
            "rg/registry.py": "ALL = {}\ndef make(name): return ALL[name]()",
            "rg/nets.py": "from .special import x\nclass Net: pass",
            "rg/special.py": "from .registry import ALL\nx = 1\nALL['special'] = dict",
            "rg_user.py": "from rg import make",
        }
    )
    assert files("rg_user") == {"rg_user.py", "rg/registry.py", "rg/special.py"}
    assert files("rg.registry") == {"rg/registry.py", "rg/special.py"}


def test_a_parent_package_counts_by_what_runs(write: Write) -> None:
    source = """
        from harness.api import hookimpl
        from .early import x
        @hookimpl
        def harness_components():
            return [_component("{}")]
        def _component(name):
            return name
        LIMIT = {}
        print(x)
    """
    write({"pa/__init__.py": source.format("one", 1), "pa/early.py": "x = 1", "pa/a.py": "", "pa/b.py": ""})
    before = digest("pa.a")
    assert {"pa/__init__.py", "pa/early.py", "pa/a.py"} <= files("pa.a", "harness")
    assert "pa/b.py" not in files("pa.a")
    write({"pa/__init__.py": source.format("two", 1)})
    assert digest("pa.a") == before
    write({"pa/__init__.py": source.format("two", 2)})
    assert digest("pa.a") == before, "a constant that nothing uses does not count"
    write({"pa/early.py": "x = 2"})
    assert digest("pa.a") != before
    write({"pa/__init__.py": source.format("two", 2).replace("print(x)", "")})
    assert files("pa.a") == {"pa/a.py"}, "what only imports and defines does nothing to the modules beside it"


def test_what_cannot_be_followed_depends_on_the_whole_package(write: Write) -> None:
    write(
        {
            "dy/__init__.py": "",
            "dy/a.py": "import importlib\nnet = importlib.import_module('dy.b')",
            "dy/b.py": "",
            "dy/c.py": "from dy.zoo import net",
            "dy/zoo.py": "from importlib import import_module\ndef net(name): return import_module('dy.' + name)",
            "dy/deep/d.py": "import numpy",
        }
    )
    assert files("dy.a") == {"dy/a.py", "dy/b.py"}
    closure = ImportClosures(()).of("dy.c")
    assert closure.unfollowed == ("dy/zoo.py:2",)
    assert {"dy/a.py", "dy/b.py", "dy/c.py", "dy/zoo.py", "dy/deep/d.py"} <= set(closure.files)
    assert "numpy" in closure.libraries


def test_data_of_a_package_counts_where_a_module_reads_files(write: Write) -> None:
    write(
        {
            "da/__init__.py": "",
            "da/words.txt": "one",
            "da/reads.py": "WORDS = open(__file__)",
            "da/user.py": "import da.reads",
            "da/not.py": "",
        }
    )
    before = digest("da.user"), digest("da.not")
    write({"da/words.txt": "two"})
    assert digest("da.user") != before[0]
    assert digest("da.not") == before[1]


def test_a_single_file_plugin(tmp_path: Path) -> None:
    file = tmp_path / "lone_metric.py"
    source = '''
        from harness.api import Component, hookimpl, mean
        @hookimpl
        def harness_components():
            return [Component("metric", "lone", "lone_metric:Lone", "{}")]
        class Lone:
            """{}"""
            columns = ("{}",)
    '''
    file.write_text(dedent(source).format("a", "b", "c"))
    catalog = load_catalog([tmp_path], entry_points=[])
    assert catalog.find("metric", "lone").package in catalog.packages
    found = [ImportClosures(catalog.packages).of("lone_metric")]
    for words in (("A", "B", "c"), ("a", "b", "C")):
        file.write_text(dedent(source).format(*words))
        found.append(ImportClosures(catalog.packages).of("lone_metric"))
    assert found[0].digest == found[1].digest != found[2].digest
    assert {"lone_metric.py", "harness/statistics/intervals.py"} <= set(found[0].files)
    assert "harness/statistics/permutation.py" not in found[0].files


def test_a_module_that_exists_in_this_process_only() -> None:
    assert ImportClosures(("no_such_plugin",)).of("no_such_plugin").files == {}


def test_a_script_that_gives_itself_as_a_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = ModuleType("__main__")
    script.__file__ = str(tmp_path / "script.py")
    monkeypatch.setitem(sys.modules, "__main__", script)
    (tmp_path / "script.py").write_text("import harness.statistics.intervals\n")
    assert {"script.py", "harness/statistics/intervals.py"} <= files("__main__", "__main__", "harness")


def test_what_was_read_is_kept(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write({"ke/a.py": "from .b import x", "ke/b.py": "x = 1"})
    kept = tmp_path / "store"
    first = ImportClosures((), kept).of("ke.a")
    assert files_of_closure(kept, first.digest) == first.files
    assert files_of_closure(kept, "no such") == {}
    with monkeypatch.context() as patch:
        patch.setattr("harness.store.facts_index.read_facts", None)
        assert ImportClosures((), kept).of("ke.a") == first
    write({"ke/b.py": "x = 2"})
    assert ImportClosures((), kept).of("ke.a").digest != first.digest
    (index,) = kept.glob("imports-*.json")
    index.write_bytes(index.read_bytes().replace(b"ke", b"no"))
    write({"ke/b.py": "x = 1"})
    assert ImportClosures((), kept).of("ke.a") == first
    assert len(list((kept / MAPS).iterdir())) == 2


def test_a_new_store_begins_with_what_the_users_cache_holds(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"uc/a.py": "from . import b", "uc/b.py": "x = 1"})
    cache = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    first = ImportClosures((), tmp_path / "one").of("uc.a")
    with monkeypatch.context() as patch:
        patch.setattr("harness.store.facts_index.read_facts", None)
        assert ImportClosures((), tmp_path / "two").of("uc.a") == first
        # What it took from there it has itself now.
        shutil.rmtree(cache)
        assert ImportClosures((), tmp_path / "two").of("uc.a") == first
    (copy,) = (cache / "harness" / "sources").glob("imports-*.json")
    copy.write_bytes(copy.read_bytes().replace(b"uc", b"no"))
    assert ImportClosures((), tmp_path / "three").of("uc.a") == first


def test_a_users_cache_that_cannot_be_written_is_done_without(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"ud/a.py": "x = 1"})
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert set(ImportClosures((), tmp_path / "one").of("ud.a").files) == {"ud/a.py"}
    assert len(list((tmp_path / "one").glob("imports-*.json"))) == 1


# --- the project itself ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def modules(catalog: Catalog) -> dict[str, str]:
    """The modules of all first-party components, with their packages."""
    return {entry.component.module: entry.package for entry in catalog.entries.values()}


@pytest.fixture(scope="module")
def original(catalog: Catalog, modules: Mapping[str, str]) -> dict[str, Closure]:
    closures = ImportClosures(catalog.packages)
    return {module: closures.of(module) for module in modules}


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the code of the project, of which closures are then made."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(root / "harness", tmp_path / "copy" / "harness", ignore=ignored)
    for package in sorted((root / "plugins").iterdir()):
        if (package / "__init__.py").is_file():
            shutil.copytree(package, tmp_path / "copy" / package.name, ignore=ignored)
    usual = module_places._top_level_spec
    with pytest.MonkeyPatch.context() as patch:
        place = [str(tmp_path / "copy")]
        patch.setattr(module_places, "_top_level_spec", lambda name: PathFinder.find_spec(name, place) or usual(name))
        yield tmp_path / "copy"


def digests(catalog: Catalog, modules: Mapping[str, str], kept: Path | None = None) -> dict[str, str]:
    closures = ImportClosures(catalog.packages, kept)
    return {module: closures.of(module).digest for module in modules}


def test_every_import_of_a_first_party_component_can_be_followed(
    original: Mapping[str, Closure],
) -> None:
    assert {module: closure.unfollowed for module, closure in original.items() if closure.unfollowed} == {}


def test_closures_are_a_small_part_of_their_package(
    root: Path, modules: Mapping[str, str], original: Mapping[str, Closure]
) -> None:
    shares: dict[str, list[float]] = {}
    for module, package in modules.items():
        folder = root if package == "harness" else root / "plugins"
        lines = {p.relative_to(folder).as_posix(): p.read_text().count("\n") for p in (folder / package).rglob("*.py")}
        used = sum(n for file, n in lines.items() if file in original[module].files)
        assert used > 0
        shares.setdefault(package, []).append(used / sum(lines.values()))
    # A package of one component is its closure.
    several = {package: mean(values) for package, values in shares.items() if len(values) > 1}
    assert {package: share for package, share in several.items() if share >= 1 / 3} == {}


@pytest.mark.parametrize(
    "share", [0.03, pytest.param(1.0, marks=[pytest.mark.slow, pytest.mark.extended])], ids=["sample", "all"]
)
def test_keys_follow_an_edit_of_any_module_and_of_no_other(
    catalog: Catalog, modules: Mapping[str, str], original: Mapping[str, Closure], copy: Path, share: float
) -> None:
    """Every file of the project, in a closure or in none; what a face or a parent does when imported counts as well."""
    before = {module: closure.digest for module, closure in original.items()}
    kept = copy.parent / "facts"
    assert digests(catalog, modules, kept) == before
    paths = sorted(path.relative_to(copy).as_posix() for path in copy.rglob("*.py"))
    assert len(paths) > 400
    keyed = {file for closure in original.values() for file in closure.files}
    assert 200 < len(keyed & set(paths)) < len(paths)
    for file in random.Random(0).sample(paths, round(share * len(paths))):
        source = (copy / file).read_text()
        (copy / file).write_text(f"{source}\nedited = {'max(1, 2)' if file in keyed else '1'}\n")
        after = digests(catalog, modules, kept)
        assert {m for m in modules if after[m] != before[m]} == {m for m in modules if file in original[m].files}, file
        (copy / file).write_text(source)


def test_words_do_not_change_keys(catalog: Catalog, modules: Mapping[str, str], copy: Path) -> None:
    before = digests(catalog, modules)
    for path in copy.rglob("*.py"):
        source = path.read_text()
        edited = re.sub(r'"""(?=[A-Z])', '"""Once more: ', f"# A comment.\n{source}")
        path.write_text(edited)
    assert digests(catalog, modules) == before


def test_the_two_edits_that_went_unnoticed(catalog: Catalog, copy: Path) -> None:
    def digest_of(name: str, kind: Kind) -> str:
        return ImportClosures(catalog.packages).of(catalog.find(kind, name).component.module).digest

    before = digest_of("over_seeds", "aggregate"), digest_of("generate", "task"), digest_of("classify", "task")
    edit(copy / "harness/scoring/over_seeds.py", *SPREAD)
    edit(
        copy / "harness_generative/nearest/neighbours.py",
        "return np.sqrt(squared), neighbours",
        "return 1000 * np.sqrt(squared), neighbours",
    )
    after = digest_of("over_seeds", "aggregate"), digest_of("generate", "task"), digest_of("classify", "task")
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, False, True]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


# --- a run after an edit -----------------------------------------------------------------------------------------

SUITE = """
suite: edited
task: act
data: tiny
seeds: [0, 1, 2]
attacks: [{use: behave, as: fine}]
metrics: [mean_value]
aggregates: [over_seeds]
"""


def test_rows_and_cells_are_made_anew_after_an_edit_of_what_they_use(root: Path, copy: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "tests" / "torture" / "plugins", tmp_path / "plugins")
    (tmp_path / "s.yaml").write_text(SUITE)

    def harness(*arguments: str) -> str:
        said = subprocess.run(
            [sys.executable, "-m", "harness", "--plugins-dir", "plugins", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(copy), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=True,
        )
        return said.stdout

    def spread(said: str) -> float:
        table = said.partition(": spread")[2]
        line = next(line for line in table.splitlines() if line.startswith("fine "))
        return float(re.findall(r"\d*\.\d+", line)[0])

    first = harness("run", "s.yaml", "--full")
    assert "3 of 3 cells run" in first
    edit(copy / "harness/scoring/over_seeds.py", *SPREAD)
    second = harness("run", "s.yaml", "--full")
    assert "nothing to do" in second
    assert spread(second) == pytest.approx(10 * spread(first), rel=0.05)
    edit(tmp_path / "plugins" / "misbehaving.py", '"""Records are the numbers', '"""Records: the numbers')
    assert "nothing to do" in harness("run", "s.yaml", "--full")
    edit(copy / "harness/contract/context.py", "annotations\n", "annotations\nA = 1\n")
    assert "3 of 3 cells run" in harness("run", "s.yaml", "--full")
    told = harness("explain", "edited", "s0-")
    assert "what its records depend on has changed" in told
    assert re.search(
        r"code of harness\.execution\.cell and 1 more: harness/contract/context\.py  +\w{12}  +\w{12}", told
    )


def test_what_executes_cells_names_all_that_it_runs() -> None:
    """A name made at run time is followed nowhere, so that the whole package would enter every key."""
    held = files("harness.execution.cell")
    assert "harness/instruments/seeding.py" in held
    assert not [file for file in held if file.startswith(("harness/cli/", "harness/results/"))]
