"""Published weights through `checkpoint`, the original data files and native attacks, against published figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.testing import run_suite

RESNET = """
suite: cifar
task: classify
data: {{use: cifar10, with: {{folder: {folder}, download: false}}}}
models:
  - use: checkpoint
    as: resnet20
    with:
      architecture: "anchors.published_architectures:CifarResNet"
      weights: {data}/robustness/cifar10/resnet20-12fca82f.th
      mean: [0.485, 0.456, 0.406]
      std: [0.229, 0.224, 0.225]
metrics: [accuracy, ece, nll]
"""

CONVEX = """
suite: convex
task: classify
data: {{use: mnist, with: {{folder: {data}/robustness/mnist, download: false}}}}
models:
  - use: checkpoint
    as: convex
    with:
      architecture: "anchors.published_architectures:ConvexMnist"
      weights: {data}/robustness/mnist/convex_adversarial_models_mnist.pth
attacks:
  - none
  - {{use: fgsm, with: {{eps: 0.1}}}}
  - {{use: pgd, with: {{eps: 0.1, steps: 40, step_size: 0.01, random_start: false}}}}
metrics: [accuracy, robust_accuracy]
"""

LENET = """
suite: lenet
task: classify
data: {{use: mnist, with: {{folder: {data}/robustness/mnist, download: false}}, limit: {limit}}}
models:
  - use: checkpoint
    as: clean
    with:
      architecture: "anchors.published_architectures:LeNet5"
      weights: {data}/robustness/mnist/advertorch_mnist_lenet5_clntrained.pt
  - use: checkpoint
    as: adversarial
    with:
      architecture: "anchors.published_architectures:LeNet5"
      weights: {data}/robustness/mnist/advertorch_mnist_lenet5_advtrained.pt
attacks:
  - none
  - {{use: pgd, with: {{eps: 0.3, steps: 40, step_size: 0.01, random_start: false}}}}
metrics: [accuracy, robust_accuracy]
"""


@pytest.mark.slow
def test_cifar_resnet20_has_its_published_error(data_folder: Path, tmp_path: Path) -> None:
    """Published test error 8.27 %; ECE with 15 bins .0532 and NLL .3727 were computed independently of this code.

    The binary batch is rebuilt from the test images; its digest is the official one.
    """
    raw = np.load(data_folder / "robustness" / "cifar10" / "cifar10_test_official_order.npz")
    images = raw["x"].transpose(0, 3, 1, 2).reshape(len(raw["y"]), -1)
    batch = np.concatenate([raw["y"].astype(np.uint8).reshape(-1, 1), images], axis=1)
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    (folder / "test_batch.bin").write_bytes(batch.tobytes())
    done = run_suite(RESNET.format(folder=tmp_path, data=data_folder), tmp_path / "results")
    (row,) = done.rows
    assert row.reason == ""
    assert row.n == 10_000
    assert row.estimates["accuracy"].value == pytest.approx(0.9173, abs=0.0005)
    assert row.estimates["ece"].value == pytest.approx(0.0532, abs=0.0003)
    assert row.estimates["nll"].value == pytest.approx(0.3727, abs=0.0003)


@pytest.mark.slow
def test_provably_robust_mnist_network(data_folder: Path, tmp_path: Path) -> None:
    """Wong & Kolter 2018 at eps .1: error 1.80 %, FGSM 3.90 %, PGD 4.06 % (recomputed), certified 5.8 %."""
    done = run_suite(CONVEX.format(data=data_folder), tmp_path)
    assert [row.reason for row in done.rows] == [""] * 3
    error = {row.labels["attack"]: 1 - row.estimates["robust_accuracy"].value for row in done.rows[1:]}  # type: ignore[operator]
    clean = done.row(attack="none").estimates["accuracy"].value
    assert clean is not None
    assert 1 - clean == pytest.approx(0.0180, abs=0.0001)
    assert error["fgsm"] == pytest.approx(0.0390, abs=0.0002)
    assert error["pgd"] == pytest.approx(0.0406, abs=0.001)
    assert error["fgsm"] <= error["pgd"] < 0.058


@pytest.mark.slow
def test_advertorchs_lenet_pair(data_folder: Path, tmp_path: Path) -> None:
    """Published: PGD at eps .3, 40 steps of .01, succeeds on 100 % and on 6.8 % (of all examples: 6.74 %)."""
    done = run_suite(LENET.format(data=data_folder, limit=1000), tmp_path)
    assert [row.reason for row in done.rows] == [""] * 4
    clean = done.row(model="clean", attack="pgd").estimates["robust_accuracy"].value
    hardened = done.row(model="adversarial", attack="pgd").estimates["robust_accuracy"]
    assert clean == 0.0
    assert hardened.low is not None
    assert hardened.high is not None
    assert hardened.low <= 0.9326 <= hardened.high
