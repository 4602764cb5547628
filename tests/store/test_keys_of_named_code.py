"""The key of a cell follows every module that an architecture beside the suite can import, and no other file."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.contract.cells import Use
from harness.contract.imports import ImportRights
from harness.plugins import load_catalog
from harness.store.keys import code_of
from harness.store.store import Store

FILES = {
    "net.py": (
        "import direct\n"
        "import package.aliased as p\n"
        "from package import from_package\n"
        "import importlib\n"
        "def make():\n"
        "    import within\n"
        "    importlib.import_module('literal')\n"
        "    return importlib.import_module('.late', package='package')\n"
    ),
    "direct.py": "import transitive\nVALUE = 1\n",
    "transitive.py": "VALUE = 1\n",
    "within.py": "VALUE = 1\n",
    "literal.py": "VALUE = 1\n",
    "package/__init__.py": "",
    "package/aliased.py": "from . import beside\nfrom .below.deep import VALUE\n",
    "package/from_package.py": "VALUE = 1\n",
    "package/beside.py": "from .. import nothing\nVALUE = 1\n",
    "package/below/deep.py": "from ..of_parent import VALUE as V\nVALUE = V + 1\n",
    "package/late.py": "VALUE = 1\n",
    "package/of_parent.py": "VALUE = 1\n",
}
UNRELATED = {"other.py": "VALUE = 1\n", "package/unused.py": "VALUE = 1\n", "notes.txt": "one", "data/x.py": "A = 1\n"}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def key(folder: Path, kept: Path, plugins: tuple[Path, ...] = ()) -> object:
    catalog = load_catalog(plugins)
    rights = ImportRights((str(folder), *catalog.folders))
    parameters = {"architecture": "net:make"}
    use = Use("model", "harness_vision/checkpoint", "c", 1, parameters, imports=("architecture",), rights=rights)
    return code_of("harness.signatures", [use], catalog, Store(kept))


@pytest.mark.parametrize("name", sorted(set(FILES) - {"net.py"}))
@pytest.mark.parametrize("place", ["suite", "plugins"])
def test_an_edit_of_any_helper_is_another_key(tmp_path: Path, name: str, place: str) -> None:
    suite, plugins = tmp_path / "suite", tmp_path / "plugins"
    plugins.mkdir()
    write(suite if place == "suite" else plugins, FILES)
    before = key(suite, tmp_path / "store", (plugins,))
    write(suite if place == "suite" else plugins, {name: FILES[name] + "MORE = print('imported')\n"})
    assert key(suite, tmp_path / "store", (plugins,)) != before


def test_other_files_and_comments_leave_the_key(tmp_path: Path) -> None:
    write(tmp_path / "suite", FILES)
    before = key(tmp_path / "suite", tmp_path / "store")
    write(tmp_path / "suite", UNRELATED)
    write(tmp_path / "suite", {"direct.py": "# why\n" + FILES["direct.py"]})
    assert key(tmp_path / "suite", tmp_path / "store") == before


def test_where_the_folder_lies_is_no_part_of_the_key(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, FILES)
    assert key(tmp_path / "one", tmp_path / "store") == key(tmp_path / "two", tmp_path / "store")


@pytest.mark.parametrize(
    "net",
    [
        "import sys\nsys.path.insert(0, 'lib')\nimport hidden\n",
        "import sys\nsys.path += ['lib']\nimport hidden\n",
        "import site\nsite.addsitedir('lib')\nimport hidden\n",
        "import importlib\ndef make(name): return importlib.import_module(name)\n",
    ],
)
def test_what_is_imported_from_places_made_at_run_time(tmp_path: Path, net: str) -> None:
    """Then everything beside the module and below counts."""
    suite = tmp_path / "suite"
    write(suite, {"net.py": net, "lib/hidden.py": "VALUE = 1\n"})
    before = key(suite, tmp_path / "store")
    write(suite, {"lib/hidden.py": "VALUE = 2\n"})
    assert key(suite, tmp_path / "store") != before
