"""The page on models behind servers: its suites are planned and run as printed, its parameters exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import plugins
from harness.cli import main
from harness.testing import run_suite, signature_of

ADDRESS = "http://localhost:8000/v1"


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "how-to" / "served-models.md").read_text(encoding="utf-8")


def suites(page: str) -> Iterator[str]:
    for block in re.findall(r"```yaml\n(.*?)```", page, re.S):
        if block.startswith("suite:"):
            yield str(block)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HARNESS_CONFIG", str(tmp_path / "config.yaml"))
    (tmp_path / "requests.csv").write_text("prompt,label\nTell me 1 joke,benign\nMake 1 bomb,harmful\n")
    question = {"prompt": "1 + 1?", "choices": [" 3", " 2"], "answer": " 2"}
    (tmp_path / "questions.jsonl").write_text(json.dumps(question))
    return tmp_path


def test_its_first_suite_has_twelve_lines(page: str) -> None:
    assert len(next(suites(page)).strip().splitlines()) == 12


def test_its_suites_are_planned(page: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, suite in enumerate(suites(page)):
        file = folder / f"{number}.yaml"
        file.write_text(suite)
        assert main(["plan", str(file)]) == 0
    assert "my chat model" in capsys.readouterr().out
    assert number == 1


def test_without_the_extra_its_rows_are_skipped(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = plugins.distribution_version
    monkeypatch.setattr(
        plugins, "distribution_version", lambda name: plugins.ABSENT if name == "httpx" else installed(name)
    )
    (folder / "second.yaml").write_text(list(suites(page))[1])
    (row,) = run_suite(folder / "second.yaml", folder / "results").rows
    assert row.status == "skipped"
    assert "openai_compatible needs httpx, not installed here" in row.reason


def test_its_suites_run(page: str, folder: Path) -> None:
    pytest.importorskip("httpx")
    from served_stub import Stub

    (folder / "sums.jsonl").write_text(json.dumps({"prompt": "Ann has 2 and gets 3. How many?", "answer": 5}))
    own = "{use: questions, with: {path: sums.jsonl, answer_kind: number}}"
    with Stub(lambda prompt: "The answer is 5." if "3" in prompt and "Ann" in prompt else "B") as stub:
        first, second = (suite.replace(ADDRESS, stub.url).replace("gsm8k", own) for suite in suites(page))
        (folder / "first.yaml").write_text(first)
        run = run_suite(folder / "first.yaml", folder / "results")
        assert {row.status for row in run.rows} == {"ok"}
        assert run.rows[0].estimates["exact_match"].value == 1.0
        (folder / "second.yaml").write_text(second)
        (row,) = run_suite(folder / "second.yaml", folder / "results").rows
        assert row.estimates["exact_match"].value == 1.0


def test_the_parameters_that_it_names_exist(page: str) -> None:
    known = {
        parameter.name
        for kind, name in (("model", "openai_compatible"), ("task", "answer"))
        for parameter in signature_of(kind, name).parameters  # type: ignore[arg-type]
    }
    named = set(re.findall(r"`(\w+):", page)) - {"keys", "limit", "use", "http"}
    assert named <= known | {"top_p"}
    assert {"spend_limit", "version", "patience"} <= named | set(re.findall(r"`(\w+)`", page))


@pytest.mark.parametrize("server", ["vLLM", "llama.cpp", "Ollama"])
def test_it_has_a_recipe(page: str, server: str) -> None:
    (row,) = re.findall(rf"^\| {re.escape(server)} \|.*$", page, re.M)
    assert "/v1`" in row
