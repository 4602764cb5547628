"""A file that runs code when it is loaded does so where the user has said `--trust` and its path, and never else."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from harness import Run
from harness.api import HarnessError, TrustedPath
from harness.cli import main
from harness.testing import run_suite
from harness_classification.models.sklearn_model import sklearn_model
from harness_vision.checkpoint import checkpoint

SUITE = """
suite: trusted
task: classify
data: {{use: csv_table, with: {{path: {folder}/t.csv, label: label, features: [a, b], scaled: false}}}}
models: [{{use: sklearn, with: {{path: {folder}/model.pkl}}}}]
metrics: [accuracy]
{more}
"""


class Code:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = np.arange(40, dtype=np.float64).reshape(20, 2)
    labels = (np.arange(20) >= 10).astype(np.int64)
    lines = [f"{a},{b},{label}" for (a, b), label in zip(rows, labels, strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,label", *lines]) + "\n")
    joblib.dump(LogisticRegression(max_iter=1000).fit(rows, labels), tmp_path / "model.pkl")
    return tmp_path


def run(folder: Path, more: str = "", **options: Any) -> Run:
    return run_suite(SUITE.format(folder=folder, more=more), folder / "results", **options)


def test_without_trust_a_pickle_is_refused_with_what_to_do(folder: Path) -> None:
    (row,) = run(folder).rows
    assert row.status == "failed"
    assert f"run with `--trust {folder}/model.pkl`" in row.reason


@pytest.mark.slow
@pytest.mark.parametrize("isolation", ["inline", "process"])
def test_with_trust_it_is_loaded_and_the_row_says_so(folder: Path, isolation: str) -> None:
    done = run(folder, trust=[folder / "model.pkl"], isolation=isolation)
    (row,) = done.rows
    assert row.status == "ok", row.reason
    assert row.facts["trusted"] == ["model.pkl"]
    table = (done.folder.path / "table.md").read_text()
    assert "files that could run code when they were loaded, trusted by the user: model.pkl" in table
    about = json.loads((done.folder.path / "run.json").read_text())
    assert about["provenance"]["trust"] == [str(folder / "model.pkl")]


def test_another_file_is_not_trusted(folder: Path) -> None:
    (folder / "other.pkl").write_bytes(b"")
    (row,) = run(folder, trust=[folder / "other.pkl"]).rows
    assert row.status == "failed"


def test_a_suite_cannot_trust(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for more in ("trust: [model.pkl]", "execution: {trust: [model.pkl]}"):
        (folder / "s.yaml").write_text(SUITE.format(folder=folder, more=more))
        assert main(["plan", str(folder / "s.yaml"), "--results", str(folder / "results")]) == 2
        assert "trust" in capsys.readouterr().err


def test_the_command_line_trusts_by_path(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "s.yaml").write_text(SUITE.format(folder=folder, more=""))
    options = ["--results", str(folder / "results"), "--trust", str(folder / "absent.pkl")]
    assert main(["plan", str(folder / "s.yaml"), *options]) == 2
    assert "absent.pkl' does not exist" in capsys.readouterr().err
    assert main(["plan", str(folder / "s.yaml"), *options[:-1], str(folder / "model.pkl")]) == 0


@pytest.mark.parametrize("suffix", [".pkl", ".pickle", ".joblib"])
def test_code_of_a_model_runs_with_trust_only(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(pickle.dumps(Code(tmp_path / "ran")))
    with pytest.raises(HarnessError, match="may run code when it is loaded"):
        sklearn_model(path)
    assert not (tmp_path / "ran").exists()
    with pytest.raises(HarnessError, match="a fitted classifier"):
        sklearn_model(TrustedPath(path))
    assert (tmp_path / "ran").exists()


def test_a_pickled_module_is_loaded_with_trust_only(tmp_path: Path) -> None:
    network = nn.Linear(3, 2)
    torch.save(network, tmp_path / "module.pt")
    arguments = {"in_features": 3, "out_features": 2}
    with pytest.raises(HarnessError, match=r"module.pt was refused: .*run with `--trust` and the path of the file"):
        checkpoint("torch.nn:Linear", tmp_path / "module.pt", arguments)
    loaded = checkpoint("torch.nn:Linear", TrustedPath(tmp_path / "module.pt"), arguments)
    assert torch.equal(loaded.weight, network.weight)  # type: ignore[arg-type]
