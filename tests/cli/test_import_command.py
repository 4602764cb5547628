"""Two logs of two tools over the same documents are compared, ranked and gated without a model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml

from harness.cli import main
from importing.written_logs import N, inspect_archive, inspect_header, inspect_sample, lm_eval_log

A = [float(i % 3 != 0) for i in range(N)]
B = [float(i % 3 != 0 or i % 4 == 0) if i % 11 else 0.0 for i in range(N)]
MAPPED = ("--map", "lm-eval:prompt=doc.question", "--map", "lm-eval:score.right=exact_match")
ALIKE = (*MAPPED, "--map", "inspect:score.right=scores.match.value")
GROUPED = ("--map", "lm-eval:group.subject=doc.subject")


@dataclass(frozen=True)
class Logs:
    folder: Path
    a: str
    b: str
    results: str


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Logs:
    folder = tmp_path_factory.mktemp("logs")
    a = lm_eval_log(folder / "a", A)
    samples = [inspect_sample(i, "C" if right else "I") for i, right in enumerate(B)]
    b = inspect_archive(folder / "b.eval", samples, inspect_header())
    return Logs(folder, str(a), str(b), str(folder / "results"))


def imported(logs: Logs, *arguments: str, name: str) -> int:
    return main(["import", *arguments, "--folder", str(logs.folder / name), "--suite", name, "--results", logs.results])


def test_two_tools_over_the_same_documents(logs: Logs, capsys: pytest.CaptureFixture[str]) -> None:
    """One row for each model under one key; the p-value is that of McNemar's exact test."""
    assert imported(logs, logs.a, logs.b, "--by", "prompt", *ALIKE, *GROUPED, name="both") == 0
    capsys.readouterr()
    output = logs.folder / "compared.json"
    assert (
        main(["compare", "both", "both", "--pair", "org/a=org/b", "--results", logs.results, "--output", str(output)])
        == 0
    )
    compared = json.loads(output.read_text(encoding="utf-8"))
    text = json.dumps(compared)
    sm = pytest.importorskip("statsmodels.stats.contingency_tables")
    a, b = np.array(A) == 1, np.array(B) == 1
    table = [[(a & b).sum(), (a & ~b).sum()], [(~a & b).sum(), (~a & ~b).sum()]]
    expected = float(sm.mcnemar(table, exact=True).pvalue)
    assert any(abs(p - expected) <= 1e-12 for p in _values(compared, "p")), (expected, text[:2000])
    assert any(value == pytest.approx(np.mean(b) - np.mean(a), abs=1e-12) for value in _values(compared, "value"))
    capsys.readouterr()
    assert main(["table", "both", "--results", logs.results]) == 0
    assert "subject" in capsys.readouterr().out
    run = max((Path(logs.results) / "both").glob("*/table.json"))
    rows = json.loads(run.read_text(encoding="utf-8"))["rows"]
    whole = [row for row in rows if "group" not in row["labels"]]
    assert {row["labels"]["model"]: row["estimates"]["right"]["value"] for row in whole} == {
        "org/a": pytest.approx(np.mean(A)),
        "org/b": pytest.approx(np.mean(B)),
    }
    assert len({row["key"] for row in whole}) == 1
    assert set(whole[0]["comparability"]["data"]["columns"]) == {"prompts", "references"}
    assert main(["leaderboard", "both", "--protocol", whole[0]["key"], "--results", logs.results]) == 0
    assert "org/a" in capsys.readouterr().out


def _values(value: object, name: str) -> list[float]:
    """Every number of this name anywhere in a JSON document."""
    if isinstance(value, list):
        return [number for each in value for number in _values(each, name)]
    if not isinstance(value, dict):
        return []
    own = [value[name]] if isinstance(value.get(name), float) else []
    return own + [number for each in value.values() for number in _values(each, name)]


def test_another_prompt_is_refused_by_its_column(logs: Logs, capsys: pytest.CaptureFixture[str]) -> None:
    assert imported(logs, logs.a, name="plain") == 0
    assert imported(logs, logs.a, *MAPPED[:2], "--map", "score.exact_match=exact_match", name="mapped") == 0
    capsys.readouterr()
    assert main(["compare", "plain", "mapped", "--results", logs.results]) == 2
    assert "data.digest, data.columns.prompts (1 pair)" in capsys.readouterr().err


def test_a_suite_of_imported_logs_can_be_gated(logs: Logs, capsys: pytest.CaptureFixture[str]) -> None:
    assert imported(logs, logs.a, name="gated") == 0
    path = logs.folder / "gated" / "suite.yaml"
    suite = yaml.safe_load(path.read_text(encoding="utf-8"))
    suite["expect"] = [{"metric": "exact_match", "at_least": 0.99}]
    path.write_text(yaml.safe_dump(suite), encoding="utf-8")
    assert main(["run", str(path), "--results", logs.results, "--device", "cpu", "--isolation", "inline"]) == 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nothing.jsonl",), "there is no log 'nothing.jsonl'"),
        (("{a}", "{b}"), "id: b.eval lacks 1 of 220 documents, first '0'"),
        (("{a}", "{b}", "--by", "prompt"), "prompt: b.eval lacks 220 of 220 documents"),
        (("{a}", "--model", "x", "--model", "y"), "1 logs have as many models, not 2"),
        (("{a}", "--map", "prompt=doc.text"), "line 1 has no field 'doc.text'"),
    ],
)
def test_what_is_refused(logs: Logs, arguments: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert imported(logs, *(each.format(a=logs.a, b=logs.b) for each in arguments), name="refused") == 2
    assert told in capsys.readouterr().err
    assert not (logs.folder / "refused").exists()
