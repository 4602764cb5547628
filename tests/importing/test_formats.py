"""Each log is read by its tool's fields, and what is wrong in one is told with the line and the field."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.contract.errors import UsageError
from harness.importing.formats import read_log
from importing.written_logs import (
    auto_attack_state,
    every_eval_ever_line,
    garak_report,
    inspect_archive,
    inspect_header,
    inspect_sample,
    lines,
    lm_eval_line,
    lm_eval_log,
    question,
    with_zstandard,
)


def test_lm_eval(tmp_path: Path) -> None:
    log = read_log(lm_eval_log(tmp_path, [1.0, 0.0, True]))
    assert (log.tool, log.task, log.model) == ("lm-eval", "sums", "org/a")
    first = log.samples[0]
    assert (first.id, first.prompt, first.reference, first.answer) == ("0", "Q: What is 0 + 0?\nA:", "0", "0")
    assert [sample.scores for sample in log.samples] == [{"exact_match": value} for value in (1.0, 0.0, 1.0)]
    assert first.where.endswith("jsonl, line 1")


def test_fields_may_be_named_for_one_tool(tmp_path: Path) -> None:
    mapped = ("lm-eval:prompt=doc.question", "group.subject=doc.subject", "score.right=exact_match", "inspect:answer=x")
    log = read_log(lm_eval_log(tmp_path, [1.0, 0.0]), mapped)
    assert [sample.prompt for sample in log.samples] == [question(0), question(1)]
    assert [sample.groups for sample in log.samples] == [{"subject": "a"}, {"subject": "b"}]
    assert log.samples[0].scores == {"right": 1.0}


def test_filters_are_scores_of_their_own_and_losses_are_known(tmp_path: Path) -> None:
    path = lm_eval_log(tmp_path, [])
    both = [
        lm_eval_line(
            i, float(strict), filter=name, loss=0.5, word_ppl=[-1, 2], metrics=["exact_match", "loss", "word_ppl"]
        )
        for i in range(2)
        for name, strict in (("strict", 0), ("flexible", 1))
    ]  # fmt: skip
    path.write_text(lines(both), encoding="utf-8")
    about = {"model_name": "m", "higher_is_better": {"sums": {"exact_match": True, "loss": False}}}
    next(tmp_path.glob("results_*")).write_text(json.dumps(about), encoding="utf-8")
    log = read_log(path)
    assert log.samples[1].scores["exact_match,strict"] == 0
    assert log.samples[1].scores["exact_match,flexible"] == 1
    assert log.less_is_better == {"loss,strict", "loss,flexible"}
    assert log.notes == (f"{path.name}: word_ppl is no mean over documents, and is left out",)


@pytest.mark.parametrize("packed", [lambda path: path, with_zstandard])
def test_inspect_archives(tmp_path: Path, packed: Callable[[Path], Path]) -> None:
    samples = [inspect_sample(i, value) for i, value in enumerate(("C", "I", "P", "N", 0.25))]
    log = read_log(packed(inspect_archive(tmp_path / "log.eval", samples, inspect_header())))
    assert (log.tool, log.task, log.model) == ("inspect", "sums", "org/b")
    assert [sample.scores["match"] for sample in log.samples] == [1, 0, 0.5, 0, 0.25]
    assert (log.samples[1].id, log.samples[1].prompt, log.samples[1].answer) == ("2", question(1), "4")


def test_inspect_as_one_document_with_epochs_and_several_values(tmp_path: Path) -> None:
    samples = [inspect_sample(0, {"a": right, "b": 2}, epoch) for epoch, right in ((1, "C"), (2, "I"), (3, None))]
    path = tmp_path / "log.json"
    path.write_text(json.dumps({**inspect_header(), "samples": samples}), encoding="utf-8")
    log = read_log(path)
    assert log.epochs == 3
    assert [sample.scores for sample in log.samples] == [{"match.a": 0.5, "match.b": 2.0}]


def test_garak_counts_completed_attempts_and_less_is_better(tmp_path: Path) -> None:
    log = read_log(garak_report(tmp_path / "garak.x.report.jsonl", [1.0, 0.0]))
    assert (log.model, log.less_is_better) == ("org/g", {"dan.DAN"})
    assert [(s.id, s.prompt, s.scores) for s in log.samples] == [
        ("dan.Dan_11_0/0", "attack 0", {"dan.DAN": 0.5}),
        ("dan.Dan_11_0/1", "attack 1", {"dan.DAN": 0.0}),
    ]


def test_every_eval_ever(tmp_path: Path) -> None:
    path = tmp_path / "x_samples.jsonl"
    path.write_text(lines([every_eval_ever_line(i, i / 2) for i in range(3)]), encoding="utf-8")
    log = read_log(path)
    assert (log.task, log.model) == ("sums", "org/e")
    assert [sample.scores["score"] for sample in log.samples] == [0, 0.5, 1]
    assert (log.samples[2].reference, log.samples[2].answer) == ("4", "4")


def test_auto_attack(tmp_path: Path) -> None:
    log = read_log(auto_attack_state(tmp_path / "state.json", [True, False] * 6))
    assert [sample.id for sample in log.samples][:3] == ["00", "01", "02"]
    assert [sample.scores["robust"] for sample in log.samples][:2] == [1, 0]
    assert log.task == "auto-attack apgd-ce, square"


def test_tables_with_roles(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("name,q,ok,part\na,one,1,x\nb,two,,y\n", encoding="utf-8")
    log = read_log(path, ("id=name", "prompt=q", "score.acc=ok", "group.part=part"))
    assert [(s.id, s.prompt, s.scores, s.groups) for s in log.samples] == [
        ("a", "one", {"acc": 1.0}, {"part": "x"}),
        ("b", "two", {"acc": None}, {"part": "y"}),
    ]


def _lm_eval(tmp_path: Path, *objects: object, cut: int = 0) -> Path:
    path = tmp_path / "samples_sums.jsonl"
    text = "".join(json.dumps(each) + "\n" for each in objects)
    path.write_text(text[: len(text) - cut], encoding="utf-8")
    return path


GOOD = lm_eval_line(0, 1.0)


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (lambda p: _lm_eval(p, GOOD, lm_eval_line(1, 1.0), cut=20), "samples_sums.jsonl, line 2 is no JSON, cut off"),
        (lambda p: _lm_eval(p, GOOD, cut=20), "samples_sums.jsonl, line 1 is no JSON, cut off"),
        (lambda p: _lm_eval(p, GOOD, GOOD), "line 2: doc_id 0 stands there and in samples_sums.jsonl, line 1"),
        (lambda p: _lm_eval(p, GOOD, lm_eval_line(1, "yes")), "line 2: exact_match is 'yes', not a number"),
        (lambda p: _lm_eval(p, GOOD, [1]), r"line 2 is \[1\], not a JSON object"),
        (lambda p: _lm_eval(p, GOOD, {**GOOD, "doc_id": True}), "line 2: doc_id is True"),
        (lambda p: _lm_eval(p, GOOD, {**GOOD, "metrics": ["f1"]}), "line 2 has no field 'f1'; there is: doc_id, doc"),
        (lambda p: inspect_archive(p / "a.eval", [inspect_sample(0, "C")], None), "a.eval has no header.json: the run"),
        (lambda p: inspect_archive(p / "a.eval", [inspect_sample(0, "C")], inspect_header("error")), "is 'error'"),
        (lambda p: inspect_archive(p / "a.eval", [], inspect_header()), "a.eval holds no finished sample"),
        (
            lambda p: inspect_archive(p / "a.eval", [inspect_sample(0, "good")], inspect_header()),
            "a.eval, samples/1_epoch_1.json: scores.match is 'good', not a number or one of C, P, I, N",
        ),
        (
            lambda p: inspect_archive(p / "a.eval", [inspect_sample(0, "C"), inspect_sample(0, "C", 2),
                                                     inspect_sample(1, "C")], inspect_header()),
            "documents have 1 to 2 epochs",
        ),
        (lambda p: garak_report(p / "r.jsonl", [1.0], ended=False), "its last entry is 'attempt', not 'completion'"),
        (lambda p: garak_report(p / "r.jsonl", ["hit"]), "line 3: detector_results.dan.DAN is 'hit', not a number"),
        (lambda p: auto_attack_state(p / "s.json", [True, 1]), r"s.json: _robust_flags\[1\] is 1, not true or false"),
        (lambda p: auto_attack_state(p / "s.json", [True], ["apgd-ce"]), "_run_attacks lacks square: the attack"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, write: Callable[[Path], Path], told: str) -> None:
    path = write(tmp_path)
    with pytest.raises(UsageError, match=told):
        read_log(path)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"evaluation_name": "other"}, "line 2: evaluation_name is 'other', above 'sums'; give a file for each"),
        ({"sample_id": "0"}, "line 2: the id '0' stands there and in x.jsonl, line 1"),
        ({"evaluation": {"score": "1"}}, "line 2: evaluation.score is '1', not a number"),
        ({"input": {"raw": "?"}}, "line 2 has no field 'input.reference'; there is: raw"),
    ],
)
def test_lines_of_every_eval_ever_that_do_not_fit(tmp_path: Path, changed: dict[str, object], told: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(lines([every_eval_ever_line(0, 1.0), every_eval_ever_line(1, 1.0, **changed)]), encoding="utf-8")
    with pytest.raises(UsageError, match=told):
        read_log(path)


def test_a_cut_archive_is_damaged(tmp_path: Path) -> None:
    path = inspect_archive(tmp_path / "a.eval", [inspect_sample(0, "C")], inspect_header())
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UsageError, match=r"a\.eval is cut off or damaged"):
        read_log(path)


@pytest.mark.parametrize(
    ("content", "mapped", "told"),
    [
        ("a,b\n1,2\n", (), "t.csv is no log of a known tool"),
        ("a,b\nx,yes\n", ("id=a", "score.acc=b"), "line 2"),
        ("a,b\nx,1\nx,0\n", ("id=a", "score.acc=b"), "the id 'x' stands there and in t.csv, line 2"),
        ("a,b\nx,1\n", ("id=c", "score.acc=b"), "no column 'c'"),
        ("a,b\nx,1\n", ("name=a",), "write ROLE=FIELD"),
    ],
)
def test_tables_that_do_not_fit(tmp_path: Path, content: str, mapped: tuple[str, ...], told: str) -> None:
    (tmp_path / "t.csv").write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=told):
        read_log(tmp_path / "t.csv", mapped)
