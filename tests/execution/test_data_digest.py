"""The digest of data: the same whatever is taken at once, of little memory, and not made twice of what is read anew."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from harness.contract.data import Examples
from harness.execution import data_digest
from harness.execution.build import Limited
from harness.execution.data_digest import data_facts, document_facts, held_facts
from harness.execution.kept import Built

N = 5000


class Read(Examples):
    """Examples that are made anew; remembers how many were taken at once."""

    reads_anew = True
    sizes: list[int]

    def take(self, indices: Sequence[int]) -> Mapping[str, Any]:
        self.sizes.append(len(indices))
        return super().take(indices)


def examples(kind: type[Examples] = Examples, **facts: Any) -> Any:
    numbers = np.arange(N, dtype=np.float32)
    columns = {"inputs": np.stack([numbers, -numbers], axis=1), "labels": [i % 3 for i in range(N)]}
    data = kind([f"e{i}" for i in range(N)], columns, {"g": ["a", "b"] * (N // 2)}, {"classes": [0, 1, 2], **facts})
    object.__setattr__(data, "sizes", [])
    return data


def test_the_digest_is_that_of_earlier_versions() -> None:
    """So that results before and after stand side by side; written down from a version that took 4,096 at once."""
    assert data_facts(examples()) == {
        "digest": "18d797b5ba36fd16507417921530a37100f0a87ab2222ad8dc149478896b87e9",
        "ids": "ec4a6d6e7652f837988e1532276a70e216b7f7b4a20df484b4830d5bc1353602",
        "n": N,
    }


@pytest.mark.parametrize("most", [1, 9000, 2**26])
def test_the_digest_does_not_depend_on_how_many_are_taken_at_once(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = data_facts(examples())
    monkeypatch.setattr(data_digest, "_BYTES_PER_TAKE", most)
    data = examples(Read)
    assert data_facts(data) == expected
    assert max(data.sizes) == {1: 256, 9000: 1024, 2**26: 4096}[most]


def test_examples_that_are_read_anew_are_hashed_once() -> None:
    data = examples(Read)
    built = Built(("d", 0), "dataset", "d", Limited(data, 1000))
    taken = len(data.sizes)
    assert built.digests["n"] == 1000
    assert built.changes() == {}
    assert len(data.sizes) == taken


def test_what_such_data_hold_is_still_compared() -> None:
    data = examples(Read)
    built = Built(("d", 0), "dataset", "d", data)
    data.groups["g"][7] = "c"
    assert built.changes() == {"examples": []}
    data.groups["g"][7] = "b"
    assert built.changes() == {}
    data.facts["classes"].append(3)
    assert built.changes() == {"examples": []}


def test_all_other_data_are_hashed_again() -> None:
    data = examples()
    assert held_facts(data) is None
    built = Built(("d", 0), "dataset", "d", data)
    data.columns["inputs"][4999, 1] += 1
    assert built.changes() == {"examples": []}


@pytest.mark.parametrize("n", [1, 255, 256, 257, 5000])
def test_arrays_are_hashed_block_by_block_though_laid_out_at_once(n: int) -> None:
    rng = np.random.default_rng(n)
    columns = {
        "scores": rng.normal(size=n),
        "inputs": rng.normal(size=(n, 3, 2)).astype(np.float32)[:, ::-1],
        "nothing": np.zeros((n, 0), np.int8),
        "labels": rng.integers(0, 2, n),
        "names": np.array([f"é{i}" for i in range(n)]),
    }
    expected = hashlib.sha256(b"{}")
    for first in range(0, n, 256):
        for name in sorted(columns):
            part = columns[name][first : first + 256]
            expected.update(f"{name}{part.dtype}{part.shape[1:]}".encode() + part.tobytes())
    assert data_facts(Examples([f"e{i}" for i in range(n)], columns))["digest"] == expected.hexdigest()


def test_outputs_are_no_part_of_documents_and_each_other_column_is_told() -> None:
    data = examples()
    facts = document_facts(data, ("labels",))
    assert set(facts["columns"]) == {"inputs"}
    other = Examples(data.ids, {**data.columns, "labels": [0] * N}, data.groups, data.facts)
    assert document_facts(other, ("labels",)) == facts
    other.columns["inputs"][N - 1, 1] = 7
    changed = document_facts(other, ("labels",))
    assert changed["digest"] != facts["digest"]
    assert changed["columns"] != facts["columns"]
    assert changed["ids"] == facts["ids"]


def test_groups_and_facts_are_part_of_documents() -> None:
    data = examples()
    digests = {document_facts(data, ())["digest"], document_facts(examples(more=1), ())["digest"]}
    data.groups["g"][7] = "c"
    assert len({*digests, document_facts(data, ())["digest"]}) == 3
