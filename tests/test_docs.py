"""README and docs are tested against the code: their commands, suites and plugins work as printed."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path

import click
import pytest

from harness.cli import COMMANDS, cli, main
from harness.contract.rows import Status


@pytest.fixture(scope="module")
def readme(root: Path) -> str:
    return (root / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pages(root: Path) -> dict[str, str]:
    """The README and every page of docs/ by its name."""
    files = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in files}


@pytest.fixture(scope="module")
def first_suite(pages: dict[str, str]) -> str:
    return pages["docs/tutorials/first-suite.md"]


@pytest.fixture(scope="module")
def first_plugin(pages: dict[str, str]) -> str:
    return pages["docs/tutorials/first-plugin.md"]


def block(readme: str, language: str, containing: str) -> str:
    """The fenced block of a language that contains a text."""
    (found,) = [body for body in re.findall(rf"```{language}\n(.*?)```", readme, re.S) if containing in body]
    return str(found)


@pytest.fixture
def harness(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, str]]]:
    monkeypatch.chdir(tmp_path)

    def call(line: str) -> tuple[int, str]:
        code = main(line.split()[1:])
        said = capsys.readouterr()
        return code, said.out + said.err

    yield call
    sys.modules.pop("corners", None)


def test_every_command_is_documented(readme: str) -> None:
    documented = set(re.findall(r"^\| `harness (\w+)", readme, re.M))
    assert documented == set(COMMANDS)


def test_every_printed_command_line_exists(pages: dict[str, str]) -> None:
    """Commands and options, of lines such as `harness run robustness --workers 4`."""
    lines = [line for page in pages.values() for line in re.findall(r"^    harness (.*?)(?: {2,}#.*)?$", page, re.M)]
    assert len(lines) >= 30
    for line in lines:
        words = re.sub(r"^--plugins-dir \S+ ", "", line).split()
        command = cli.get_command(click.Context(cli), words[0])
        assert command is not None, line
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line


def test_the_make_targets_exist(readme: str, root: Path) -> None:
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^    make (\w+)", readme, re.M):
        assert re.search(rf"^{target}:", makefile, re.M)
    assert "make test" in (root / ".ci" / "run").read_text(encoding="utf-8")


def test_linked_files_exist(pages: dict[str, str], root: Path) -> None:
    for name, page in pages.items():
        for target in re.findall(r"\]\(([\w./-]+)(?:#[\w-]+)?\)", page):
            assert (root / name).parent.joinpath(target).exists(), f"{name}: {target}"


def test_every_page_is_reached_from_the_index(pages: dict[str, str]) -> None:
    index = pages["docs/index.md"]
    patterns = [line for block in re.findall(r"```{toctree}\n(.*?)```", index, re.S) for line in block.splitlines()]
    for name in pages:
        page = name.removeprefix("docs/").removesuffix(".md")
        if name not in ("README.md", "docs/index.md"):
            assert any(fnmatch(page, pattern) for pattern in patterns if pattern), name


def test_the_first_suite_runs(first_suite: str, harness: Callable[[str], tuple[int, str]], tmp_path: Path) -> None:
    (tmp_path / "my-first.yaml").write_text(block(first_suite, "yaml", "suite: my-first"), encoding="utf-8")
    code, said = harness("harness run my-first.yaml")
    assert code == 0, said
    assert "hardened" in said
    assert "worst case" in said


def test_the_error_message_is_as_printed(
    first_suite: str, harness: Callable[[str], tuple[int, str]], tmp_path: Path
) -> None:
    shown = re.search(r"^    (error: my-first.yaml:.*?did you mean 'steps'\?)$", first_suite, re.M | re.S)
    assert shown is not None
    expected = re.sub(r"^    ", "", shown[1], flags=re.M)
    suite = block(first_suite, "yaml", "suite: my-first").replace("steps: 10", "stpes: 10")
    (tmp_path / "my-first.yaml").write_text(suite, encoding="utf-8")
    code, said = harness("harness plan my-first.yaml")
    assert code == 2
    assert said.strip() == expected


def test_the_plugin_works_as_printed(
    first_plugin: str, harness: Callable[[str], tuple[int, str]], tmp_path: Path
) -> None:
    """One file with one attack and one metric appears in the list and runs in a suite."""
    (tmp_path / "my_plugins").mkdir()
    source = block(first_plugin, "python", "my_plugins/corners.py")
    (tmp_path / "my_plugins" / "corners.py").write_text(source, encoding="utf-8")
    (tmp_path / "my_suite.yaml").write_text(block(first_plugin, "yaml", "suite: mine"), encoding="utf-8")
    lines = re.findall(r"^    (harness --plugins-dir my_plugins .*)$", first_plugin, re.M)
    said = []
    assert len(lines) == 4
    for line in lines:
        code, text = harness(line)
        assert code == 0, text
        said.append(text)
    assert "Moves every pixel up or down by eps at random." in said[0]
    assert "how many corners to look at." in said[1]
    assert "corners eps=0.2" in said[2]
    assert "sure mistakes ↓" in said[2]
    assert "no problem found" in said[3]


@pytest.mark.parametrize(
    ("line", "mistake", "status", "told"),
    [
        ("        return answer\n", "        return answer[:, :, 1:]\n", "invalid", "returned shape"),
        ("        return answer\n", "        raise RuntimeError('plugin bug')\n", "failed", "RuntimeError: plugin bug"),
        ("        return answer\n", "        return answer + 1\n", "invalid", "break the rules"),
    ],
)
def test_its_mistake_is_a_row_and_no_crash(
    first_plugin: str,
    harness: Callable[[str], tuple[int, str]],
    tmp_path: Path,
    line: str,
    mistake: str,
    status: str,
    told: str,
) -> None:
    (tmp_path / "my_plugins").mkdir()
    source = block(first_plugin, "python", "my_plugins/corners.py")
    assert line in source
    (tmp_path / "my_plugins" / "corners.py").write_text(source.replace(line, mistake), encoding="utf-8")
    (tmp_path / "my_suite.yaml").write_text(block(first_plugin, "yaml", "suite: mine"), encoding="utf-8")
    code, said = harness("harness --plugins-dir my_plugins run my_suite.yaml --isolation inline --full")
    assert code == 1
    assert re.search(rf"corners eps=0.1 .*{status}", said)
    assert told in said
    assert re.search(r"digit_mlp +none .*ok", said)


def test_the_excerpt_is_from_the_committed_table(readme: str, root: Path) -> None:
    table = (root / "results" / "reference" / "robustness.md").read_text(encoding="utf-8").splitlines()
    _, _, rest = readme.partition("<!-- excerpt -->")
    excerpt = rest.partition("<!-- end of excerpt -->")[0].strip().splitlines()
    assert len(excerpt) >= 6
    assert [line for line in excerpt if line not in table] == []


def test_the_changelog_names_the_version(root: Path) -> None:
    import harness

    assert f"## {harness.__version__} " in (root / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_changelog_sorts_changes_by_kind_in_short_sentences(root: Path) -> None:
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = re.split(r"^## ", text, flags=re.M)[1:]
    assert releases[0].startswith("Unreleased\n")
    for release in releases:
        kinds = re.findall(r"^### (\w+)$", release, re.M)
        assert kinds == [kind for kind in ("Added", "Changed", "Deprecated", "Removed", "Fixed") if kind in kinds]
        assert kinds
        assert "- " not in release.partition("### ")[0]
    bullets = re.findall(r"^- (.*?)(?=^- |^$|\Z)", text, re.M | re.S)
    assert len(bullets) > 60
    sentences = [sentence for bullet in bullets for sentence in re.split(r"(?<=[.?]) ", " ".join(bullet.split()))]
    assert [sentence for sentence in sentences if len(sentence.split()) > 40] == []


def test_every_status_is_documented(pages: dict[str, str]) -> None:
    documented = re.findall(r"^\| `(\w+)`", pages["docs/how-to/when-things-break.md"], re.M)
    assert sorted(documented) == sorted(Status)


def test_the_expectations_hold_as_printed(
    pages: dict[str, str], harness: Callable[[str], tuple[int, str]], tmp_path: Path
) -> None:
    suite = block(pages["docs/how-to/set-expectations.md"], "yaml", "suite: guarded")
    (tmp_path / "guarded.yaml").write_text(suite, encoding="utf-8")
    code, said = harness("harness run guarded.yaml --device cpu --isolation inline --full")
    assert code == 0, said
    assert said.count("passed: accuracy ≥ 0.9 at digit_mlp / ") == 2
    (tmp_path / "guarded.yaml").write_text(suite.replace("at_least: 0.5", "at_least: 0.99"), encoding="utf-8")
    code, said = harness("harness run guarded.yaml --device cpu --isolation inline --full")
    assert code == 3, said
    assert "failed: robust_accuracy ≥ 0.99 where attack pgd* at digit_mlp / pgd: 0." in said


def test_the_audit_runs_on_the_table_as_printed(
    pages: dict[str, str], harness: Callable[[str], tuple[int, str]], tmp_path: Path
) -> None:
    page = pages["docs/tutorials/audit-scores.md"]
    (tmp_path / "scores.csv").write_text(block(page, "text", "id,score,hired"), encoding="utf-8")
    (tmp_path / "audit.yaml").write_text(block(page, "yaml", "suite: audit"), encoding="utf-8")
    code, said = harness("harness run audit.yaml --isolation inline")
    assert code == 0, said
    # By hand: persons 6, 11 and 12 are predicted wrongly, and of the six who were hired one is missed.
    (table,) = (tmp_path / "results" / "audit").glob("*/table.csv")
    first = next(csv.DictReader(table.open(encoding="utf-8")))
    assert float(first["accuracy"]) == 0.75
    assert float(first["fnr"]) == pytest.approx(1 / 6)


def test_every_suite_in_the_docs_is_planned(
    pages: dict[str, str], harness: Callable[[str], tuple[int, str]], tmp_path: Path
) -> None:
    """The files that it names need not be there yet; keys, components and parameters must be right."""
    suites = [found for page in pages.values() for found in re.findall(r"```yaml\n(.*?)```", page, re.S)]
    # Components of pages on plugins of one's own are not installed.
    planned = [s for s in suites if re.search(r"^suite:", s, re.M) and "corners" not in s and "their_model" not in s]
    assert len(planned) >= 4
    for suite in planned:
        (tmp_path / "suite.yaml").write_text(suite, encoding="utf-8")
        for name in re.findall(r"(?:path|folder|weights): ([\w.-]+)", suite):
            (tmp_path / name).touch() if "." in name else (tmp_path / name).mkdir(exist_ok=True)
        for module, name in re.findall(r'architecture: "(\w+):(\w+)"', suite):
            (tmp_path / f"{module}.py").write_text(f"class {name}: ...", encoding="utf-8")
        code, said = harness("harness plan suite.yaml")
        assert code == 0, said


def test_the_python_example_runs_as_printed(pages: dict[str, str], tmp_path: Path) -> None:
    source = block(pages["docs/how-to/use-from-python.md"], "python", "harness.run(")
    shown = subprocess.run([sys.executable, "-c", source], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "fgsm eps=0.1" in shown.stdout
    assert re.search(r"\[5 rows x \d\d columns\]", shown.stdout)
