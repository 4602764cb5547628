"""Components are made once, trained once, and given the weights that are kept."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from execution.cells import use
from harness.contract.cells import Use
from harness.contract.context import derive_seed
from harness.contract.errors import HarnessError, InvalidOutput
from harness.execution.build import Builder, Limited
from harness.instruments.seeding import seeded, state_digest

TRAINING = use("dataset", "numbers", n=3)
"""10, 11 and 12 in its training split, whose sum is 33."""


def weight(builder: Builder, model: Use, seed: int = 0) -> float:
    made: float = builder.build(model, seed)[0].weight.item()
    return made


def fresh(builder: Builder) -> Builder:
    """Another builder on the same store, as another process has it."""
    return Builder(builder.catalog, builder.store, builder.device, builder.batch_size, builder.on_progress)


# --- randomness -----------------------------------------------------------------------------------------------


def test_library_draws_inside_are_of_the_seed_and_outside_as_before() -> None:
    def draws() -> list[float]:
        return [random.random(), float(np.random.rand()), float(torch.rand(()))]

    def reseed() -> None:
        random.seed(1)
        np.random.seed(1)
        torch.manual_seed(1)

    reseed()
    expected = draws()
    reseed()
    with seeded(7, "cpu"):
        inside = draws()
    assert draws() == expected
    with pytest.raises(RuntimeError), seeded(7, "cpu"):
        assert draws() == inside
        raise RuntimeError
    with seeded(8, "cpu"):
        assert set(draws()).isdisjoint(inside)
    # A seed has 63 bits, more than NumPy takes.
    with seeded(2**62 + 7, "cpu"):
        draws()


def test_the_digest_of_a_state_tells_every_bit_name_and_shape() -> None:
    def module(**buffers: Any) -> torch.nn.Module:
        made = torch.nn.Module()
        for name, value in buffers.items():
            made.register_buffer(name, torch.as_tensor(value))
        return made

    same = [module(a=[1.0, 2.0]), module(a=[1.0, 2.0])]
    others = [module(a=[1.0, 2.0000002]), module(b=[1.0, 2.0]), module(a=[[1.0, 2.0]]), module(a=[1, 2]), module()]
    assert len({state_digest(each) for each in same}) == 1
    assert len({state_digest(each) for each in [*same, *others]}) == 1 + len(others)
    assert state_digest(object()) == ""


# --- what is made ---------------------------------------------------------------------------------------------


def test_a_model_is_made_under_the_seed_of_its_name_and_kept(builder: Builder) -> None:
    drawn = use("model", "drawn")
    model, used = builder.build(drawn, 0)
    with seeded(derive_seed(0, "model", "acting/drawn", "build"), "cpu"):
        assert model.weight.item() == torch.rand(1).item()
    assert used == ()
    assert not model.training
    assert not model.weight.requires_grad
    assert builder.build(replace(drawn, label="other"), 0)[0] is model
    assert weight(builder, drawn, 1) != weight(builder, drawn, 0)
    builder.forget()
    assert builder.build(drawn, 0)[0] is not model
    assert weight(builder, drawn) == model.weight.item()


def test_only_the_last_few_are_kept(builder: Builder) -> None:
    def of_next_cell(seed: int) -> Any:
        builder.end_cell()
        return builder.build(use("model", "drawn"), seed)[0]

    first, second = of_next_cell(0), of_next_cell(1)
    for seed in range(2, 8):
        of_next_cell(seed)
    # Used again, so that the second is the one that has to go.
    assert of_next_cell(0) is first
    for seed in range(8, 10):
        of_next_cell(seed)
    assert of_next_cell(0) is first
    assert of_next_cell(1) is not second


def test_members_have_seeds_of_their_own_and_the_first_that_of_the_model(builder: Builder) -> None:
    members = [use("model", "drawn", member=i) for i in range(3)]
    weights = [weight(builder, member) for member in members]
    assert weights[0] == weight(builder, use("model", "drawn"))
    assert len(set(weights)) == 3
    assert weight(builder, members[1]) == weights[1]
    with seeded(derive_seed(derive_seed(0, "member", 1), "model", "acting/drawn", "build"), "cpu"):
        assert weights[1] == torch.rand(1).item()


def test_nested_models_are_built_too(builder: Builder) -> None:
    inner = use("model", "fitted", to="train", trained_on=TRAINING)
    other = replace(inner, label="more", member=1)
    one, used = builder.build(use("model", "several", models=inner), 0)
    assert float(one.models.total) == 33.0
    assert len(used) == 1
    both, used = builder.build(use("model", "several", models=(inner, other)), 0)
    assert list(both.models) == ["fitted", "more"]
    assert both.models["fitted"].weight.item() != both.models["more"].weight.item()
    assert len({weights.key for weights in used}) == 2


def test_paths_are_given_as_paths(builder: Builder, tmp_path: Path) -> None:
    named = replace(use("model", "several", models=str(tmp_path)), paths=("models",))
    assert builder.build(named, 0)[0].models == tmp_path
    assert builder.build(replace(named, parameters={"models": None}), 0)[0].models is None


def test_files_of_one_name_in_two_folders_are_two_things(builder: Builder, tmp_path: Path) -> None:
    """Where a file lies is no part of the identity, so that results stay comparable; here it tells files apart."""
    one, two = (
        replace(use("model", "several", models=str(tmp_path / folder / "set.npz")), paths=("models",))
        for folder in ("a", "b")
    )
    assert one.identity_digest == two.identity_digest
    assert builder.build(one, 0)[0].models == tmp_path / "a" / "set.npz"
    assert builder.build(two, 0)[0].models == tmp_path / "b" / "set.npz"
    outer = [use("model", "several", models=inner) for inner in (one, two)]
    assert [builder.build(each, 0)[0].models.models.parent.name for each in outer] == ["a", "b"]


# --- data -----------------------------------------------------------------------------------------------------


def test_a_limit_keeps_the_first_examples_and_all_facts(builder: Builder) -> None:
    data = builder.build(replace(use("dataset", "numbers", n=4, groups="abcd", fact="x"), limit=2), 0)[0]
    assert isinstance(data, Limited)
    assert list(data.ids) == ["test-0", "test-1"]
    assert data.groups == {"letter": ["a", "b"]}
    assert data.facts == {"fact": "x"}
    assert data.take([1])["number"].tolist() == [1.0]


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("no ids", "dataset acting/broken gave a Broken without ids"),
        ("empty", "dataset acting/broken has no examples"),
        ("twice", "dataset acting/broken must have unique text ids"),
        ("numbers", "dataset acting/broken must have unique text ids"),
        ("count of classes", r"the fact 'classes' of dataset acting/broken is 10; it must be the list of their names"),
        ("text of classes", r"the fact 'classes' of dataset acting/broken is 'ab'; it must be the list of their names"),
    ],
)
def test_data_are_checked(builder: Builder, how: str, told: str) -> None:
    with pytest.raises(InvalidOutput, match=told):
        builder.build(use("dataset", "broken", how=how), 0)


# --- training -------------------------------------------------------------------------------------------------


def test_weights_are_fitted_once_and_read_back(builder: Builder, progress: list[tuple[str, int, int]]) -> None:
    fitted = use("model", "fitted", to="train", trained_on=TRAINING)
    model, used = builder.build(fitted, 0)
    assert float(model.total) == 33.0
    assert progress == [("training fitted", 1, 1)]
    assert not model.training
    assert not model.weight.requires_grad
    other, again = fresh(builder).build(fitted, 0)
    assert other is not model
    assert again == used
    assert state_digest(other) == state_digest(model)
    assert progress == [("training fitted", 1, 1)]
    folder = builder.store.folder("weights", used[0].key)
    assert float(load_file(folder / "weights.safetensors")["total"]) == 33.0
    about = json.loads((folder / "about.json").read_text())
    assert (about["digest"], about["seconds"]) == (used[0].digest, used[0].seconds)
    assert list((builder.store.root / "staging").iterdir()) == []
    assert builder.store.try_claim("weights", used[0].key) is not None


def test_training_has_the_threads_of_its_recipe_whatever_the_run_has(builder: Builder) -> None:
    threaded = use("model", "threaded", trained_on=TRAINING)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        one, used_one = builder.build(threaded, 0)
        two, used_two = builder.build(replace(threaded, training_threads=2), 0)
        torch.set_num_threads(1)
        three, used_three = fresh(builder).build(replace(threaded, training_threads=3), 0)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
    assert [model.counts.tolist() for model in (one, two, three)] == [[1, 1], [2, 2], [3, 3]]
    assert len({used[0].key for used in (used_one, used_two, used_three)}) == 3
    assert fresh(builder).build(threaded, 0)[1] == used_one


def test_another_seed_dataset_split_or_parameter_has_weights_of_its_own(builder: Builder) -> None:
    fitted = use("model", "fitted", to="train", trained_on=TRAINING)
    more = [
        (fitted, 1),
        (replace(fitted, trained_on=use("dataset", "numbers", n=2)), 0),
        (replace(fitted, parameters={"to": "test"}), 0),
        (replace(fitted, parameters={"to": "train", "factor": 2.0}), 0),
    ]
    built = [builder.build(*each) for each in [(fitted, 0), *more]]
    # 10+11+12; the same; 10+11; 0+1+2; twice.
    assert [float(model.total) for model, _ in built] == [33.0, 33.0, 21.0, 3.0, 66.0]
    assert len({used[0].key for _, used in built}) == 5


def test_weights_that_are_not_finite_are_refused_and_not_kept(builder: Builder) -> None:
    broken = use("model", "fitted", to="train", factor=float("inf"), trained_on=TRAINING)
    with pytest.raises(InvalidOutput, match="training fitted gave weights that are not finite: total"):
        builder.build(broken, 0)
    assert not (builder.store.root / "weights").exists()
    assert list((builder.store.root / "staging").iterdir()) == []


def test_training_without_a_dataset_says_so(builder: Builder) -> None:
    with pytest.raises(
        InvalidOutput, match="fitted asks for the 'train' split, but no dataset is named for its training"
    ):
        builder.build(use("model", "fitted", to="train"), 0)


def test_training_on_data_without_a_training_split_says_what_to_do(builder: Builder) -> None:
    with pytest.raises(HarnessError, match=r"broken has no parameter `split`.* 'train' part; name other data under"):
        builder.build(use("model", "fitted", to="train", trained_on=use("dataset", "broken", how="")), 0)


def test_what_is_trained_elsewhere_is_waited_for(
    builder: Builder, progress: list[tuple[str, int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process holds the claim, and has committed the weights when it lets go."""
    fitted = use("model", "fitted", to="train", trained_on=TRAINING)
    fits = builder.catalog.find("model", "fitted").component.load()
    other = fresh(builder)
    other.on_progress = lambda *told: None
    waits = 0

    def try_claim(kind: Any, key: str) -> Any:
        nonlocal waits
        waits += 1
        if waits > 2:
            return builder.store.__class__.try_claim(builder.store, kind, key)
        if waits == 2:
            monkeypatch.undo()
            other.build(fitted, 0)
            monkeypatch.setattr(builder.store, "try_claim", try_claim)
        return None

    monkeypatch.setattr(builder.store, "try_claim", try_claim)
    before = fits.fits
    model, _ = builder.build(fitted, 0)
    assert float(model.total) == 33.0
    assert fits.fits == before + 1
    assert progress == [("waiting for fitted, in training elsewhere", 0, 0)] * 2


def test_training_data_are_those_of_what_is_fitted(builder: Builder) -> None:
    fitted = use("model", "fitted", to="train", trained_on=TRAINING)
    outer = use("model", "several", models=fitted)
    assert {name: list(part.ids) for name, part in builder.training_data(outer, 0).items()} == {
        "model fitted": ["train-0", "train-1", "train-2"]
    }
    assert builder.training_data(use("model", "drawn"), 0) == {}


def test_progress_that_is_no_number_fails_in_the_plugin(builder: Builder, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    ctx = builder.context(use("attack", "asking"), 3, tmp_path, lambda *numbers: told.append(numbers))
    ctx.progress(1.0, 2)  # type: ignore[arg-type]
    assert told == [(1, 2)]
    with pytest.raises(ValueError, match="invalid literal"):
        ctx.progress("half", 1)  # type: ignore[arg-type]
    assert (ctx.seed, ctx.batch_size, ctx.scope) == (3, 32, ("attack", "acting/asking"))
