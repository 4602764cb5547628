"""The reference pages: whatever there is stands in them, and their Markdown says what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness import hooks
from harness.cli import COMMANDS, main
from harness.cli.reference_pages import markdown as md
from harness.cli.reference_pages.results import results_page
from harness.contract.errors import Exit
from harness.contract.rows import STATUS_MEANINGS, Status
from harness.plugins import load_catalog


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("reference") / "new" / "reference"
    assert main(["reference", str(folder)]) == 0
    return {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}


def test_every_component_has_a_section_and_every_kind_a_page(pages: dict[str, str]) -> None:
    catalog = load_catalog([])
    assert len(catalog.entries) > 200
    for entry in catalog.entries.values():
        page = pages[f"{entry.component.kind}s"]
        assert f"## `{entry.component.name}`\n" in page
        anchor = f"{entry.component.kind}-{entry.component.name}".replace("_", "-")
        assert page.count(f"(#{anchor})") == 1
        assert page.count(f"({anchor})=\n") == 1


def test_a_component_shows_its_parameters_its_source_and_how_a_suite_asks_for_it(pages: dict[str, str]) -> None:
    section = pages["attacks"].partition("## `pgd`\n")[2].partition("\n## ")[0]
    assert re.search(r"\| `eps` \| .* \| required \| budget in the norm", section)
    assert re.search(r"\| `steps` \| .*whole number.* \| \d+ \| gradient steps per restart", section)
    assert "needs of its model: GradientAccess (`__call__`, `named_modules`, `parameters`)" in section
    assert "source: Madry et al. 2018, arXiv:1706.06083" in section
    assert "```yaml\n{use: pgd, with: {eps: ...}}\n```" in section


def test_the_page_of_commands(pages: dict[str, str]) -> None:
    page = pages["command-line"]
    assert [name for name in COMMANDS if f"## `harness {name}" not in page] == []
    assert "## `harness cache gc`" in page
    assert "| `--plugins-dir` PATH | Also load every module in this folder as a plugin." in page
    assert re.findall(r"^\| (\d+) \|", page.partition("## Exit codes")[2], re.M) == [str(int(code)) for code in Exit]


def test_hooks_suite_keys_and_statuses(pages: dict[str, str]) -> None:
    names = [name for name in vars(hooks) if name.startswith("harness_")]
    assert len(names) >= 8
    assert [name for name in names if f"def {name}(" not in pages["hooks"]] == []
    assert "| `suite` | string | required |" in pages["suites"]
    assert "## `ExpectEntry`" in pages["suites"]
    assert list(STATUS_MEANINGS) == list(Status)
    assert [status for status in Status if f"| `{status}` |" not in results_page()] == []


def test_names_of_a_plugin_of_your_own_stand_there_too(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "corner.py").write_text(
        "from harness.api import Declarations, hookimpl\n"
        "@hookimpl\ndef harness_components():\n    return [Declarations('attack', __name__)('corner', ':Corner')]\n"
        "class Corner:\n    '''Goes to a corner, *fast*, in [0, 1] | else nowhere.'''\n"
    )
    assert main(["--plugins-dir", str(tmp_path / "mine"), "reference", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out" / "attacks.md").read_text(encoding="utf-8")
    assert r"Goes to a corner, \*fast\*, in \[0, 1\] | else nowhere." in page
    assert r"Goes to a corner, \*fast\*, in \[0, 1\] \| else nowhere. |" in page


def test_sections_of_docstrings_become_lists_and_tables_stay() -> None:
    table = "| a | b |\n|---|---|\n| 1 | 2 |"
    doc = f"What *it* does to `a*b`.\n\n{table}\n\nRaises:\n    MissingData: no\n        file.\n    Other: x < y."
    assert md.prose(doc) == (
        f"What \\*it\\* does to `a*b`.\n\n{table}\n\n**Raises**\n\n- MissingData: no file.\n- Other: x \\< y."
    )


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["reference", str(tmp_path / "file")]) == 2
    assert "is a file" in capsys.readouterr().err
