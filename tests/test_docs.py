"""The README is tested against the code: its commands, its suites and its plugin work as printed."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from harness.cli import COMMANDS, cli, main
from harness.contract.rows import Status


@pytest.fixture(scope="module")
def readme(root: Path) -> str:
    return (root / "README.md").read_text(encoding="utf-8")


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


def test_every_printed_command_line_exists(readme: str) -> None:
    """Commands and options, of lines such as `harness run robustness --workers 4`."""
    lines = re.findall(r"^    harness (.*?)(?: {2,}#.*)?$", readme, re.M)
    assert len(lines) >= 8
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


def test_linked_files_exist(readme: str, root: Path) -> None:
    for target in re.findall(r"\]\(([\w./-]+)\)", readme):
        assert (root / target).exists(), target


def test_the_first_suite_runs(readme: str, harness: Callable[[str], tuple[int, str]], tmp_path: Path) -> None:
    (tmp_path / "my-first.yaml").write_text(block(readme, "yaml", "suite: my-first"), encoding="utf-8")
    code, said = harness("harness run my-first.yaml")
    assert code == 0, said
    assert "hardened" in said
    assert "worst case" in said


def test_the_error_message_is_as_printed(
    readme: str, harness: Callable[[str], tuple[int, str]], tmp_path: Path
) -> None:
    shown = re.search(r"^    (error: my-first.yaml:.*?did you mean 'steps'\?)$", readme, re.M | re.S)
    assert shown is not None
    expected = re.sub(r"^    ", "", shown[1], flags=re.M)
    suite = block(readme, "yaml", "suite: my-first").replace("steps: 10", "stpes: 10")
    (tmp_path / "my-first.yaml").write_text(suite, encoding="utf-8")
    code, said = harness("harness plan my-first.yaml")
    assert code == 2
    assert said.strip() == expected


def test_the_plugin_works_as_printed(readme: str, harness: Callable[[str], tuple[int, str]], tmp_path: Path) -> None:
    """One file with one attack and one metric appears in the list and runs in a suite."""
    (tmp_path / "my_plugins").mkdir()
    source = block(readme, "python", "my_plugins/corners.py")
    (tmp_path / "my_plugins" / "corners.py").write_text(source, encoding="utf-8")
    (tmp_path / "my_suite.yaml").write_text(block(readme, "yaml", "suite: mine"), encoding="utf-8")
    lines = re.findall(r"^    (harness --plugins-dir my_plugins .*)$", readme, re.M)
    said = []
    assert len(lines) == 3
    for line in lines:
        code, text = harness(line)
        assert code == 0, text
        said.append(text)
    assert "Moves every pixel up or down by eps at random." in said[0]
    assert "how many corners to look at." in said[1]
    assert "corners eps=0.2" in said[2]
    assert "sure mistakes ↓" in said[2]


@pytest.mark.parametrize(
    ("line", "mistake", "status", "told"),
    [
        ("        return answer\n", "        return answer[:, :, 1:]\n", "invalid", "returned shape"),
        ("        return answer\n", "        raise RuntimeError('plugin bug')\n", "failed", "RuntimeError: plugin bug"),
        ("        return answer\n", "        return answer + 1\n", "invalid", "break the rules"),
    ],
)
def test_its_mistake_is_a_row_and_no_crash(
    readme: str,
    harness: Callable[[str], tuple[int, str]],
    tmp_path: Path,
    line: str,
    mistake: str,
    status: str,
    told: str,
) -> None:
    (tmp_path / "my_plugins").mkdir()
    source = block(readme, "python", "my_plugins/corners.py")
    assert line in source
    (tmp_path / "my_plugins" / "corners.py").write_text(source.replace(line, mistake), encoding="utf-8")
    (tmp_path / "my_suite.yaml").write_text(block(readme, "yaml", "suite: mine"), encoding="utf-8")
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


def test_every_status_is_documented(readme: str) -> None:
    _, _, section = readme.partition("## When things break")
    documented = re.findall(r"^\| `(\w+)`", section.partition("\n## ")[0], re.M)
    assert sorted(documented) == sorted(Status)


def test_the_expectations_hold_as_printed(
    readme: str, harness: Callable[[str], tuple[int, str]], tmp_path: Path
) -> None:
    (tmp_path / "guarded.yaml").write_text(block(readme, "yaml", "suite: guarded"), encoding="utf-8")
    code, said = harness("harness run guarded.yaml --device cpu --isolation inline --full")
    assert code == 0, said
    assert said.count("passed: accuracy ≥ 0.9 at digit_mlp / ") == 2
    (tmp_path / "guarded.yaml").write_text(
        block(readme, "yaml", "suite: guarded").replace("at_least: 0.5", "at_least: 0.99"), encoding="utf-8"
    )
    code, said = harness("harness run guarded.yaml --device cpu --isolation inline --full")
    assert code == 3, said
    assert "failed: robust_accuracy ≥ 0.99 where attack pgd* at digit_mlp / pgd: 0." in said


def test_the_python_example_runs_as_printed(readme: str, tmp_path: Path) -> None:
    source = block(readme, "python", "harness.run(")
    shown = subprocess.run([sys.executable, "-c", source], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "fgsm eps=0.1" in shown.stdout
    assert re.search(r"\[5 rows x \d\d columns\]", shown.stdout)
