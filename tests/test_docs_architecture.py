"""The pages under docs/ agree with the tree: floors, rooms, paths, links, and the table of moved files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from test_architecture import FLOORS

_TOPS = ("harness/", "plugins/", "tests/", "docs/", "suites/", "results/", ".ci/", ".github/")
_MOVED = "0010-moved-paths.md"
_WORDS = (
    *("cell", "use", "record", "row", "estimate", "treatment", "threat", "protocol", "null", "within", "suspect"),
    *(
        "spend_limit",
        "budget",
        "judge",
        "verdict",
        "outcome",
        "headline",
        "run",
        "suite",
        "experiment",
        "component",
        "task",
    ),
)


def pages(root: Path) -> list[Path]:
    return sorted((root / "docs").rglob("*.md"))


def paths_in(text: str) -> set[str]:
    """Every path of the repository that stands in backticks."""
    quoted = re.findall(r"`([^`\n]+)`", text)
    return {word for word in quoted if word.startswith(_TOPS) and " " not in word}


def exists(root: Path, path: str) -> bool:
    """Whether a path is there; of a template such as plugins/harness_<field>/x.py the folder before the first name."""
    before, is_template, _ = path.partition("<")
    if is_template:
        return (root / before.rpartition("/")[0]).is_dir()
    return (root / path).exists() or (root / f"{path}.py").exists()


def moves(root: Path) -> list[tuple[str, str]]:
    text = (root / "docs" / "decisions" / _MOVED).read_text(encoding="utf-8")
    return re.findall(r"^\| `([^`]+)`.* \| `([^`]+)` \|$", text, re.M)


def test_the_printed_floors_are_those_of_the_architecture_test(root: Path) -> None:
    text = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| (\d+) \| ([^|]+) \| [^|]+ \|$", text, re.M)
    assert [int(number) for number, _ in lines] == list(range(len(FLOORS)))
    printed = [set(re.findall(r"`(\w+)`", rooms)) for _, rooms in lines]
    assert printed == FLOORS


def test_every_room_of_the_core_is_on_the_page(root: Path) -> None:
    text = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    modules = {path.stem for path in (root / "harness").glob("*.py")}
    folders = {path.parent.name for path in (root / "harness").glob("*/__init__.py")}
    assert [room for room in sorted(modules | folders) if f"`{room}`" not in text] == []


def test_every_path_on_the_pages_exists(root: Path) -> None:
    named = {page: paths_in(page.read_text(encoding="utf-8")) for page in pages(root) if page.name != _MOVED}
    named[root / "CONTRIBUTING.md"] = paths_in((root / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert len(set().union(*named.values())) > 60
    missing = [(page.name, path) for page, paths in named.items() for path in sorted(paths) if not exists(root, path)]
    assert missing == []


def test_a_path_that_is_not_there_is_noticed(root: Path) -> None:
    assert exists(root, "harness/files.py")
    assert exists(root, "harness/files")
    assert exists(root, "plugins/harness_<field>/metrics/<name>.py")
    assert not exists(root, "harness/engine/keys.py")
    assert not exists(root, "harness/engine/<name>.py")


def test_links_between_pages_lead_somewhere(root: Path) -> None:
    links = [
        (page, link)
        for page in [*pages(root), root / "CONTRIBUTING.md", root / "CHANGELOG.md"]
        for link in re.findall(r"\]\(([\w./-]+)\)", page.read_text(encoding="utf-8"))
    ]
    assert len(links) >= 12
    assert [(page.name, link) for page, link in links if not (page.parent / link).exists()] == []


def test_moved_files_are_gone_and_their_new_places_exist(root: Path) -> None:
    table = (root / "docs" / "decisions" / _MOVED).read_text(encoding="utf-8")
    listed = moves(root)
    assert len(listed) > 80
    assert len({(old, new) for old, new in listed}) == len(listed)
    for old, new in listed:
        assert exists(root, new), new
        is_whole = f"| `{old}` |" in table
        assert not is_whole or not (root / old).is_file(), old


def test_every_decision_has_its_three_parts_and_is_listed(root: Path) -> None:
    folder = root / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    decisions = sorted(folder.glob("[0-9]*.md"))
    assert [int(page.name[:4]) for page in decisions] == list(range(1, len(decisions) + 1))
    for page in decisions:
        text = page.read_text(encoding="utf-8")
        title = re.match(r"# (\d+)\. (.+)\n", text)
        assert title is not None, page.name
        assert int(title[1]) == int(page.name[:4])
        assert f"[{title[2]}]({page.name})" in index
        assert re.findall(r"^\*\*(\w+)\.\*\*", text, re.M) == ["Context", "Decision", "Consequences"], page.name


def glossary_terms(root: Path) -> list[str]:
    text = (root / "docs" / "glossary.md").read_text(encoding="utf-8")
    return [
        term for line in re.findall(r"^\| ([^|]+) \| [^|]+ \| `", text, re.M) for term in re.split(r", (?!\()", line)
    ]


def test_no_term_of_the_glossary_has_two_meanings(root: Path) -> None:
    terms = glossary_terms(root)
    assert len(terms) >= 30
    assert len(set(terms)) == len(terms)


@pytest.mark.parametrize("term", _WORDS)
def test_the_glossary_explains_the_words_of_the_house(root: Path, term: str) -> None:
    assert term in glossary_terms(root)
