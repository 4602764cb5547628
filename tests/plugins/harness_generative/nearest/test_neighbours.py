"""Neighbours found in blocks against double loops over float64."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness_generative.nearest import distances as distances_module
from harness_generative.nearest.neighbours import nearest, within_radii

Points = npt.NDArray[np.float32]


def loops(queries: Points, references: Points) -> npt.NDArray[np.float64]:
    """All distances, a row at a time, from differences in float64."""
    out = np.empty((len(queries), len(references)))
    for i, query in enumerate(queries.astype(np.float64)):
        difference = query - references
        out[i] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return out


def nearest_agrees(queries: Points, references: Points, k: int, exclude_self: bool = False) -> bool:
    distances, found = nearest(queries, references, k, exclude_self=exclude_self)
    expected = loops(queries, references)
    if exclude_self:
        np.fill_diagonal(expected, np.inf)
    order = np.argsort(expected, axis=1, kind="stable")[:, :k]
    return np.array_equal(found, order) and np.array_equal(distances, np.take_along_axis(expected, order, axis=1))


def radii_agree(first: Points, second: Points, k: int) -> bool:
    expected = loops(first, second)
    # Radii that are distances of pairs: each ball has a point exactly on its surface.
    radii = np.sort(expected, axis=1)[:, k - 1], np.sort(expected, axis=0)[k - 1]
    spread = float(np.ptp(np.concatenate([first, second]).astype(np.float64)))
    seen = np.zeros(expected.shape, dtype=int)
    agree = True
    for block in within_radii(first, second, *radii):
        part = expected[block.rows, block.columns]
        seen[block.rows, block.columns] += 1
        agree &= np.array_equal(block.in_first, part <= radii[0][block.rows, None])
        agree &= np.array_equal(block.in_second, part <= radii[1][block.columns])
        agree &= np.allclose(block.distances, part, rtol=1e-5, atol=1e-2 * spread)
    return agree and bool((seen == 1).all())


def sets(kind: str) -> tuple[Points, Points]:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(150, 20)).astype(np.float32)
    b = (rng.normal(size=(190, 20)) + 3).astype(np.float32)
    if kind == "far from 0":
        return a + 1000, b + 1000
    if kind == "on a lattice":
        return np.round(a[:, :4]), np.round(b[:, :4] - 3)
    if kind == "with duplicates":
        both = np.concatenate([b, b[:70], np.repeat(b[:1], 40, axis=0), a[:9]])
        return a, both[rng.permutation(len(both))]
    if kind == "constant":
        return np.ones_like(a), np.ones_like(b)
    if kind == "one constant":
        return np.repeat(b[3:4], 150, axis=0), b
    if kind == "tight clusters far apart":
        return a[:, :3] / 10 + 1e5, np.where(np.arange(190)[:, None] % 2, b[:, :3] / 10 + 1e5, b[:, :3] / 10 - 1e5)
    if kind == "all equally far":
        return np.eye(40, dtype=np.float32), -np.eye(60, 40, dtype=np.float32)
    if kind == "huge":
        return a * np.float32(1e30), b * np.float32(1e30)
    if kind == "tiny":
        return a * np.float32(1e-30), b * np.float32(1e-30)
    return a, b


KINDS = (
    *("ordinary", "far from 0", "on a lattice", "with duplicates", "constant", "one constant"),
    *("tight clusters far apart", "all equally far", "huge", "tiny"),
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [2048, 64])
def test_what_blocks_find_is_what_loops_find(monkeypatch: pytest.MonkeyPatch, kind: str, rows: int) -> None:
    """To the last bit, distances and order, ties included, in one block and in several."""
    monkeypatch.setattr(distances_module, "_BLOCK_ROWS", rows)
    a, b = sets(kind)
    for k in (1, 5, 39):
        assert nearest_agrees(a, b, k)
        assert nearest_agrees(b, a, k)
        assert nearest_agrees(b, b, k, exclude_self=True)
        assert radii_agree(a, b, k)
        assert radii_agree(b, b, k)


@settings(max_examples=60)
@given(st.data())
def test_small_sets_full_of_ties(data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 3))
    row = st.lists(st.integers(-2, 2), min_size=width, max_size=width)
    a, b = (np.array(data.draw(st.lists(row, min_size=2, max_size=12)), dtype=np.float32) for _ in range(2))
    k = data.draw(st.integers(1, len(b)))
    assert nearest_agrees(a, b, k)
    assert nearest_agrees(b, b, min(k, len(b) - 1), exclude_self=True)
    assert radii_agree(a, b, min(k, len(a)))


def test_a_copy_is_at_distance_0_and_only_oneself_is_left_out() -> None:
    points = np.random.default_rng(0).normal(size=(300, 512)).astype(np.float32) + 100
    points[17] = points[4]
    distances, found = nearest(points, points, 1, exclude_self=True)
    assert (distances[17, 0], found[17, 0]) == (0.0, 4)
    assert (distances[4, 0], found[4, 0]) == (0.0, 17)
    assert distances[np.arange(300) % 13 != 4].min() > 0
    distances, found = nearest(points[17:18], points, 2)
    assert distances.tolist() == [[0.0, 0.0]]
    assert found.tolist() == [[4, 17]]


def test_zero_has_one_value_whatever_its_sign() -> None:
    distances, found = nearest(np.array([[-0.0, 1.0]]), np.array([[1.0, 1.0], [0.0, 1.0]]), 1)
    assert (distances.item(), found.item()) == (0.0, 1)


def test_distances_are_told_from_each_other_below_the_resolution_of_float32() -> None:
    """Squared norms of 1e6 have steps of 0.06; here the nearest differ by 1e-7 of that."""
    references = np.zeros((3, 2), dtype=np.float32)
    references[:, 0] = 1000
    references[:, 1] = 1e-3, 2e-3, 3e-3
    queries = np.array([[1000, 2.4e-3], [-1000, 0]], dtype=np.float32)
    distances, found = nearest(queries, references, 1)
    assert found.ravel().tolist() == [1, 0]
    assert distances[0, 0] == pytest.approx(4e-4, rel=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 0}, "k = 0 neighbours of 5 references"),
        ({"k": 6}, "k = 6 neighbours of 5 references"),
        ({"queries": np.zeros(3)}, r"queries must be an array \[n, d\]"),
        ({"queries": np.zeros((0, 2))}, "that holds something"),
        ({"queries": np.zeros((4, 3))}, "points of 3 and of 2 coordinates"),
        ({"queries": np.array([[0.0, 0.0], [0.0, np.nan]])}, "row 1 of the queries holds NaN"),
        ({"references": np.full((5, 2), np.inf)}, "row 0 of the references holds NaN or infinity"),
        ({"exclude_self": True}, "exclude_self needs the references themselves"),
    ],
)
def test_what_cannot_be_answered_is_an_error(change: dict[str, Any], message: str) -> None:
    arguments = {"queries": np.zeros((4, 2)), "references": np.ones((5, 2)), "k": 1, **change}
    with pytest.raises(ValueError, match=message):
        nearest(**arguments)


def test_oneself_is_not_among_the_neighbours_to_choose_from() -> None:
    points = np.ones((5, 2))
    with pytest.raises(ValueError, match="k = 5 neighbours of 4 others"):
        nearest(points, points, 5, exclude_self=True)


def test_memory_is_bounded_by_blocks() -> None:
    """All distances of 10000 points would take 400 MB as float32."""
    points = np.random.default_rng(0).normal(size=(10_000, 8)).astype(np.float32)
    tracemalloc.start()
    radii = nearest(points, points, 5, exclude_self=True)[0][:, 4]
    inside = sum(int(np.count_nonzero(block.in_first)) for block in within_radii(points, points, radii, radii))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert inside == 10_000 * 6
    assert peak < 100e6


def test_radii_must_fit() -> None:
    with pytest.raises(ValueError, match="one radius for each of 2 and 3 points"):
        next(within_radii(np.zeros((2, 1)), np.zeros((3, 1)), np.zeros(2), np.zeros(2)))
    with pytest.raises(ValueError, match="one radius for each"):
        next(within_radii(np.zeros((2, 1)), np.zeros((2, 1)), np.zeros(2), np.full(2, np.nan)))
