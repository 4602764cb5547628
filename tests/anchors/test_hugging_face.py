"""Likelihoods of Hugging Face models, against a loop over single documents and against lm-evaluation-harness."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from harness.api import Context, Examples
from harness_language.models.hugging_face import causal_language_model
from harness_language.tasks.score_text import Language
from tiny_gpt2 import make_tokenizer, save_gpt2

pytest.importorskip("transformers", reason="the extra `language` is not installed")

WINDOW = 64


def documents() -> list[str]:
    """Of 3 to 2,000 characters, shorter and longer than the window, not sorted."""
    from pydoc_data.topics import topics

    prose = " ".join(topics["typesmapping"].split())
    lengths = [3, 900, 40, 250, 17, 2000, 120, 61, 333, 8, 77, 500]
    return [prose[start * 31 :][:length] for start, length in enumerate(lengths)]


def records(folder: Path, batch_size: int, **task: Any) -> dict[str, Any]:
    texts = documents()
    data = Examples([f"d{i}" for i in range(len(texts))], {"texts": texts})
    run = Language(window=WINDOW, **{"stride": WINDOW, **task}).run
    return dict(run(causal_language_model(folder), data, None, Context(batch_size=batch_size)).records)  # type: ignore[arg-type]


@torch.no_grad()
def plain_loop(folder: Path, stride: int, starts: int = 1) -> list[float]:
    """Document by document and token by token of a window, by the library's own model: no padding, no shared head."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    network = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    found = []
    for text in documents():
        tokens = [tokenizer.bos_token_id] * starts + list(tokenizer(text, add_special_tokens=False)["input_ids"])
        total, scored = 0.0, 1
        while scored < len(tokens):
            end = min(len(tokens), WINDOW + 1 if scored == 1 else scored + stride)
            start = max(0, end - WINDOW - 1)
            logits = network(torch.tensor([tokens[start : end - 1]])).logits[0].double()
            for position in range(scored, end):
                row = logits[position - 1 - start]
                total += float(torch.logsumexp(row, 0) - row[tokens[position]])
            scored = end
        found.append(total)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_gpt2(tmp_path_factory.mktemp("gpt2"), window=WINDOW)


@pytest.mark.parametrize("stride", [WINDOW, 16])
def test_likelihoods_are_those_of_a_loop_over_single_documents(folder: Path, stride: int) -> None:
    expected = plain_loop(folder, stride)
    for batch_size in (1, 16):
        found = records(folder, batch_size, stride=stride)
        assert found["nll"] == pytest.approx(expected, rel=1e-5)
        assert sum(found["nll"]) == pytest.approx(sum(expected), rel=1e-6)
        assert found["unscored"] == [None] * len(expected)


def by_lm_eval(folder: Path, **how: Any) -> list[float]:
    pytest.importorskip("lm_eval", reason="lm-eval is not installed; it comes with the extra `anchors`")
    pytest.importorskip("accelerate", reason="lm-eval needs accelerate for Hugging Face models")
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    model = HFLM(pretrained=str(folder), device="cpu", dtype="float32", batch_size=4, max_length=WINDOW, **how)
    requests = [Instance("loglikelihood_rolling", {}, (text,), i) for i, text in enumerate(documents())]
    return [-value for value in model.loglikelihood_rolling(requests, disable_tqdm=True)]


@pytest.mark.slow
def test_likelihoods_are_those_of_lm_evaluation_harness(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its windows overlap in one token only, which is a stride as long as the window."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    theirs = by_lm_eval(folder)
    assert records(folder, 16)["nll"] == pytest.approx(theirs, rel=1e-5)


@pytest.mark.slow
def test_a_start_token_is_given_once_and_never_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the tokenizer starts texts itself, lm-evaluation-harness 0.4.13 does so again and scores the second one."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = save_gpt2(tmp_path, window=WINDOW, tokenizer=make_tokenizer(adds_start=True))
    found = records(folder, 16)
    assert found["nll"] == pytest.approx(plain_loop(folder, WINDOW), rel=1e-5)
    model: Any = causal_language_model(folder)
    assert found["tokens"] == [len(model.encode(text)) for text in documents()]
    assert all(ids.split().count(str(model.bos)) == 1 for ids in found["first_ids"])
    assert found["nll"] == pytest.approx(by_lm_eval(folder, add_bos_token=False), rel=1e-5)
    assert by_lm_eval(folder) == pytest.approx(plain_loop(folder, WINDOW, starts=2), rel=1e-5), "has it been mended?"
