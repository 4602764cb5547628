"""Text classifiers of transformers: against the library, in any batch, cut texts; skipped where it is not installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from harness.api import HarnessError
from harness.testing import assert_same_records, run_suite
from harness_language.classification.hugging_face_classifier import text_classifier
from tiny_gpt2 import make_tokenizer

transformers = pytest.importorskip("transformers", reason="the extra `language` is not installed")

TEXTS = [
    "a short one",
    "",
    "one that is a little longer than the others, and ends here",
    *(f"text {i}" for i in range(9)),
]


def save(folder: Path, labels: Any = None, **settings: Any) -> Path:
    torch.manual_seed(0)
    labels = labels or {0: "good", 1: "bad"}
    config = transformers.DistilBertConfig(
        **{"vocab_size": 400, "dim": 16, "hidden_dim": 16, "n_layers": 1, "n_heads": 2, "pad_token_id": 0},
        **{"max_position_embeddings": 64, "id2label": labels, "num_labels": len(labels), **settings},
    )
    network = transformers.DistilBertForSequenceClassification(config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    network.save_pretrained(folder)
    tokenizer = make_tokenizer()
    tokenizer.pad_token = tokenizer.eos_token
    tokenizer.save_pretrained(folder)
    return folder


def test_logits_of_the_library_text_by_text(tmp_path: Path) -> None:
    model = text_classifier(save(tmp_path))
    logits, cut = model.classify(TEXTS, 4)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for row, text in enumerate(TEXTS):
        if text:
            expected = model.network(**tokenizer(text, return_tensors="pt")).logits[0]
            assert torch.allclose(logits[row], expected, atol=1e-5), text
    assert not any(cut)
    assert model.class_names == ["good", "bad"]


def test_no_text_depends_on_the_others(tmp_path: Path) -> None:
    model = text_classifier(save(tmp_path))
    together, _ = model.classify(TEXTS, 64)
    alone = torch.cat([model.classify([text], 1)[0] for text in TEXTS])
    assert torch.equal(together, alone)


def test_long_texts_are_cut_and_told(tmp_path: Path) -> None:
    model = text_classifier(save(tmp_path), max_tokens=5)
    logits, cut = model.classify([TEXTS[2], "a"], 4)
    assert list(cut) == [True, False]
    kept = model._tokenizer(TEXTS[2])["input_ids"][:5]
    assert torch.allclose(logits[0], model.network(input_ids=torch.tensor([kept])).logits[0], atol=1e-5)


def test_names_of_classes(tmp_path: Path) -> None:
    numbered = save(tmp_path / "numbered", {0: "LABEL_0", 1: "LABEL_1"})
    assert text_classifier(numbered).class_names is None
    assert text_classifier(numbered, classes=["up", "down"]).class_names == ["up", "down"]
    with pytest.raises(HarnessError, match="`classes:` names 3; the model has 2: LABEL_0, LABEL_1"):
        text_classifier(numbered, classes=["up", "down", "left"])


def test_what_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="must be a commit of 40 hexadecimal digits"):
        text_classifier(hub="some/model", revision="main")
    save(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).unlink()
    with pytest.raises(HarnessError, match=r"has no tokenizer \(tokenizer.json, "):
        text_classifier(tmp_path)
    save(tmp_path)
    config = transformers.DistilBertConfig.from_pretrained(tmp_path)
    transformers.DistilBertModel(config).save_pretrained(tmp_path)
    with pytest.raises(HarnessError, match=r"lacks weights of DistilBertForSequenceClassification, first .*fine-tuned"):
        text_classifier(tmp_path)


SUITE = """
suite: mine
task: classify_text
data: {{use: text_table, with: {{path: {folder}/t.csv, groups: [sex]}}}}
models: [{{use: hf_text_classifier, with: {{folder: {folder}/model}}}}]
attacks: [none, {{use: typos, with: {{rate: 0.3, draws: 2}}}}]
metrics: [accuracy, robust_accuracy, {{use: subgroup_error_gap, with: {{group: sex}}}}]
groups: [sex]
"""


def test_a_table_and_a_folder_under_typos_by_group(tmp_path: Path) -> None:
    save(tmp_path / "model")
    rows = [
        f'"a text about {word} and more",{("bad", "good")[i % 2]},{"fm"[i // 2 % 2]}'
        for i, word in enumerate(TEXTS * 2)
    ]
    (tmp_path / "t.csv").write_text("\n".join(["text,label,sex", *rows]), encoding="utf-8")
    suite = SUITE.format(folder=tmp_path)
    one, many = (run_suite(suite, tmp_path / str(size), batch_size=size) for size in (1, 64))
    cells = [row for row in one.rows if row.cell and not row.derived]
    assert {row.status for row in cells} == {"ok"}
    noisy = next(row for row in cells if row.labels.get("attack") != "none")
    assert {"accuracy", "robust_accuracy"} <= set(noisy.estimates)
    assert noisy.n == len(rows)
    assert_same_records(one, many)
