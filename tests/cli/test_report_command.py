"""`harness report` as a user meets it."""

from __future__ import annotations

import re
import shutil
from html import unescape
from pathlib import Path

import pytest

from cli.conftest import Finished, Say


def test_the_page_lies_in_the_folder_of_the_run(say: Say, finished: Finished, tmp_path: Path) -> None:
    run = tmp_path / "results" / "mixed" / finished.mixed.name
    shutil.copytree(finished.mixed, run)
    said = say("report", "mixed")
    assert (said.code, said.out) == (0, f"results/mixed/{run.name}/report.html\n")
    page = unescape((run / "report.html").read_text(encoding="utf-8"))
    assert "How often heads?" in page
    assert "0.600 [0.313, 0.832]" in re.sub(r"<[^>]+>", "", page)
    assert "ValueError: the coin is [gone]" in page
    # It needs no other file and no network.
    assert re.findall(r'(?:src|href)="(?!#|data:)([^"]*)"', page) == []


def test_the_page_may_lie_elsewhere(say: Say, finished: Finished, tmp_path: Path) -> None:
    before = {path.name for path in finished.coins.iterdir()}
    said = say("report", finished.coins, "--output", "page.html")
    assert (said.code, said.out) == (0, "page.html\n")
    assert "0.900 [0.596, 0.982]" in re.sub(r"<[^>]+>", "", (tmp_path / "page.html").read_text(encoding="utf-8"))
    assert {path.name for path in finished.coins.iterdir()} == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing"], "there is no run 'nothing'"),
        (
            ["coins", "--output", "nowhere/page.html"],
            "'nowhere/page.html' cannot be written: No such file or directory",
        ),
        (["coins", "--output", "."], "is a directory"),
    ],
)
def test_usage_errors(say: Say, finished: Finished, arguments: list[str], told: str) -> None:
    said = say("report", *arguments, "--results", finished.results)
    assert said.code == 2
    assert told in said.err
