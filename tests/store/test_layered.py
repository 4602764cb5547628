"""A store with a second level: missing entries come from there, new ones go there, and its failure ends nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.contract.cells import digest
from harness.store.layered import LayeredStore, open_layered, worker_store
from harness.store.objects import RemoteError
from harness.store.remote import RemoteStore
from harness.store.store import Store
from store.shared_stores import put_cell, put_weights, shared

Make = Callable[[str], LayeredStore]


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def make(tmp_path: Path, warnings: list[str]) -> Make:
    return lambda name: LayeredStore(tmp_path / name / "store", shared(tmp_path / "shared"), warnings.append)


@pytest.mark.parametrize(("kind", "put"), [("cells", put_cell), ("weights", put_weights)])
def test_what_one_has_made_the_other_gets(make: Make, kind: str, put: Callable[[Store, int], str]) -> None:
    key = put(make("one"), 1)
    other = make("two")
    folder = other.get(kind, key)  # type: ignore[arg-type]
    assert folder == other.folder(kind, key)  # type: ignore[arg-type]
    assert folder is not None
    assert (folder / "manifest.json").is_file()
    assert list((other.root / "staging").iterdir()) == []
    # From now on it is here.
    assert Store(other.root).get(kind, key) == folder  # type: ignore[arg-type]


def test_many_are_fetched_at_once(make: Make) -> None:
    one, two = make("one"), make("two")
    keys = [put_cell(one, number) for number in range(30)]
    two.prefetch("cells", [*keys, digest("none")])
    assert all(Store(two.root).get("cells", key) for key in keys)


def test_estimates_and_pictures_stay_here(make: Make, tmp_path: Path) -> None:
    one = make("one")
    one.put_json("estimates", "e" * 64, {"value": 1})
    with one.stage() as staged:
        one.commit("pictures", "f" * 64, staged)
    assert make("two").get("pictures", "f" * 64) is None
    assert [path.name for path in (tmp_path / "shared").iterdir()] == ["harness-store.json"]


def test_of_two_trainings_the_first_that_was_shared_is_used_by_both(make: Make) -> None:
    first, second = make("one"), make("two")
    key = put_weights(first, 1, b"of the first")
    assert put_weights(second, 1, b"of the second") == key
    folder = second.get("weights", key)
    assert folder is not None
    assert (folder / "weights.safetensors").read_bytes() == b"of the first"
    assert second.weights_digest(key) == first.weights_digest(key)


def test_damaged_weights_of_others_are_replaced_by_ours(make: Make, tmp_path: Path, warnings: list[str]) -> None:
    key = put_weights(make("one"), 1, b"of the first")
    (tmp_path / "shared" / "weights" / key[:2] / f"{key}.tar.gz").write_bytes(b"damaged")
    second = make("two")
    put_weights(second, 1, b"of the second")
    assert len(warnings) == 1
    third = make("three").get("weights", key)
    assert third is not None
    assert (third / "weights.safetensors").read_bytes() == b"of the second"


def test_a_damaged_entry_is_told_measured_again_and_replaced(make: Make, tmp_path: Path, warnings: list[str]) -> None:
    key = put_cell(make("one"), 1)
    (tmp_path / "shared" / "cells" / key[:2] / f"{key}.tar.gz").write_bytes(b"damaged")
    two = make("two")
    assert two.get("cells", key) is None
    assert [key in warning and "is not believed" in warning for warning in warnings] == [True]
    put_cell(two, 1)
    assert make("three").get("cells", key) is not None


def test_a_damaged_entry_here_is_fetched_anew(make: Make) -> None:
    one = make("one")
    key = put_cell(one, 1)
    (one.folder("cells", key) / "records.parquet").write_bytes(b"flipped")
    folder = one.get("cells", key)
    assert folder is not None
    assert (folder / "records.parquet").read_bytes() == b"records"
    assert len(list((one.root / "quarantine").iterdir())) == 1


class Dead(RemoteStore):
    """A store whose server has died; counts how often it is asked."""

    def __init__(self) -> None:
        self.url, self.asked = "s3://dead", 0

    def fetch(self, *_: object) -> bool:
        self.asked += 1
        raise RemoteError("the remote store 's3://dead' cannot be used: it is gone")

    push = fetch  # type: ignore[assignment]


def test_a_failure_is_told_once_ends_nothing_and_costs_little(tmp_path: Path, warnings: list[str]) -> None:
    now, dead = [0.0], Dead()
    store = LayeredStore(tmp_path / "r" / "store", dead, warnings.append, clock=lambda: now[0])
    keys = [put_cell(store, number) for number in range(5)]
    assert all(store.get("cells", key) for key in keys)
    assert store.get("cells", digest("none")) is None
    assert dead.asked == 1
    (warning,) = warnings
    assert "it is gone; the run goes on without it, and `harness cache push` brings there" in warning
    now[0] = 61.0
    put_cell(store, 9)
    assert (dead.asked, len(warnings)) == (2, 1)


def test_a_worker_goes_without_what_a_run_would_refuse(tmp_path: Path, warnings: list[str]) -> None:
    (tmp_path / "file").write_text("")
    url = (tmp_path / "file").as_uri()
    assert type(worker_store(tmp_path / "r" / "store", url, warnings.append)) is Store
    assert len(warnings) == 1
    with pytest.raises(RemoteError):
        open_layered(tmp_path / "r" / "store", url)
    assert type(open_layered(tmp_path / "r" / "store", "")) is Store
