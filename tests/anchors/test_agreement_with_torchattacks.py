"""Native attacks against the library's own, on the same model at equal settings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torchattacks
from scipy import stats

from anchors.attacked_digits import Plain
from harness import Run
from harness.api import Context, LabelledInputs
from harness.testing import run_suite
from harness_adversarial.attacks.gradient_attacks import BIM, FGSM, PGD
from harness_vision.digit_models import DigitCNN
from harness_vision.digits import digits
from trained_digits import checkpoint_of

SUITE = f"""
suite: agreement
task: classify
data: digits
models:
  - {checkpoint_of("standard")}
  - {checkpoint_of("hardened")}
attacks:
  - {{use: pgd, sweep: {{eps: [0.1, 0.07]}}, with: {{steps: 20, step_size: 0.025}}}}
  - {{use: pgd, as: pgd-l2, sweep: {{eps: [0.4, 0.7]}}, with: {{norm: l2, steps: 20, step_size: 0.125}}}}
  - {{use: torchattacks, sweep: {{eps: [0.1, 0.07]}}, with: {{attack: PGD, steps: 20, alpha: 0.025}}}}
  - {{use: torchattacks, sweep: {{eps: [0.4, 0.7]}}, with: {{attack: PGDL2, steps: 20, alpha: 0.125}}}}
metrics: [robust_accuracy]
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_suite(SUITE, tmp_path_factory.mktemp("agreement"), allow_imports=True)


PAIRS = [
    ("pgd eps=0.1", "PGD eps=0.1"),
    ("pgd eps=0.07", "PGD eps=0.07"),
    ("pgd-l2 eps=0.4", "PGDL2 eps=0.4"),
    ("pgd-l2 eps=0.7", "PGDL2 eps=0.7"),
]
MODELS = ["standard", "hardened"]


def robust(done: Run, model: str, attack: str) -> npt.NDArray[np.bool_]:
    return np.asarray(done.records(done.row(model=model, attack=attack))["robust"], dtype=bool)


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("native", "library"), PAIRS)
def test_pgd_agrees_within_the_intervals(done: Run, model: str, native: str, library: str) -> None:
    ours = done.row(model=model, attack=native).estimates["robust_accuracy"]
    theirs = done.row(model=model, attack=f"torchattacks:{library}").estimates["robust_accuracy"]
    assert ours.value is not None
    assert theirs.low is not None
    assert theirs.high is not None
    assert 0.05 < ours.value < 0.95, "a budget at which nothing is left to compare"
    assert theirs.low <= ours.value <= theirs.high
    # We judge every iterate, the library only the last; each has random starts of its own, so that by luck an example
    # may be robust against one of them alone. Ours leaves more of those than theirs no oftener than a fair coin would.
    left, theirs_left = robust(done, model, native), robust(done, model, f"torchattacks:{library}")
    only_ours, only_theirs = int((left & ~theirs_left).sum()), int((~left & theirs_left).sum())
    print(model, native, only_ours, only_theirs)
    if only_ours > only_theirs:
        assert stats.binomtest(only_ours, only_ours + only_theirs, alternative="greater").pvalue > 0.01


@pytest.mark.slow
def test_pgd_is_no_weaker_than_the_librarys_over_all_budgets(done: Run) -> None:
    ours = np.mean([robust(done, model, native) for model in MODELS for native, _ in PAIRS])
    theirs = np.mean([robust(done, model, f"torchattacks:{library}") for model in MODELS for _, library in PAIRS])
    print(ours, theirs)
    assert ours <= theirs + 0.0075


@pytest.fixture(scope="module")
def untrained() -> DigitCNN:
    torch.manual_seed(0)
    return DigitCNN().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def batch() -> LabelledInputs:
    data = digits("test")
    inputs, labels = (torch.as_tensor(data.columns[name])[:64] for name in ("inputs", "labels"))
    return LabelledInputs(list(data.ids[:64]), inputs, labels)


@pytest.mark.parametrize("targeted", [False, True])
def test_fgsm_is_the_same_point_to_the_bit(untrained: DigitCNN, batch: LabelledInputs, targeted: bool) -> None:
    targets = (batch.labels + 1) % 10
    library = torchattacks.FGSM(untrained, eps=0.1)
    if targeted:
        library.set_mode_targeted_by_label(quiet=True)
        batch = LabelledInputs(batch.ids, batch.inputs, batch.labels, targets)
    expected = library(batch.inputs, targets if targeted else batch.labels)
    found = FGSM(0.1, targeted=targeted).perturb(Plain(untrained), batch, Context())
    assert torch.equal(found, expected)


def test_bim_takes_the_librarys_steps(untrained: DigitCNN, batch: LabelledInputs) -> None:
    """Where our run ends without success it is at the library's last iterate."""
    expected = torchattacks.BIM(untrained, eps=0.1, alpha=0.02, steps=7)(batch.inputs, batch.labels)
    found = BIM(0.1, steps=7, step_size=0.02).perturb(Plain(untrained), batch, Context())
    missed = untrained(found).argmax(1) == batch.labels
    assert int(missed.sum()) > 0
    assert torch.allclose(found[missed], expected[missed], atol=1e-6)


def test_pgd_without_random_start_takes_the_librarys_steps(untrained: DigitCNN, batch: LabelledInputs) -> None:
    library = torchattacks.PGDL2(untrained, eps=0.5, alpha=0.1, steps=5, random_start=False)
    expected = library(batch.inputs, batch.labels)
    attack = PGD(0.5, "l2", steps=5, step_size=0.1, random_start=False)
    found = attack.perturb(Plain(untrained), batch, Context())
    missed = untrained(found).argmax(1) == batch.labels
    assert int(missed.sum()) > 0
    assert torch.allclose(found[missed], expected[missed], atol=1e-5)
