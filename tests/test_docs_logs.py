"""The blocks on logs of other tools and on publishing run as printed."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from harness.cli import main
from importing.written_logs import inspect_archive, inspect_header, inspect_sample, lines, lm_eval_line


def commands(root: Path, page: str) -> list[list[str]]:
    text = (root / "docs" / "how-to" / f"{page}.md").read_text(encoding="utf-8")
    blocks = "".join(re.findall(r"```sh\n(.*?)```", text, re.S)).replace("\\\n", " ")
    return [shlex.split(line)[1:] for line in blocks.splitlines() if line.startswith("harness ")]


def test_logs_of_other_tools(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rights = [float(i % 3 != 0) for i in range(40)]
    text = lines([lm_eval_line(i, right) for i, right in enumerate(rights)])
    (tmp_path / "samples_sums.jsonl").write_text(text, encoding="utf-8")
    inspect_archive(tmp_path / "sums.eval", [inspect_sample(i, "CI"[i % 2]) for i in range(40)], inspect_header())
    (tmp_path / "answers.csv").write_text("name,question,right\na,one,1\nb,two,0\n", encoding="utf-8")
    found = commands(root, "logs-of-other-tools")
    assert [command[0] for command in found] == ["import", "compare", "import"]
    for command in found:
        named = ["--model", "org/a", "--model", "org/b"] if "samples_sums.jsonl" in command else []
        assert main([*command, *named]) == 0


def test_publishing(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results" / "reference").mkdir(parents=True)
    shutil.copy(root / "results" / "reference" / "robustness.json", tmp_path / "results" / "reference")
    found = commands(root, "publishing-results")
    assert len(found) == 5
    for command in found:
        assert main(command) == 0
        assert Path(command[-1]).exists()
