"""Published weights, the original data files and native attacks, as suites name them, against published figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.testing import run_suite

RESNETS = """
suite: cifar
task: classify
data: {use: cifar10, with: {download: false}}
models:
  - {use: published, as: resnet20, with: {name: resnet20, download: false}}
  - {use: published, as: resnet32, with: {name: resnet32, download: false}}
  - {use: published, as: resnet44, with: {name: resnet44, download: false}}
  - {use: published, as: resnet56, with: {name: resnet56, download: false}}
execution: {channels_last: true}
metrics: [accuracy, ece, nll]
aggregates: [published_gap]
"""

CONVEX = """
suite: convex
task: classify
data: {{use: mnist, with: {{download: false}}}}
models:
  - use: checkpoint
    as: convex
    with:
      architecture: ConvexMnist
      weights: {data}/robustness/mnist/convex_adversarial_models_mnist.pth
      sha256: 95014ab0c04c73f48b3be0cb7acc42aff60ce4420c6c43bec25e9a1447279e08
attacks:
  - none
  - {{use: fgsm, with: {{eps: 0.1}}}}
  - {{use: pgd, with: {{eps: 0.1, steps: 40, step_size: 0.01, random_start: false}}}}
metrics: [accuracy, robust_accuracy]
aggregates: [worst_case]
"""

LENETS = """
suite: lenet
task: classify
data: {use: mnist, with: {download: false}, limit: 500}
models:
  - {use: published, as: clean, with: {name: lenet5_clean, download: false}}
  - {use: published, as: adversarial, with: {name: lenet5_adversarial, download: false}}
attacks:
  - none
  - {use: pgd, with: {eps: 0.3, steps: 40, step_size: 0.01, random_start: false}}
metrics: [accuracy, robust_accuracy]
"""


@pytest.mark.extended
@pytest.mark.usefixtures("data_folder")
def test_cifar_resnets_have_their_published_errors(tmp_path: Path) -> None:
    """Published accuracy 91.73, 92.63, 93.10 and 93.39 % on the whole test set, and `published_gap` says the same.

    ECE with 15 bins .0532 and NLL .3727 of ResNet-20 were computed independently of this code. With their channels last
    the networks take half the time.
    """
    done = run_suite(RESNETS, tmp_path)
    assert [row.reason for row in done.rows] == [""] * 8
    assert {row.n for row in done.rows} == {10_000}
    found = {row.labels["model"]: row.estimates["accuracy"].value for row in done.rows if row.cell}
    published = {"resnet20": 0.9173, "resnet32": 0.9263, "resnet44": 0.9310, "resnet56": 0.9339}
    assert found == pytest.approx(published, abs=0.0005)
    gaps = {row.labels["model"]: row.estimates["published_gap"].value for row in done.rows if row.derived}
    assert gaps == pytest.approx(dict.fromkeys(published, 0.0), abs=0.0005)
    first = done.row(model="resnet20", attack="none")
    assert first.estimates["ece"].value == pytest.approx(0.0532, abs=0.0003)
    assert first.estimates["nll"].value == pytest.approx(0.3727, abs=0.0003)


@pytest.mark.extended
def test_provably_robust_mnist_network(data_folder: Path, tmp_path: Path) -> None:
    """Wong & Kolter 2018 at eps .1: error 1.80 %, FGSM 3.90 %, PGD 4.06 % (recomputed), certified 5.8 %."""
    done = run_suite(CONVEX.format(data=data_folder), tmp_path)
    assert [row.reason for row in done.rows] == [""] * 4
    error = {row.labels["attack"]: 1 - row.estimates["robust_accuracy"].value for row in done.rows[1:]}  # type: ignore[operator]
    clean = done.row(attack="none").estimates["accuracy"].value
    assert clean is not None
    assert 1 - clean == pytest.approx(0.0180, abs=0.0001)
    assert error["fgsm"] == pytest.approx(0.0390, abs=0.0002)
    assert error["pgd"] == pytest.approx(0.0406, abs=0.001)
    assert error["fgsm"] <= error["pgd"] <= error["worst case"] < 0.058


@pytest.mark.extended
@pytest.mark.usefixtures("data_folder")
def test_advertorchs_lenet_pair(tmp_path: Path) -> None:
    """Published: PGD at eps .3, 40 steps of .01 from a zero start, leaves .000 and .9326 of the whole test set.

    Without `limit` this suite left 0 and 9321 of 10,000 (clean 9889 and 9864), in ten minutes on two cores; the next
    test asks for that on a GPU. Of its first 500 images these were 0 and 457 (clean 495 and 489); one more or less is
    round-off.
    """
    done = run_suite(LENETS, tmp_path)
    assert [row.reason for row in done.rows] == [""] * 4

    def left(model: str, attack: str, metric: str) -> float:
        value = done.row(model=model, attack=attack).estimates[metric].value
        assert value is not None
        return value * 500

    assert left("clean", "none", "accuracy") == pytest.approx(495)
    assert left("adversarial", "none", "accuracy") == pytest.approx(489)
    assert left("clean", "pgd", "robust_accuracy") == 0
    assert left("adversarial", "pgd", "robust_accuracy") == pytest.approx(457, abs=1.01)


@pytest.mark.extended
@pytest.mark.cuda
@pytest.mark.usefixtures("data_folder")
def test_advertorchs_lenet_pair_on_the_whole_test_set(tmp_path: Path) -> None:
    done = run_suite(LENETS.replace(", limit: 500", ""), tmp_path, device="cuda", batch_size=2000)
    assert [row.reason for row in done.rows] == [""] * 4
    found = {
        (model, attack): done.row(model=model, attack=attack).estimates[metric].value
        for model in ("clean", "adversarial")
        for attack, metric in (("none", "accuracy"), ("pgd", "robust_accuracy"))
    }
    assert found == pytest.approx(
        {
            ("clean", "none"): 0.9889,
            ("clean", "pgd"): 0.0,
            ("adversarial", "none"): 0.9864,
            ("adversarial", "pgd"): 0.9326,
        },
        abs=0.002,
    )
