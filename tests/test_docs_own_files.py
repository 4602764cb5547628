"""The suites of the page on own models and data run as printed, on files that this test makes."""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from harness.cli import main

PAGE = "docs/how-to/own-data-and-models.md"
NET = """
import torch.nn as nn


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(64, 3))
"""
EXTRAS = {
    "photos": ["transformers"],
    "people": ["skops"],
    "exported": ["onnx", "onnxruntime"],
    "reviews": ["transformers"],
}


def suites(root: Path) -> dict[str, str]:
    blocks = re.findall(r"```yaml\n(.*?)```", (root / PAGE).read_text(encoding="utf-8"), re.S)
    return {str(re.findall(r"^suite: (\S+)", block)[0]): block for block in blocks}


def photos(rng: np.random.Generator) -> None:
    transformers: Any = pytest.importorskip("transformers")
    for name in ("ape", "cat", "dog"):
        Path("photos", name).mkdir(parents=True)
        for i in range(4):
            Image.fromarray(rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)).save(f"photos/{name}/{i}.png")
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    names = {0: "dog", 1: "cat", 2: "ape"}
    config = transformers.ViTConfig(**sizes, image_size=32, patch_size=8, id2label=names)
    transformers.ViTForImageClassification(config).save_pretrained("vit")
    transformers.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained("vit")


def arrays(rng: np.random.Generator) -> None:
    np.savez("images.npz", images=rng.integers(0, 256, (24, 8, 8), dtype=np.uint8), labels=np.arange(24) % 3)
    Path("my_nets.py").write_text(NET, encoding="utf-8")
    torch.manual_seed(0)
    torch.save(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3)).state_dict(), "net.pt")


def table(path: str, header: list[str], rows: list[list[Any]]) -> None:
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def numbers(rng: np.random.Generator) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    features = rng.normal(size=(40, 3)).round(3)
    labels = np.array(["no", "yes"])[(features[:, 0] > 0).astype(int)]
    rows = [[*row, "fm"[i % 2], label] for i, (row, label) in enumerate(zip(features.tolist(), labels, strict=True))]
    table("people.csv", ["age", "income", "height", "sex", "hired"], rows)
    return features, labels


def people(rng: np.random.Generator) -> None:
    from sklearn.linear_model import LogisticRegression

    io: Any = pytest.importorskip("skops.io")
    features, labels = numbers(rng)
    io.dump(LogisticRegression().fit(features, labels), "model.skops")


def exported(rng: np.random.Generator) -> None:
    onnx: Any = pytest.importorskip("onnx")
    numbers(rng)
    make, floats = onnx.helper, onnx.TensorProto.FLOAT
    given = make.make_tensor_value_info("x", floats, ["n", 3])
    made = make.make_tensor_value_info("y", floats, ["n", 2])
    weight = onnx.numpy_helper.from_array(np.array([[-1, 1], [0, 0], [0, 0]], np.float32), "w")
    graph = make.make_graph([make.make_node("MatMul", ["x", "w"], ["y"])], "g", [given], [made], [weight])
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.save(model, "net.onnx")


def reviews(rng: np.random.Generator) -> None:
    transformers: Any = pytest.importorskip("transformers")
    tokenizers: Any = pytest.importorskip("tokenizers")
    rows = [[f"film {i} was {['bad', 'good'][i % 2]}", ("neg", "pos")[i % 2], "fm"[i // 2 % 2]] for i in range(24)]
    table("reviews.csv", ["text", "label", "sex"], rows)
    words = ["[PAD]", "[UNK]", "film", "was", "good", "bad"]
    model = tokenizers.models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    fast = transformers.PreTrainedTokenizerFast
    fast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", model_max_length=64).save_pretrained("bert")
    sizes = {"vocab_size": len(words), "dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 16}
    config = transformers.DistilBertConfig(**sizes, max_position_embeddings=64, id2label={0: "neg", 1: "pos"})
    transformers.DistilBertForSequenceClassification(config).save_pretrained("bert")


MADE = {"photos": photos, "arrays": arrays, "people": people, "exported": exported, "reviews": reviews}


def test_every_suite_is_at_most_six_lines(root: Path) -> None:
    found = suites(root)
    assert list(found) == list(MADE)
    assert [name for name, suite in found.items() if suite.count("\n") > 6] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE)
def test_the_suites_run_as_printed(
    name: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for library in EXTRAS.get(name, []):
        pytest.importorskip(library, reason="an extra is not installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "my_nets", raising=False)
    MADE[name](np.random.default_rng(0))
    Path(f"{name}.yaml").write_text(suites(root)[name], encoding="utf-8")
    assert main(["run", f"{name}.yaml", "--results", "results", "--limit", "12"]) == 0
    told = capsys.readouterr().out
    assert "accuracy" in told
    assert "No row has a number" not in told
