"""What drawing samples takes: noise, passes, seconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from harness.api import Context, Examples, InvalidOutput, SampleBatch
from harness.api.instruments import LANES
from harness_generative.task.conditions import Conditions
from harness_generative.task.sampling import draw_samples, given_samples

DATA = Examples(
    ["a", "b", "c"],
    {"labels": torch.tensor([1, 0, 1])},
    groups={"hand": ["left", "right", "left"]},
    facts={"classes": ["cat", "dog"]},
)


class Plain:
    """Adds its condition, if there is one, to the noise."""

    latent_shape = (2,)

    def generate(self, noise: Tensor, conditions: Tensor | None = None) -> Tensor:
        return noise if conditions is None else noise + 10 * conditions.reshape(-1, 1)


class Asked(Plain):
    def encode_conditions(self, values: Sequence[Any]) -> Tensor:
        return torch.tensor([float(len(value)) if isinstance(value, str) else float(value) for value in values])


class Given(Plain):
    def __init__(self, labels: list[int] | None = None, n: int = 3) -> None:
        self.labels, self.n = labels, n

    def given(self, rows: Sequence[int]) -> list[list[float]]:
        return [[float(row)] for row in range(self.n)]

    def given_conditions(self, rows: Sequence[int]) -> list[int] | None:
        return self.labels


class Direct:
    """One pass for each sample, and a second if it is thorough."""

    def __init__(self, passes: int = 1) -> None:
        self.passes = passes
        self.batches: list[SampleBatch] = []

    def sample(self, model: Any, batch: SampleBatch, ctx: Context) -> Any:
        self.batches.append(batch)
        for _ in range(self.passes):
            made = model.generate(batch.noise, batch.conditions)
        return made


def test_given_samples_must_be_as_many_as_were_asked_for() -> None:
    found = given_samples(Given(n=3), 3)
    assert found.samples.tolist() == [[0.0], [1.0], [2.0]]
    assert (found.batch.tolist(), found.nfe, found.seconds) == ([0, 0, 0], None, None)
    with pytest.raises(InvalidOutput, match="the model gave 2 samples where 3 were asked for"):
        given_samples(Given(n=2), 3)


NOTHING = Conditions.nothing(10)
IDS = [f"sample-{i}" for i in range(10)]


def test_noise_belongs_to_the_sample_whatever_the_batch() -> None:
    draws = Context(seed=3, scope=("noise of the test",))
    expected = draws.normal(IDS, (2,), "noise")
    for batch_size, batches in ((4, [0] * 4 + [1] * 4 + [2] * 2), (64, [0] * 10)):
        sampler = Direct()
        found = draw_samples(Plain(), sampler, IDS, NOTHING, draws, Context(batch_size=batch_size))  # type: ignore[arg-type]
        assert torch.equal(found.samples, expected)
        assert found.batch.tolist() == batches
        # Filled up with copies of the last.
        assert all(len(batch.ids) % LANES == 0 for batch in sampler.batches)
        assert list(sampler.batches[-1].ids[-2:]) == [IDS[-1]] * 2


def test_passes_are_counted_for_each_sample_and_the_first_one_is_not() -> None:
    """What fills up a batch and what warms the model up are nobody's passes."""
    found = draw_samples(Plain(), Direct(passes=3), IDS, NOTHING, Context(), Context(batch_size=4))  # type: ignore[arg-type]
    assert found.nfe is not None
    assert found.nfe.tolist() == [3.0] * 10
    assert found.seconds is not None
    assert (found.seconds > 0).all()
    assert len(set(found.seconds[:4])) == 1


def test_seconds_are_shared_out_and_do_not_hold_the_first_pass_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that only passes of the model move, by 8 s: 2 s for each of four, 4 s for each of the last two."""
    now = [0.0]

    class Slow(Plain):
        def generate(self, noise: Tensor, conditions: Tensor | None = None) -> Tensor:
            now[0] += 8
            return super().generate(noise, conditions)

    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    found = draw_samples(Slow(), Direct(), IDS, NOTHING, Context(), Context(batch_size=4))  # type: ignore[arg-type]
    assert found.seconds is not None
    assert found.seconds.tolist() == [2.0] * 8 + [4.0] * 2
    # Three batches, and the pass that warms up.
    assert now == [32.0]


def test_conditions_reach_the_model() -> None:
    asked = Conditions.of(Asked(), DATA, 10)
    plain = draw_samples(Asked(), Direct(), IDS, NOTHING, Context(), Context())  # type: ignore[arg-type]
    found = draw_samples(Asked(), Direct(), IDS, asked, Context(), Context())  # type: ignore[arg-type]
    added = (found.samples - plain.samples)[:, 0]
    assert added.tolist() == pytest.approx([10.0, 0.0, 10.0, 10.0, 0.0, 10.0, 10.0, 0.0, 10.0, 10.0], abs=1e-4)


def test_progress_is_told_batch_by_batch() -> None:
    told: list[tuple[int, int]] = []
    ctx = Context(batch_size=4, progress=lambda *numbers: told.append(numbers))
    draw_samples(Plain(), Direct(), IDS, NOTHING, Context(), ctx)  # type: ignore[arg-type]
    assert told == [(4, 10), (8, 10), (10, 10)]


def test_what_a_sampler_or_an_encoder_returns_is_checked() -> None:
    class Short(Direct):
        def sample(self, model: Any, batch: SampleBatch, ctx: Context) -> Any:
            return super().sample(model, batch, ctx)[:3]

    class Silent(Direct):
        def sample(self, model: Any, batch: SampleBatch, ctx: Context) -> Any:
            return None

    class Deaf(Asked):
        def encode_conditions(self, values: Sequence[Any]) -> Any:
            return [1.0]

    for sampler, told in (
        (Short(), r"Short returned shape \[3, 2\] for 16 samples"),
        (Silent(), "returned a NoneType"),
    ):
        with pytest.raises(InvalidOutput, match=told):
            draw_samples(Plain(), sampler, IDS, NOTHING, Context(), Context())  # type: ignore[arg-type]
    with pytest.raises(InvalidOutput, match=r"the model encoded 16 conditions as list, not \[n, ...\]"):
        draw_samples(Deaf(), Direct(), IDS, Conditions.of(Deaf(), DATA, 10), Context(), Context())  # type: ignore[arg-type]
