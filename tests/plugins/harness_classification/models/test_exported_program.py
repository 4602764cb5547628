"""Programs of torch.export as classifiers: any batch, gradients, digests, and what cannot be used."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from torch import nn

from harness.api import HarnessError, InvalidOutput
from harness.testing import run_suite
from harness_classification.models.exported_program import ExportedModel, exported_program

INPUTS = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(64, 10)

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.layer(inputs.flatten(1)), inputs


def save(path: Path, batch: int | None) -> str:
    dynamic = None if batch else ({0: torch.export.Dim("n", min=1)},)
    program = torch.export.export(Network().eval(), (torch.rand(batch or 4, 1, 8, 8),), dynamic_shapes=dynamic)
    torch.export.save(program, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("programs")
    save(folder / "any.pt2", None)
    save(folder / "two.pt2", 2)
    return folder


def loaded(path: Path) -> ExportedModel:
    return exported_program(path, hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.mark.parametrize("name", ["any.pt2", "two.pt2"])
def test_logits_and_gradients_whatever_the_batch_that_was_exported(programs: Path, name: str) -> None:
    model, network = loaded(programs / name).eval().requires_grad_(False), Network()
    inputs, same = INPUTS.clone().requires_grad_(True), INPUTS.clone().requires_grad_(True)
    logits, expected = model(inputs), network(same)[0]
    assert torch.allclose(logits, expected, atol=1e-6)
    (ours,) = torch.autograd.grad(logits.square().sum(), inputs)
    (theirs,) = torch.autograd.grad(expected.square().sum(), same)
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_a_program_is_loaded_by_its_digest_only(programs: Path) -> None:
    path = programs / "any.pt2"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(HarnessError, match=f"may run code .* if you trust it, say `sha256: {digest}`"):
        exported_program(path)
    with pytest.raises(HarnessError, match="expected 0000; it is damaged or another file"):
        exported_program(path, "0000")


def test_files_and_inputs_that_cannot_be_used(programs: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.pt2").write_bytes(b"no archive")
    with pytest.raises(HarnessError, match=r"bad.pt2 cannot be read as a program of torch.export"):
        loaded(tmp_path / "bad.pt2")
    with pytest.raises(
        InvalidOutput, match=r"takes inputs of shape \[n, 1, 8, 8\], the data have \[n, 1, 9, 9\]; `preprocessed`"
    ):
        loaded(programs / "any.pt2")(torch.rand(2, 1, 9, 9))


SUITE = """
suite: mine
task: classify
data: {{use: digits, limit: 16}}
models: [{{use: torch_export, with: {{path: {path}, sha256: {digest}}}}}]
attacks: [none, {{use: pgd, with: {{eps: 0.1, steps: 3}}}}]
metrics: [accuracy]
"""


def test_a_suite_with_a_gradient_attack(programs: Path, tmp_path: Path) -> None:
    path = programs / "two.pt2"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    run = run_suite(SUITE.format(path=path, digest=digest), tmp_path / "results")
    assert [row.status for row in run.rows] == ["ok", "ok"]
