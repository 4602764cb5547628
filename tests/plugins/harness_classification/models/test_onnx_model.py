"""ONNX files as classifiers; skipped where the extra `onnx` is not installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness.api import HarnessError, InvalidOutput
from harness.testing import run_suite
from harness_classification.models.onnx_model import onnx_model

pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")
onnx = pytest.importorskip("onnx", reason="onnx is not installed")

INPUTS = torch.rand(5, 4, generator=torch.Generator().manual_seed(0))
WEIGHT = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)


def save(path: Path, batch: Any = "n", *, softmax: bool = False, outputs: int = 1, kind: int = 1) -> Path:
    """A linear layer of 4 features and 3 classes."""
    make = onnx.helper
    nodes = [make.make_node("MatMul", ["x", "weight"], ["scores"])]
    names = ["scores"]
    if softmax:
        nodes.append(make.make_node("Softmax", ["scores"], ["shares"], axis=1))
        names = ["shares"]
    names += [f"more{i}" for i in range(1, outputs)]
    nodes += [make.make_node("Identity", ["scores"], [name]) for name in names if name.startswith("more")]
    weight = WEIGHT.astype(np.float64 if kind == 11 else np.float32)
    graph = make.make_graph(
        nodes,
        "linear",
        [make.make_tensor_value_info("x", kind, [batch, 4])],
        [make.make_tensor_value_info(name, kind, [batch, 3]) for name in names],
        [onnx.numpy_helper.from_array(weight, "weight")],
    )
    onnx.save(make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=8), str(path))
    return path


@pytest.mark.parametrize("batch", ["n", 1, 2, 8])
@pytest.mark.parametrize("kind", [1, 11])
def test_logits_whatever_the_batch_that_was_exported(tmp_path: Path, batch: Any, kind: int) -> None:
    logits = onnx_model(save(tmp_path / "m.onnx", batch, kind=kind))(INPUTS)
    assert logits.dtype == torch.float32
    assert np.allclose(logits, INPUTS.numpy() @ WEIGHT, atol=1e-6)


def test_probabilities(tmp_path: Path) -> None:
    logits = onnx_model(save(tmp_path / "m.onnx", softmax=True), outputs="probabilities")(INPUTS)
    assert torch.allclose(logits, torch.from_numpy(INPUTS.numpy() @ WEIGHT).log_softmax(dim=1), atol=1e-5)


def test_one_of_several_outputs(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", outputs=2)
    with pytest.raises(HarnessError, match=r"has not just one output .* it has scores tensor\(float\), more1"):
        onnx_model(path)
    with pytest.raises(HarnessError, match="has no output 'logits'"):
        onnx_model(path, output="logits")
    assert onnx_model(path, output="more1")(INPUTS).shape == (5, 3)


def test_inputs_of_another_shape(tmp_path: Path) -> None:
    model = onnx_model(save(tmp_path / "m.onnx"))
    with pytest.raises(InvalidOutput, match=r"m.onnx takes inputs of shape \[n, 4\], the data have \[n, 5\]"):
        model(torch.rand(2, 5))
    with pytest.raises(InvalidOutput, match=r"the data have \[n, 1, 2, 2\]"):
        model(torch.rand(2, 1, 2, 2))


@pytest.mark.parametrize("content", [b"", b"hello" * 20])
def test_files_that_are_no_onnx(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(HarnessError, match=r"m.onnx cannot be read as ONNX"):
        onnx_model(tmp_path / "m.onnx")


def test_weights_beside_the_file_are_read_in_a_folder_only(tmp_path: Path) -> None:
    """What lies beside a file does not enter the key."""
    folder = tmp_path / "model"
    folder.mkdir()
    loaded = onnx.load(str(save(tmp_path / "m.onnx")))
    how = {"save_as_external_data": True, "location": "m.data", "size_threshold": 0}
    onnx.save(loaded, str(folder / "m.onnx"), **how)
    assert (folder / "m.data").stat().st_size >= WEIGHT.nbytes
    with pytest.raises(HarnessError, match="put both into a folder and name that"):
        onnx_model(folder / "m.onnx")
    assert np.allclose(onnx_model(folder)(INPUTS), INPUTS.numpy() @ WEIGHT, atol=1e-6)
    (folder / "n.onnx").write_bytes(b"")
    with pytest.raises(HarnessError, match=r"holds 2 .onnx files"):
        onnx_model(folder)


def test_the_result_does_not_depend_on_the_batch(tmp_path: Path) -> None:
    model = onnx_model(save(tmp_path / "m.onnx"))
    assert torch.allclose(model(INPUTS), torch.cat([model(INPUTS[i : i + 1]) for i in range(5)]), atol=1e-6)


SUITE = """
suite: mine
task: classify
data:
  use: csv_table
  with: {{path: {folder}/t.csv, label: y, classes: [0, 1, 2], features: [a, b, c, d], scaled: false}}
models: [{{use: onnx, with: {{path: {folder}/m.onnx}}}}]
attacks: [none, {{use: square, with: {{eps: 0.1, queries: 10}}}}, {{use: pgd, with: {{eps: 0.1}}}}]
metrics: [accuracy]
"""


def test_a_table_and_an_onnx_file_under_attacks_that_need_no_gradients(tmp_path: Path) -> None:
    save(tmp_path / "m.onnx")
    rows = np.random.default_rng(1).random((40, 4)).round(3)
    labels = (rows @ WEIGHT).argmax(axis=1)
    lines = [",".join([*map(str, row.tolist()), str(label)]) for row, label in zip(rows, labels, strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,c,d,y", *lines]), encoding="utf-8")
    run = run_suite(SUITE.format(folder=tmp_path), tmp_path / "results")
    cells = {row.labels["attack"].split()[0]: row for row in run.rows}
    assert cells["none"].estimates["accuracy"].value == 1
    assert cells["square"].status in ("ok", "suspect", "skipped"), cells["square"].reason
    assert cells["pgd"].status == "skipped"
    assert "it has no named_modules, parameters" in cells["pgd"].reason
