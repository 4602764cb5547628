"""Half precision, compilation and channels last: what changes in the numbers, in the key and in the table."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from harness import Run
from harness.contract.cells import Cell, Use
from harness.contract.errors import HarnessError, SuiteError
from harness.contract.execution import Execution
from harness.contract.rows import Status
from harness.execution.precision import execution_text, reduced_precision, run_as, tf32_where_asked
from harness.results.comparison.comparability import differing_fields
from harness.results.table import TableView

INPUTS = torch.rand(64, 1, 8, 8, generator=torch.Generator().manual_seed(1))
HALF = Execution("bfloat16")

SUITE = """
suite: executed
task: classify
data: {use: digits, limit: 100}
models: [{use: digit_cnn, as: cnn, with: {epochs: 3, width: 4}}]
attacks: [none, {use: pgd, with: {eps: 0.1, steps: 5}}]
metrics: [accuracy, robust_accuracy]
aggregates: [worst_case]
experiments:
  - {name: plain}
  - {name: half, execution: {precision: bfloat16}}
  - {name: last, execution: {channels_last: true}}
  - name: mixed
    execution: {precision: bfloat16}
    models:
      - {use: digit_cnn, as: full, with: {epochs: 3, width: 4}, execution: {precision: float32}}
      - {use: smoothed, with: {model: {use: digit_cnn, with: {epochs: 3, width: 4}}, n: 20, n0: 10}}
"""


def network() -> nn.Module:
    torch.manual_seed(0)
    made = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 10))
    return made.eval().requires_grad_(False)


def executed(execution: Execution) -> nn.Module:
    made = network()
    run_as(made, execution, "cpu")
    return made


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_computes_in_it_and_answers_in_float32(precision: Any) -> None:
    """Both round to 8 or 11 bits, so logits of size 1 move by less than .02, and they do move."""
    inputs = INPUTS.clone().requires_grad_(True)
    logits = executed(Execution(precision))(inputs)
    exact = network()(INPUTS)
    (gradient,) = torch.autograd.grad(logits.sum(), inputs)
    assert logits.dtype == gradient.dtype == torch.float32
    assert 1e-5 < float((logits - exact).detach().abs().amax()) < 0.02
    assert bool((gradient.flatten(1).abs().amax(dim=1) > 0).all())


def test_channels_last_is_the_same_function() -> None:
    model = executed(Execution(channels_last=True))
    assert model[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(model(INPUTS), network()(INPUTS), atol=1e-5)


@pytest.mark.slow
@pytest.mark.skipif(not any(map(shutil.which, ("g++", "clang++", "c++"))), reason="compiling needs a C++ compiler")
def test_a_compiled_model_is_the_same_function() -> None:
    model = executed(Execution(compile=True))
    inputs = INPUTS.clone().requires_grad_(True)
    logits, exact = model(inputs), network()(inputs)
    assert torch.allclose(logits, exact, atol=1e-5)
    assert torch.equal(logits.argmax(dim=1), exact.argmax(dim=1))
    gradients = [torch.autograd.grad(each.sum(), inputs)[0] for each in (logits, exact)]
    assert torch.allclose(*gradients, atol=1e-5)


def test_a_copy_runs_its_own_weights() -> None:
    model = executed(HALF)
    twin = copy.deepcopy(model)
    with torch.no_grad():
        twin[4].weight.zero_()
    assert torch.equal(twin(INPUTS), twin[4].bias.bfloat16().float().expand(64, 10))
    assert torch.allclose(model(INPUTS), network()(INPUTS), atol=0.02)


def test_what_cannot_be_executed_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HarnessError, match="`execution` is for torch modules; the model is a function"):
        run_as(lambda inputs: inputs, HALF, "cpu")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(HarnessError, match=r"needs a C\+\+ compiler on the CPU, and there is none"):
        run_as(network(), Execution(compile=True), "cpu")


def test_words() -> None:
    assert str(Execution("float16", compile=True, channels_last=True)) == "float16, compiled, channels last"
    inner = [Use("model", "m", "m", 1, {}, execution=each) for each in (HALF, Execution("float16"), Execution())]
    outer = Use("model", "ensemble", "e", 1, {"models": tuple(inner)})
    assert reduced_precision(outer, "cpu") == "bfloat16+float16"
    assert execution_text(outer) == "bfloat16; float16"
    assert reduced_precision(None, "cpu") == execution_text(None) == ""


def test_tf32_is_for_gpus_their_comparability_and_the_cell_alone() -> None:
    asked = Use("model", "m", "m", 1, {}, execution=Execution(tf32=True))
    outer = Use("model", "wrapped", "w", 1, {"model": asked})
    assert [reduced_precision(outer, device) for device in ("cpu", "cuda:1", "mps")] == ["", "tf32", ""]
    assert execution_text(outer) == "TF32"

    def allowed() -> tuple[str, bool]:
        return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32

    before = allowed()
    with tf32_where_asked(outer, "cuda:0"):
        assert allowed() == ("high", True)
    assert allowed() == before
    for model, device in ((outer, "cpu"), (Use("model", "m", "m", 1, {}), "cuda"), (None, "cuda")):
        with tf32_where_asked(model, device):
            assert allowed() == before


def test_tf32_is_in_the_key_and_leaves_the_keys_of_others() -> None:
    uses = [Use("model", "m", "m", 1, {}, execution=each) for each in (HALF, Execution(tf32=True))]
    assert uses[0].identity["execution"] == {"precision": "bfloat16", "compile": False, "channels_last": False}
    assert uses[1].identity["execution"]["tf32"] is True
    assert [Use.from_json(use.to_json()) for use in uses] == uses


def test_a_use_keeps_its_execution() -> None:
    plain = Use("model", "m", "m", 1, {})
    half, full = (Use("model", "m", "m", 1, {}, execution=each) for each in (HALF, Execution()))
    assert Use.from_json(half.to_json()) == half
    assert full.identity == plain.identity != half.identity
    assert Cell("", plain, {"model": full}).id == Cell("", plain, {"model": plain}).id


def test_in_a_suite(run: Callable[..., Run]) -> None:
    """Verdicts differ in half precision at the margin only; its key is another, its weights are the same."""
    done = run(SUITE)
    # Five steps of a network that was trained here may be too few, which is no matter of precision.
    assert {row.status for row in done.rows} <= {Status.OK, Status.SUSPECT}
    rows = {(row.experiment, row.labels["model"], row.labels["attack"]): row for row in done.rows}
    plain, half, last = (rows[name, "cnn", "pgd"] for name in ("plain", "half", "last"))
    assert half.comparability["precision"] == "bfloat16"
    assert "precision" not in plain.comparability
    assert plain.key == last.key != half.key
    assert [row.facts.get("execution") for row in (plain, half, last)] == [None, "bfloat16", "channels last"]
    assert rows["mixed", "full", "pgd"].estimates == plain.estimates
    assert rows["mixed", "full", "pgd"].display == {"threat": "linf ≤ 0.1"}
    assert rows["mixed", "smoothed", "none"].comparability["precision"] == "bfloat16"
    assert [str(field) for field in differing_fields(plain, half)] == ["precision none ≠ bfloat16"]
    worst = {row.experiment: row for row in done.rows if row.derived and row.labels["model"] == "cnn"}
    assert worst["plain"].key == worst["last"].key != worst["half"].key
    shares = [row.estimates["robust_accuracy"].value for row in (plain, half, last)]
    assert 0 < shares[0] < 1  # type: ignore[operator]
    assert abs(shares[1] - shares[0]) <= 0.03  # type: ignore[operator]
    assert shares[2] == shares[0]
    assert len({used["key"] for cell in done.folder.path.rglob("result.json") for used in _weights(cell)}) == 1


def _weights(result: Path) -> list[dict[str, Any]]:
    import json

    found: list[dict[str, Any]] = json.loads(result.read_text())["weights"]
    return found


def test_the_table_shows_it(run: Callable[..., Run]) -> None:
    rows = run(SUITE).rows
    alike = TableView([row for row in rows if row.experiment == "half"], {}, {})
    assert alike.constants()["execution"] == "bfloat16"
    mixed = TableView([row for row in rows if row.experiment == "mixed"], {}, {})
    head, body = mixed.columns()
    assert [line[head.index("execution")] for line in body] == ["", "", "bfloat16", "bfloat16", "", ""]
    plain = TableView([row for row in rows if row.experiment == "plain"], {}, {})
    assert "execution" not in plain.columns()[0]
    assert "execution" not in plain.constants()


def test_other_tasks_have_no_such_option(run: Callable[..., Run]) -> None:
    text = """
        suite: misplaced
        task: language
        data: names
        models: [uniform]
        execution: {precision: bfloat16}
        metrics: [bits_per_byte]
    """
    with pytest.raises(SuiteError, match="task 'language' does not call a classifier, which `execution` is for"):
        run(text)
    with pytest.raises(SuiteError, match="precision"):
        run(SUITE.replace("bfloat16", "int4"))
