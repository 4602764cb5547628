"""Tasks of lm-evaluation-harness on models here: the library's own scores, records, noise, and no code unasked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("lm_eval", reason="lm-eval is not installed; it comes with the extra `lm-eval`")
pytest.importorskip("transformers")

from harness import Run
from harness.testing import run_suite
from tiny_gpt2 import save_gpt2

CHOICE = """
task: chosen
dataset_path: json
dataset_kwargs: {data_files: {test: FILE}}
test_split: test
fewshot_split: test
output_type: multiple_choice
doc_to_text: "Q: {{question}}\\nA:"
doc_to_choice: "{{choices}}"
doc_to_target: "{{label}}"
metric_list: [{metric: acc}, {metric: acc_norm}]
"""
WRITTEN = """
task: written
dataset_path: json
dataset_kwargs: {data_files: {test: FILE}}
test_split: test
output_type: generate_until
doc_to_text: "Q: {{question}}\\nA:"
doc_to_target: "{{written}}"
generation_kwargs: {until: ["\\n"], max_gen_toks: 5, do_sample: false}
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
filter_list:
  - {name: whole, filter: [{function: take_first}]}
  - {name: letters, filter: [{function: regex, regex_pattern: "([a-z])"}, {function: take_first}]}
"""
SCORED = """
task: scored
dataset_path: json
dataset_kwargs: {data_files: {test: FILE}}
test_split: test
output_type: loglikelihood
doc_to_text: "Q: {{question}}"
doc_to_target: " {{written}}"
metric_list: [{metric: perplexity}, {metric: acc}]
"""
ROLLING = """
task: rolling
dataset_path: json
dataset_kwargs: {data_files: {test: FILE}}
test_split: test
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{question}}"
metric_list: [{metric: bits_per_byte}]
"""
TASKS = {"chosen": CHOICE, "written": WRITTEN, "scored": SCORED, "rolling": ROLLING}


@pytest.fixture(autouse=True)
def _offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))


def write(folder: Path, **changed: str) -> Path:
    """A folder of tasks with a file of questions."""
    rng = np.random.default_rng(0)
    words = ["if", "assert", "value", "name", "true", "expression", "the", "a"]

    def text(n: int) -> str:
        return " ".join(rng.choice(words, size=n))

    rows = [
        {
            "question": text(int(rng.integers(2, 12))),
            "choices": [text(1), text(2), text(3)],
            "label": int(rng.integers(3)),
            "written": text(1),
        }
        for _ in range(24)
    ]
    tasks = folder / "tasks"
    tasks.mkdir(parents=True)
    (tasks / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for name, content in {**TASKS, **changed}.items():
        (tasks / f"{name}.yaml").write_text(content.replace("FILE", str(tasks / "questions.jsonl")))
    return tasks


def by_lm_eval(model: Path, tasks: Path, name: str, shots: int | None = None) -> dict[str, Any]:
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    found = simple_evaluate(
        model="hf",
        model_args=f"pretrained={model},dtype=float32",
        tasks=[name],
        num_fewshot=shots,
        device="cpu",
        batch_size=4,
        bootstrap_iters=0,
        log_samples=True,
        task_manager=TaskManager(include_path=str(tasks), include_defaults=False),
        random_seed=0,
        fewshot_random_seed=0,
    )
    assert found is not None
    return dict(found)


def suite(name: str, tasks: Path, model: Path, metrics: str, more: str = "", attacks: str = "[none]") -> str:
    return (
        f"suite: borrowed\ntask: {{use: lm_eval, with: {{name: {name}, folder: '{tasks}'{more}}}}}\n"
        f"models: [{{use: transformers, as: tiny, with: {{folder: '{model}'}}}}]\n"
        f"attacks: {attacks}\nmetrics: {metrics}\n"
    )


def own(run: Run, row: int = 0) -> dict[str, float]:
    """The numbers of the library, kept beside the records."""
    (file,) = run.folder.cell(run.rows[row].cell).rglob("lm_eval.json")
    (scores,) = json.loads(file.read_text()).values()
    return dict(scores)


@pytest.mark.parametrize(
    ("name", "score", "key", "shots"),
    [
        ("chosen", "acc", "acc,none", None),
        ("chosen", "acc_norm", "acc_norm,none", 2),
        ("written", "exact_match", "exact_match,whole", None),
        ("written", '"exact_match,letters"', "exact_match,letters", None),
        ("scored", "acc", "acc,none", None),
    ],
)
def test_its_own_score_with_an_interval(tmp_path: Path, name: str, score: str, key: str, shots: int | None) -> None:
    tasks, model = write(tmp_path), save_gpt2(tmp_path / "gpt2")
    theirs = by_lm_eval(model, tasks, name, shots)
    more = "" if shots is None else f", shots: {shots}"
    run = run_suite(
        suite(name, tasks, model, f"[{{use: lm_eval_score, with: {{score: {score}}}}}, exact_match]", more),
        tmp_path / "r",
    )
    (row,) = run.rows
    assert row.status == "ok", row.reason
    estimate = row.estimates["lm_eval_score"]
    assert estimate.value == pytest.approx(theirs["results"][name][key], abs=1e-6)
    assert estimate.n == 24
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low < estimate.high
    assert own(run)[key] == pytest.approx(theirs["results"][name][key], abs=1e-6)


def test_the_same_likelihoods_of_choices_and_texts(tmp_path: Path) -> None:
    tasks, model = write(tmp_path), save_gpt2(tmp_path / "gpt2", window=32)
    theirs = by_lm_eval(model, tasks, "chosen")
    run = run_suite(suite("chosen", tasks, model, "[exact_match, ece]"), tmp_path / "r")
    records = run.records(run.rows[0])
    samples = sorted(theirs["samples"]["chosen"], key=lambda sample: sample["doc_id"])
    for answer, confidence, sample in zip(records["answer"], records["confidence"], samples, strict=True):
        scores = np.array([score for score, _ in sample["filtered_resps"]])
        assert answer == sample["doc"]["choices"][int(scores.argmax())]
        assert confidence == pytest.approx(1 / np.exp(scores - scores.max()).sum(), rel=1e-4)
    assert run.rows[0].estimates["ece"].value is not None
    # Longer than the window, so that a text is read in parts.
    rolling = by_lm_eval(model, tasks, "rolling")["results"]["rolling"]["bits_per_byte,none"]
    ours = own(run_suite(suite("rolling", tasks, model, "[exact_match]"), tmp_path / "r"))
    assert ours["bits_per_byte,none"] == pytest.approx(rolling, rel=1e-6)
    perplexity = by_lm_eval(model, tasks, "scored")["results"]["scored"]["perplexity,none"]
    ours = own(run_suite(suite("scored", tasks, model, "[exact_match]"), tmp_path / "r"))
    assert ours["perplexity,none"] == pytest.approx(perplexity, rel=1e-5)


def test_the_same_answers_and_what_would_have_been_said(tmp_path: Path) -> None:
    tasks, model = write(tmp_path), save_gpt2(tmp_path / "gpt2")
    theirs = by_lm_eval(model, tasks, "written")["samples"]["written"]
    said = {sample["doc_id"]: sample["resps"][0][0] for sample in theirs}
    run = run_suite(suite("written", tasks, model, "[exact_match]"), tmp_path / "r")
    answers = dict(zip(run.records(run.rows[0])["id"], run.records(run.rows[0])["answer"], strict=True))
    assert answers == {f"written/{number}": text for number, text in said.items()}
    # Of half of the documents the text is what the model says: whether it is greedy is a score of the library.
    rows = [json.loads(line) for line in (tasks / "questions.jsonl").read_text().splitlines()]
    for number in range(0, 24, 2):
        rows[number]["written"] = said[number].removeprefix(" ")
    (tasks / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    greedy = SCORED.replace("{{question}}", "{{question}}\\nA:").replace('" {{written}}"', '"{{written}}"')
    (tasks / "scored.yaml").write_text(greedy.replace("FILE", str(tasks / "questions.jsonl")))
    expected = by_lm_eval(model, tasks, "scored")["results"]["scored"]["acc,none"]
    ours = own(run_suite(suite("scored", tasks, model, "[exact_match]"), tmp_path / "s"))
    assert ours["acc,none"] == pytest.approx(expected, abs=1e-6)
    assert 0 < expected < 1


def test_noise_changes_what_is_read(tmp_path: Path) -> None:
    tasks, model = write(tmp_path), save_gpt2(tmp_path / "gpt2")
    attacks = "[none, {use: typos, with: {rate: 0.5}}]"
    run = run_suite(suite("chosen", tasks, model, "[lm_eval_score]", ", limit: 12", attacks), tmp_path / "r")
    clean, noisy = (run.records(row) for row in run.rows)
    assert clean["id"].tolist() == noisy["id"].tolist()
    assert len(clean) == 12
    assert not np.allclose(clean["confidence"], noisy["confidence"])


CODE = {
    "a function": WRITTEN.replace('doc_to_target: "{{written}}"', "doc_to_target: !function utils.target"),
    "an unsafe task": WRITTEN + "unsafe_code: true\n",
    "a metric of a hub": WRITTEN.replace("metric: exact_match", "metric: of_the_hub"),
    "a file elsewhere": "include: ../../elsewhere.yaml\n" + WRITTEN,
    "code of a dataset": WRITTEN.replace("{data_files", "{trust_remote_code: true, data_files"),
}


@pytest.mark.parametrize("what", CODE)
def test_code_is_refused_unless_it_is_allowed(tmp_path: Path, what: str) -> None:
    tasks, model = write(tmp_path, written=CODE[what]), save_gpt2(tmp_path / "gpt2")
    (tasks / "utils.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\ndef target(doc): return doc['written']\n")
    (row,) = run_suite(suite("written", tasks, model, "[exact_match]"), tmp_path / "r").rows
    assert row.status == "failed"
    assert "written.yaml" in row.reason
    assert "`allow_code: true` only" in row.reason
    assert not (tmp_path / "ran").exists()
    if what == "a function":
        (row,) = run_suite(suite("written", tasks, model, "[exact_match]", ", allow_code: true"), tmp_path / "r").rows
        assert row.status == "ok", row.reason
        assert (tmp_path / "ran").exists()


def test_a_template_cannot_reach_out_of_its_document(tmp_path: Path) -> None:
    bad = WRITTEN.replace("{{question}}", "{{ ''.__class__.__mro__[1].__subclasses__() }}")
    tasks, model = write(tmp_path, written=bad), save_gpt2(tmp_path / "gpt2")
    (row,) = run_suite(suite("written", tasks, model, "[exact_match]"), tmp_path / "r").rows
    assert row.status == "failed"
    assert "unsafe" in row.reason


def test_a_task_that_nobody_knows(tmp_path: Path) -> None:
    tasks, model = write(tmp_path), save_gpt2(tmp_path / "gpt2")
    (row,) = run_suite(suite("mmmlu", tasks, model, "[exact_match]"), tmp_path / "r").rows
    assert row.status == "failed"
    assert "no task 'mmmlu'; the folder has chosen, rolling, scored, written" in row.reason


def test_models_that_only_answer(tmp_path: Path) -> None:
    plugin = """
from harness.api import Component, Reply, hookimpl

@hookimpl
def harness_components():
    return [Component("model", "says", f"{__name__}:Says", "Says one word.")]

class Says:
    converses = True
    def answers(self, prompts, limits, ctx):
        return [Reply("the") for _ in prompts]
"""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "says_plugin.py").write_text(plugin)
    tasks = write(tmp_path)
    rows: Sequence[Any] = [
        run_suite(
            f"suite: s\ntask: {{use: lm_eval, with: {{name: {name}, folder: '{tasks}'}}}}\nmodels: [says]\n"
            "metrics: [exact_match]\n",
            tmp_path / "r",
            plugin_folders=[tmp_path / "plugins"],
        ).rows[0]
        for name in ("written", "chosen")
    ]
    assert [row.status for row in rows] == ["ok", "skipped"]
    assert 0 < rows[0].estimates["exact_match"].value < 1
    assert "the model only answers" in rows[1].reason
