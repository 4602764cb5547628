"""Law 1 on the whole test set: records do not depend on the batch size or on the order of cells."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from harness import Run
from harness.testing import assert_same_records, run_suite

MARGINS = ("adversarial_margin", "clean_margin")
SUITE = """
suite: invariance
task: classify
data: digits
models:
  - {use: digit_cnn, with: {epochs: 15}}
  - {use: digit_mlp, with: {training: noise}}
  - digit_linear
attacks:
  - none
  - {use: noise, with: {eps: 0.2, draws: 3}}
  - {use: fgsm, with: {eps: 0.1}}
  - {use: bim, with: {eps: 0.1, steps: 5}}
  - {use: pgd, as: pgd-linf, with: {eps: 0.1, steps: 5, restarts: 2}}
  - {use: pgd, as: pgd-l2, with: {norm: l2, eps: 0.5, steps: 5}}
  - {use: pgd, as: targeted, with: {eps: 0.1, steps: 5, targeted: true, loss: margin}}
  - {use: torchattacks, with: {attack: APGD, eps: 0.1, steps: 5}}
  - {use: torchattacks, with: {attack: Square, eps: 0.1, n_queries: 10}}
metrics: [accuracy, robust_accuracy, queries]
"""


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Run:
    done = run_suite(SUITE, tmp_path_factory.mktemp("whole"), batch_size=360)
    assert done.exit_code == 0
    return done


def fresh_results(reference: Run, folder: Path) -> Path:
    """A results folder with the same weights and no finished cells."""
    store = reference.folder.path.parents[1] / "store"
    shutil.copytree(store / "weights", folder / "store" / "weights")
    return folder


@pytest.mark.extended
@pytest.mark.parametrize("batch_size", [7, 64])
def test_records_do_not_depend_on_the_batch_size(reference: Run, tmp_path: Path, batch_size: int) -> None:
    done = run_suite(SUITE, fresh_results(reference, tmp_path), batch_size=batch_size)
    assert done.n_run == 27
    assert_same_records(reference, done, margins=MARGINS)


@pytest.mark.extended
def test_records_of_single_examples_are_those_of_a_batch(reference: Run, tmp_path: Path) -> None:
    """On a third of the test set, since each pass is for one example."""
    third = SUITE.replace("data: digits", "data: {use: digits, limit: 120}")
    together = run_suite(third, fresh_results(reference, tmp_path / "together"), batch_size=120)
    alone = run_suite(third, fresh_results(reference, tmp_path / "alone"), batch_size=1)
    assert together.n_run == alone.n_run == 27
    assert_same_records(together, alone, margins=MARGINS)


@pytest.mark.extended
def test_records_do_not_depend_on_the_order_of_cells(reference: Run, tmp_path: Path) -> None:
    lines = SUITE.splitlines()
    attacks, models = lines.index("attacks:"), lines.index("models:")
    flipped = [
        *lines[: models + 1],
        *reversed(lines[models + 1 : attacks]),
        "attacks:",
        *reversed(lines[attacks + 1 : -1]),
        lines[-1],
    ]
    done = run_suite("\n".join(flipped), fresh_results(reference, tmp_path), batch_size=360)
    assert [row.cell for row in done.rows] != [row.cell for row in reference.rows]
    assert_same_records(reference, done, at_most=0, margins=MARGINS)


@pytest.mark.cuda
def test_a_gpu_agrees_with_the_cpu_up_to_round_off(reference: Run, tmp_path: Path) -> None:
    """Weights trained on the CPU, attacked on both: the curves agree within their intervals."""
    done = run_suite(SUITE, tmp_path, device="cuda:0")
    for row in reference.rows:
        ours, theirs = row.estimates["accuracy"], done.row(**row.labels).estimates["accuracy"]
        assert ours.low is not None
        assert ours.high is not None
        assert theirs.value is not None
        assert ours.low - 0.02 <= theirs.value <= ours.high + 0.02
    assert torch.cuda.is_available()


@pytest.fixture(scope="module")
def twice(reference: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    """Two runs of a small suite, with the weights of the large one."""
    small = SUITE.replace("data: digits", "data: {use: digits, limit: 24}").replace(
        "  - {use: digit_cnn, with: {epochs: 15}}\n", ""
    )
    results = fresh_results(reference, tmp_path_factory.mktemp("twice"))
    return run_suite(small, results), run_suite(small, results)


@pytest.mark.parametrize(("column", "at"), [("adversarial_prediction", 3), ("adversarial_margin", 3), ("id", 0)])
def test_the_check_itself_notices_a_difference(twice: tuple[Run, Run], column: str, at: int) -> None:
    """One changed value far from the decision boundary is not called round-off."""
    one, two = twice
    assert_same_records(one, two, margins=MARGINS)
    row = two.row(model="digit_linear", attack="fgsm")
    file = two.folder.cell(row.cell) / "records.parquet"
    content = file.read_bytes()
    values = pq.read_table(file).to_pydict()
    values[column][at] = "other" if column == "id" else values[column][at] + 1
    # A new file, since the first run holds a link to the old one.
    file.unlink()
    pq.write_table(pa.table(values), file)
    try:
        with pytest.raises(AssertionError, match=r"differ|ids"):
            assert_same_records(one, two, margins=MARGINS)
    finally:
        file.unlink()
        file.write_bytes(content)
