"""Randomness depends on names, never on company or order."""

from __future__ import annotations

import random

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.contract.context import Context, derive_seed
from harness.instruments.seeding import seeded

IDS = [f"e{i}" for i in range(9)]


def test_seeds_are_pinned() -> None:
    """A changed derivation would silently change every result, so these values stand here."""
    assert derive_seed(0, "attack", "pgd") == 1915821337888055864
    assert derive_seed(0, "attack", "pgd", 1) != derive_seed(0, "attack", "pgd", "1")
    assert derive_seed(0, "ab", "c") != derive_seed(0, "a", "bc")


@given(st.permutations(IDS), st.integers(1, 9))
def test_draws_belong_to_the_example(order: list[str], size: int) -> None:
    ctx = Context(seed=3, scope=("attack", "pgd"))
    whole = dict(zip(IDS, ctx.uniform(IDS, (2, 2), "start", 0), strict=True))
    for start in range(0, 9, size):
        part = order[start : start + size]
        for example, drawn in zip(part, ctx.uniform(part, (2, 2), "start", 0), strict=True):
            assert torch.equal(drawn, whole[example])


def test_names_seed_and_scope_all_count() -> None:
    ctx = Context(seed=3, scope=("attack", "pgd"))
    draws = [
        ctx.uniform(IDS, (4,), "start", 0),
        ctx.uniform(IDS, (4,), "start", 1),
        Context(seed=4, scope=("attack", "pgd")).uniform(IDS, (4,), "start", 0),
        ctx.scoped("more").uniform(IDS, (4,), "start", 0),
        ctx.normal(IDS, (4,), "start", 0),
    ]
    assert all(not torch.equal(a, b) for i, a in enumerate(draws) for b in draws[:i])


def test_global_state_is_neither_read_nor_changed() -> None:
    ctx = Context(seed=3)
    first = ctx.normal(IDS, (2,), "x"), ctx.rng("y").random(3)
    torch.rand(3)
    before = torch.get_rng_state()
    second = ctx.normal(IDS, (2,), "x"), ctx.rng("y").random(3)
    assert torch.equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])
    assert torch.equal(before, torch.get_rng_state())


def test_moments() -> None:
    ids = [str(i) for i in range(4000)]
    uniform, normal = Context().uniform(ids, (5,), "u"), Context().normal(ids, (5,), "n")
    assert abs(float(uniform.mean()) - 0.5) < 0.01
    assert float(uniform.min()) >= 0
    assert float(uniform.max()) < 1
    assert abs(float(normal.mean())) < 0.03
    assert abs(float(normal.std()) - 1) < 0.02


def test_seeded_gives_library_code_a_state_of_its_own() -> None:
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index]
    drawn = []
    for _ in range(2):
        with seeded(5, "cpu"):
            drawn.append((float(torch.rand(1)), random.random(), float(np.random.rand())))
    assert drawn[0] == drawn[1]
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1] == random.getstate()
    assert states[2] == np.random.get_state()[1].tolist()  # type: ignore[index]
