"""What logs become: a suite whose labels are valid, and components that read back what was written."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from harness.contract.context import Context
from harness.contract.errors import InvalidOutput
from harness.contract.records import Records
from harness.importing.components import FromLog, LoggedLoss, LoggedOutputs, LoggedScore, logged_documents
from harness.importing.joined import join
from harness.importing.logs import Log, Sample
from harness.importing.suite_folder import slug, write_suite

SAMPLES = [
    Sample("1", "q\u2028ß", "r", "yes", {"n": 1.0, "a,b": 0.25}, "", {"part": "x"}),
    Sample("2", "p", "s", None, {"n": 0.0, "a,b": None}, "", {"part": "y"}),
]
LOG = Log("l.jsonl", "tool", "Some Task/1", "org/m: 'x'", SAMPLES, frozenset(("a,b",)), 3)


def written(tmp_path: Path) -> dict[str, object]:
    path = write_suite(join([LOG]), tmp_path)
    suite: dict[str, object] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return suite


def test_the_suite_names_models_scores_and_groups(tmp_path: Path) -> None:
    suite = written(tmp_path)
    assert suite["suite"] == "some-task-1"
    assert suite["groups"] == ["part"]
    assert suite["models"] == [
        {"use": "logged_outputs", "as": "org/m: 'x'", "with": {"path": "1-org-m-x.jsonl"}}
    ]  # fmt: skip
    assert suite["metrics"] == [
        {"use": "logged_score", "as": "score_n", "with": {"name": "n"}},
        {"use": "logged_loss", "as": "a_b", "with": {"name": "a,b"}},
    ]


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    written(tmp_path)
    data, model = logged_documents(tmp_path / "documents.jsonl"), LoggedOutputs(tmp_path / "1-org-m-x.jsonl")
    assert model.facts == {"tool": "tool", "log": "l.jsonl"}
    outcome = FromLog().run(model, data, Context())
    assert outcome.protocol == {"epochs": 3}
    records = Records.of(outcome.records)
    assert records.table.column("prompt").to_pylist() == ["q\u2028ß", "p"]
    assert records.table.column("answer").to_pylist() == ["yes", None]
    assert records.table.column("group.part").to_pylist() == ["x", "y"]
    assert "correct" not in records
    share, partly = LoggedScore("n").estimate(records), LoggedLoss("a,b").estimate(records)
    assert (share.value, share.n, share.method) == (0.5, 2, "wilson")
    assert (partly.value, partly.n, partly.n_missing) == (0.25, 1, 1)


def test_one_score_of_yes_or_no_is_right_or_wrong(tmp_path: Path) -> None:
    only = [Sample("1", "", "", None, {"s": 1.0}, ""), Sample("2", "", "", None, {"s": None}, "")]
    write_suite(join([Log("l", "t", "k", "m", only)]), tmp_path)
    data, model = logged_documents(tmp_path / "documents.jsonl"), LoggedOutputs(tmp_path / "1-m.jsonl")
    records = Records.of(FromLog().run(model, data, Context()).records)
    assert records.table.column("correct").to_pylist() == [True, None]


def test_a_score_that_nobody_has_is_undefined() -> None:
    records = Records.of({"id": ["1"], "score.s": [None]})
    assert LoggedScore("s").estimate(records).value is None


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("1-org-m-x.jsonl", '"scores": {"n": 1.0', '"scores": {"n": "1.0"', "line 2: n is '1.0', not a number"),
        ("documents.jsonl", '"prompt"', '"prmpt"', "line 1 has no field 'prompt'"),
        ("documents.jsonl", '"id": "2"', '"id": "1"', "ids are not unique"),
    ],
)
def test_files_that_were_changed_are_told_by_line(tmp_path: Path, name: str, old: str, new: str, told: str) -> None:
    written(tmp_path)
    text = (tmp_path / name).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InvalidOutput, match=told):
        logged_documents(tmp_path / name) if name == "documents.jsonl" else LoggedOutputs(tmp_path / name)


def test_a_document_without_output_is_told(tmp_path: Path) -> None:
    written(tmp_path)
    with pytest.raises(InvalidOutput, match="has no output for the document '9'"):
        LoggedOutputs(tmp_path / "1-org-m-x.jsonl").output("9")


@pytest.mark.parametrize(("text", "name"), [("A b/C", "a-b-c"), ("../..", "none"), ("", "none"), ("x" * 99, "x" * 60)])
def test_slugs(text: str, name: str) -> None:
    assert slug(text) == name
