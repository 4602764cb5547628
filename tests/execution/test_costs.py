"""The cost block of a cell: from its model, its weights, the call that was seen, and what was spent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from execution.cells import cell, use
from harness.contract.cost_block import CostBlock
from harness.execution.build import Builder, Weights
from harness.execution.cell import execute
from harness.execution.costs import cost_block, parameter_count
from harness.execution.first_call import ModelCall
from harness.execution.spent import Spent
from harness.instruments.energy import POWERCAP_VARIABLE
from harness.signatures import SignatureReader

SPENT = Spent(2.0, 7.5, "RAPL package-0", 1024, "a rise")
MEASURED = {"joules": 7.5, "energy_source": "RAPL package-0", "peak_memory": 1024, "memory_source": "a rise"}
TRAINED = (Weights("a", "d", 2.0, 10.0, 100), Weights("b", "d", 3.0, 5.0, 300))
USE = use("model", "drawn")


class OnlyBatches(nn.Linear):
    """Refuses one example."""

    def forward(self, inputs: Tensor) -> Tensor:
        if len(inputs) == 1:
            raise ValueError("more than one,\nplease")
        return super().forward(inputs)


def block_of(model: object, builder: Builder, weights: Any = (), calls: Any = None) -> CostBlock:
    calls = [ModelCall("forward", (torch.zeros(1, 64),))] if calls is None else calls
    return cost_block(model, USE, weights, calls, builder, SPENT)


def test_all_that_is_known_of_a_trained_model(builder: Builder) -> None:
    block = block_of(nn.Linear(64, 10), builder, TRAINED)
    assert block.to_json() == {
        "parameters": 650,
        "flops": 1280,
        "flops_call": "forward of [1, 64]",
        "training_seconds": 5.0,
        "training_joules": 15.0,
        "training_peak_memory": 300,
        **MEASURED,
    }
    assert CostBlock.from_json({**block.to_json(), "of a later version": 1}) == block


def test_a_training_without_meter_leaves_no_sum(builder: Builder) -> None:
    block = block_of(nn.Linear(64, 10), builder, (*TRAINED, Weights("c", "d", 1.0)))
    assert (block.training_seconds, block.training_joules, block.training_peak_memory) == (6.0, None, None)


def test_without_a_model_only_the_measurement_is_known(builder: Builder) -> None:
    assert cost_block(None, None, (), (), builder, SPENT).to_json() == MEASURED


@pytest.mark.parametrize(
    ("model", "calls", "reason"),
    [
        (nn.Linear(64, 10), [], "not counted: no call of a torch module was seen"),
        (OnlyBatches(64, 10), None, "not counted: ValueError: more than one, please"),
        (nn.ReLU(), None, "no matrix product, convolution or other operation that counts"),
        (lambda inputs: torch.fft.fft(inputs), None, "not counted: aten._fft_r2c"),
    ],
    ids=["not seen", "raises", "no products", "no formula"],
)
def test_why_operations_are_not_known(model: Any, calls: Any, reason: str, builder: Builder) -> None:
    block = block_of(model, builder, calls=calls)
    assert (block.flops, block.flops_reason) == (None, reason)


def test_a_model_is_counted_once_for_each_shape_and_weights(builder: Builder) -> None:
    block_of(nn.Linear(64, 10), builder)
    assert block_of(OnlyBatches(64, 10), builder).flops == 1280
    assert block_of(nn.Linear(64, 20), builder, TRAINED).flops == 2560
    assert block_of(nn.Linear(32, 20), builder, calls=[ModelCall("forward", (torch.zeros(1, 32),))]).flops == 1280
    assert len(builder.flops) == 3


def test_counting_draws_nothing(builder: Builder) -> None:
    torch.manual_seed(3)
    block_of(nn.Sequential(nn.Linear(64, 10), nn.Dropout()).train(), builder)
    after = torch.rand(1)
    torch.manual_seed(3)
    nn.Linear(64, 10)
    assert torch.equal(after, torch.rand(1))


class Stored:
    """No torch module, with a state."""

    def __init__(self, *tensors: Tensor) -> None:
        self._tensors = tensors

    def state_dict(self) -> dict[str, Tensor]:
        return {str(i): tensor for i, tensor in enumerate(self._tensors)}


def tied() -> nn.Module:
    one, other = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
    other.weight = one.weight
    return nn.Sequential(one, other, nn.BatchNorm1d(4, affine=False))


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (tied(), 16),
        (nn.BatchNorm1d(4, affine=False), 8),
        (Stored(torch.zeros(3), torch.zeros(9, dtype=torch.int64)), 3),
        (Stored(), None),
        (object(), None),
        (nn.ReLU(), None),
    ],
    ids=["shared weights count once", "buffers", "a state", "an empty one", "nothing", "no state"],
)
def test_parameters(model: object, expected: int | None) -> None:
    assert parameter_count(model) == expected


def test_a_cell_keeps_its_block_beside_its_numbers(
    builder: Builder, signatures: SignatureReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone = tmp_path / "powercap" / "intel-rapl:0"
    zone.mkdir(parents=True)
    for file, content in (("name", "package-0"), ("energy_uj", "5"), ("max_energy_range_uj", "900000000000")):
        (zone / file).write_text(content)
    monkeypatch.setenv(POWERCAP_VARIABLE, str(zone.parent))
    folder = tmp_path / "cell"
    folder.mkdir()
    trained = use("model", "fitted", trained_on=use("dataset", "numbers"))
    result = execute(cell(model=trained), folder, builder, signatures)
    block = result.facts["cost"]
    assert (block["parameters"], block["joules"], block["energy_source"]) == (1, 0.0, "RAPL package-0")
    assert (block["training_seconds"], block["training_joules"]) == (result.weights[0]["seconds"], 0.0)
    assert block["flops_reason"] == "not counted: no call of a torch module was seen"
    assert "cost" not in result.comparability


def test_a_run_that_measures_nothing_has_the_blocks_that_were_recorded(run: Any) -> None:
    suite = """
        suite: twice
        task: regress
        seeds: [0, 1]
        data: {use: function, with: {name: sine}, limit: 30}
        models: [{use: function_mlp, as: net, with: {steps: 2, width: 4}}]
        metrics: [rmse]
        """
    cold, warm = run(suite), run(suite)
    assert (cold.n_run, warm.n_run, warm.n_reused) == (2, 0, 2)
    assert [row.cost_block for row in warm.rows] == [row.cost_block for row in cold.rows]
    # Two layers: 1 x 4 and 4 x 1 weights, 4 + 1 biases.
    assert [(row.cost_block.parameters, row.cost_block.flops) for row in cold.rows] == [(13, 16), (13, 16)]
    assert all(row.cost_block.training_seconds for row in cold.rows)
    assert len({row.key for row in cold.rows}) == 1
