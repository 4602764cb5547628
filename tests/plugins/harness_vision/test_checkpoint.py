"""Published weights: safe loading, normalisation, and errors that say what to do."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from anchors.published_architectures import Tiny
from harness.api import HarnessError
from harness.testing import run_suite
from harness_vision.checkpoint import checkpoint
from harness_vision.published_accuracy import PublishedAccuracy
from harness_vision.published_architectures import LeNet5

ARCHITECTURE = "anchors.published_architectures:Tiny"


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return Tiny().state_dict()


def save(folder: Path, content: Any, name: str = "w.pt") -> Path:
    path = folder / name
    if path.suffix == ".safetensors":
        save_file(content, path)
    else:
        torch.save(content, path)
    return path


INPUTS = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("form", ["plain", "safetensors", "nested", "parallel", "other key"])
def test_forms_of_state_dicts(tmp_path: Path, state: dict[str, torch.Tensor], form: str) -> None:
    content: Any = {
        "nested": {"state_dict": state, "best_prec1": 91.7, "epoch": 3},
        "parallel": {"state_dict": {f"module.{name}": tensor for name, tensor in state.items()}},
        "other key": {"net": state},
    }.get(form, state)
    path = save(tmp_path, content, "w.safetensors" if form == "safetensors" else "w.pt")
    model = checkpoint(ARCHITECTURE, path, entry="net" if form == "other key" else "state_dict")
    expected = INPUTS.flatten(1) @ state["linear.weight"].T + state["linear.bias"]
    assert torch.allclose(model(INPUTS), expected, atol=1e-6)


@pytest.mark.parametrize(
    "prefix", ["_orig_mod.", "module.", "module._orig_mod.", "_orig_mod.module.", "model.", "net.", "model._orig_mod."]
)
@pytest.mark.parametrize("how", [{}, {"mean": [0.0], "published_accuracy": 0.5}])
def test_the_prefix_of_a_wrapper_is_taken_off_and_said(
    tmp_path: Path, state: dict[str, torch.Tensor], prefix: str, how: dict[str, Any]
) -> None:
    content = {"state_dict": {f"{prefix}{name}": tensor for name, tensor in state.items()}, "epoch": 3}
    model = checkpoint(ARCHITECTURE, save(tmp_path, content), **how)
    assert torch.allclose(model(INPUTS), checkpoint(ARCHITECTURE, save(tmp_path, state))(INPUTS))
    assert model.facts["prefix_of_weights"] == prefix
    assert ("published_accuracy" in model.facts) == bool(how)


@pytest.mark.parametrize("mean", [[125.3], [125.3, 123.0, 113.9]])
def test_normalisation_in_other_units_is_refused(
    tmp_path: Path, state: dict[str, torch.Tensor], mean: list[float]
) -> None:
    path = save(tmp_path, state)
    with pytest.raises(
        HarnessError, match=r"which lie in \[0, 1\]; of inputs in \[0, 255\] .* mean: \[0\.4914.*0\.247"
    ):
        checkpoint(ARCHITECTURE, path, mean=mean, std=[63.0] * len(mean))
    with pytest.raises(HarnessError, match="not in the units of the inputs"):
        checkpoint(ARCHITECTURE, path, std=[63.0])
    with pytest.raises(HarnessError, match=r"std must be above 0, not \[0\.0\]"):
        checkpoint(ARCHITECTURE, path, mean=[0.5], std=[0.0])
    assert checkpoint(ARCHITECTURE, path, mean=[0.5], std=[1.0])(INPUTS).shape == (3, 10)


def test_normalisation_is_part_of_the_model(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    path = save(tmp_path, state)
    plain, normalised = checkpoint(ARCHITECTURE, path), checkpoint(ARCHITECTURE, path, mean=[0.5], std=[0.25])
    assert torch.allclose(normalised(INPUTS), plain((INPUTS - 0.5) / 0.25), atol=1e-5)


def test_arguments_of_the_architecture(tmp_path: Path) -> None:
    path = save(tmp_path, Tiny(classes=3).state_dict())
    assert checkpoint(ARCHITECTURE, path, {"classes": 3})(INPUTS).shape == (3, 3)


class Evil:
    """A pickle that runs a command when it is loaded."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> Any:
        return (Path.touch, (self.victim,))


@pytest.mark.parametrize("saver", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))])
def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path, saver: Any) -> None:
    path = tmp_path / "evil.pt"
    saver({"state_dict": Evil(tmp_path / "pwned")}, path)
    with pytest.raises(HarnessError, match=r"evil\.pt was refused: it holds more than tensors and might run code"):
        checkpoint(ARCHITECTURE, path)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("w.pt", b"not a checkpoint", "w.pt (was refused|cannot be read)"),
        ("w.pt", b"", "w.pt cannot be read as weights"),
        ("w.safetensors", b"not safe", "w.safetensors cannot be read as weights"),
    ],
)
def test_what_is_no_checkpoint(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(HarnessError, match=told):
        checkpoint(ARCHITECTURE, tmp_path / name)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"a": torch.zeros(1)}, "do not fit .*Missing key.*linear.weight"),
        ({}, "do not fit .*Missing key.*linear.weight"),
        (
            {"model.linear.weight": torch.zeros(10, 64), "linear.bias": torch.zeros(10)},
            r"do not fit .*Unexpected key.*model\.linear\.weight",
        ),
        ({"linear.weight": torch.zeros(10, 63), "linear.bias": torch.zeros(10)}, "size mismatch for linear.weight"),
        ({"model": {"a": torch.zeros(1)}}, "holds no state dict; if it lies under a key, name it with `entry:`"),
        ([1, 2], "holds no state dict"),
    ],
)
def test_weights_that_do_not_fit(tmp_path: Path, content: Any, told: str) -> None:
    with pytest.raises(HarnessError, match=told):
        checkpoint(ARCHITECTURE, save(tmp_path, content))


@pytest.mark.parametrize(
    ("architecture", "told"),
    [
        ("no_such_module:Net", "cannot be imported: ModuleNotFoundError"),
        ("anchors.published_architectures:Gone", "cannot be imported: AttributeError"),
        ("anchors.published_architectures:not_a_module", "a function that makes no torch module; .* gives int"),
    ],
)
def test_architectures_that_cannot_be_made(
    tmp_path: Path, state: dict[str, torch.Tensor], architecture: str, told: str
) -> None:
    with pytest.raises(HarnessError, match=told):
        checkpoint(architecture, save(tmp_path, state))


def test_in_a_suite(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    """Changed weights under the same name are another cell; a refused file is a row."""
    save(tmp_path, state)
    text = f"""
        suite: published
        task: classify
        data: {{use: digits, limit: 20}}
        models: [{{use: checkpoint, with: {{architecture: "{ARCHITECTURE}", weights: w.pt}}}}]
        attacks: [none, {{use: pgd, with: {{eps: 0.1, steps: 2}}}}]
        metrics: [accuracy]
    """
    first = run_suite(text, tmp_path, allow_imports=True)
    assert first.exit_code == 0
    assert run_suite(text, tmp_path, allow_imports=True).n_run == 0
    save(tmp_path, {name: -tensor for name, tensor in state.items()})
    changed = run_suite(text, tmp_path, allow_imports=True)
    assert changed.n_run == 2
    assert changed.rows[0].estimates != first.rows[0].estimates
    save(tmp_path, {"state_dict": Evil(tmp_path / "pwned")})
    refused = run_suite(text, tmp_path, allow_imports=True)
    assert {str(row.status) for row in refused.rows} == {"failed"}
    assert "might run code" in refused.rows[0].reason
    assert not (tmp_path / "pwned").exists()


def test_a_digest_is_checked(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    path = save(tmp_path, state)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    assert checkpoint(ARCHITECTURE, path, sha256=found.upper())(INPUTS).shape == (3, 10)
    with pytest.raises(HarnessError, match=rf"w\.pt has sha256 {found}, expected {'0' * 64}; it is damaged or another"):
        checkpoint(ARCHITECTURE, path, sha256="0" * 64)


def test_architectures_that_ship_are_named_without_a_module(tmp_path: Path) -> None:
    path = save(tmp_path, LeNet5().state_dict())
    assert checkpoint("LeNet5", path)(torch.rand(2, 1, 28, 28)).shape == (2, 10)
    with pytest.raises(
        HarnessError, match=r"'LeNet6' cannot be imported: AttributeError.*is named as .package\.module:att"
    ):
        checkpoint("LeNet6", path)


def test_published_accuracy_is_a_fact(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    model = checkpoint(ARCHITECTURE, save(tmp_path, state), published_accuracy=0.9, published_n=50)
    assert PublishedAccuracy.of_row({"model": model.facts}) == PublishedAccuracy(0.9, 50, "", "the suite")


def test_one_weight_that_is_not_finite_is_refused(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    state["linear.weight"][3, 5] = float("nan")
    with pytest.raises(HarnessError, match=r"the weights in w\.pt are not finite .* in linear\.weight"):
        checkpoint(ARCHITECTURE, save(tmp_path, state))


def test_names_that_do_not_fit_are_listed(tmp_path: Path) -> None:
    wanted = LeNet5().state_dict()
    given = {f"encoder.{name}": tensor for name, tensor in wanted.items()} | {"fc2.bias": torch.zeros(3)}
    with pytest.raises(HarnessError) as error:
        checkpoint("LeNet5", save(tmp_path, given))
    told = str(error.value)
    assert "Missing key(s) " in told
    assert f"and {len(wanted) - 4 - ('fc2.bias' in wanted)} more; Unexpected key(s) encoder." in told
    assert len(told) < 500


def test_fractions_in_a_list_are_numbers(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    save(tmp_path, state)
    text = f"""
        suite: fractions
        task: classify
        data: {{use: digits, limit: 20}}
        models:
          - use: checkpoint
            as: fractions
            with: {{architecture: "{ARCHITECTURE}", weights: w.pt, mean: [125.3/255], std: [51/255]}}
          - use: checkpoint
            as: numbers
            with: {{architecture: "{ARCHITECTURE}", weights: w.pt, mean: [{125.3 / 255!r}], std: [0.2]}}
        metrics: [nll]
    """
    done = run_suite(text, tmp_path, allow_imports=True)
    assert {str(row.status) for row in done.rows} == {"ok"}
    assert done.row(model="fractions").key == done.row(model="numbers").key
