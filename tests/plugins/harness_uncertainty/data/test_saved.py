"""Probabilities that another system saved, through the task from_scores."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness import Run
from harness.api import HarnessError, InvalidOutput
from harness_uncertainty.data.saved import saved_probabilities

PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4], [0.5, 0.25, 0.25]])


def save(folder: Path, **arrays: object) -> Path:
    path = folder / "given.npz"
    np.savez(path, **{"predictions": PROBABILITIES, "labels": np.array([0, 1, 1, 2])} | arrays)  # type: ignore[arg-type]
    return path


def test_columns(tmp_path: Path) -> None:
    found = saved_probabilities(save(tmp_path), "probabilities")
    assert found.columns["predictions"] == [0, 1, 2, 0]
    assert found.columns["confidence"].tolist() == [0.7, 0.8, 0.4, 0.5]


def test_logits_are_turned_into_probabilities(tmp_path: Path) -> None:
    path = save(tmp_path, predictions=np.log(PROBABILITIES) + 5)
    found = saved_probabilities(path, "logits")
    assert found.columns["probabilities"] == pytest.approx(PROBABILITIES)
    with pytest.raises(InvalidOutput, match="4 of 4 rows are no probabilities"):
        saved_probabilities(path, "probabilities")


@pytest.mark.parametrize(
    "labels",
    [
        np.array([[0], [1], [1], [2]]),
        np.eye(3)[[0, 1, 1, 2]],
        np.eye(3, dtype=bool)[[0, 1, 1, 2]],
        np.array([0.0, 1.0, 1.0, 2.0]),
        *(np.array([0, 1, 1, 2], dtype=kind) for kind in ("uint8", "uint16", "uint32", "uint64", "int8", "float16")),
    ],
)
def test_shapes_of_labels(tmp_path: Path, labels: object) -> None:
    assert saved_probabilities(save(tmp_path, labels=labels), "probabilities").columns["labels"] == [0, 1, 1, 2]


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"labels": np.array([0, 1, 1, 3])}, "go from 0 to 3; there are 3 classes"),
        (
            {"predictions": PROBABILITIES[:, 0]},
            r"is \[4\] .*; of two classes save both: np.stack\(\[1 - p, p\], axis=1",
        ),
        ({"predictions": PROBABILITIES[:, :1]}, r"has one column; of two classes save both: np.hstack\(\[1 - p, p\]\)"),
        ({"labels": np.array([0, 1])}, r"is \[4, 3\] and 'labels' \[2\]"),
        ({"labels": np.ones((4, 3))}, "must hold a single 1"),
        ({"labels": np.array([0, 1, 1.5, 2.5])}, r"2 of 4 'labels' are no whole numbers, first 1\.5 in row 2"),
        ({"labels": np.array([0, 1, 1, np.nan])}, r"1 of 4 'labels' are no whole numbers, first nan in row 3"),
        ({"labels": np.array(["0", "1", "1", "2"])}, r"'labels' is <U1 \[4\]; labels are whole numbers"),
        ({"labels": np.int64(3)}, r"is \[4, 3\] and 'labels' \[\]"),
        ({"predictions": np.zeros((0, 3)), "labels": np.zeros(0, int)}, "with at least one row"),
        ({"predictions": PROBABILITIES.astype(str)}, "'predictions' holds <U32, not numbers"),
    ],
)
def test_wrong_labels_say_what_is_wrong(tmp_path: Path, arrays: dict[str, object], told: str) -> None:
    with pytest.raises(HarnessError, match=told):
        saved_probabilities(save(tmp_path, **arrays), "probabilities")


def test_wrong_files_say_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"no array 'truth'; it has predictions, labels"):
        saved_probabilities(save(tmp_path), "probabilities", labels="truth")
    whole = save(tmp_path).read_bytes()
    damaged = {"text": b"no archive", "empty": b"", "short": whole[: len(whole) // 2], "nothing": _archive()}
    damaged["members"] = _archive(predictions="0.5,0.5", labels="1")
    for name, content in damaged.items():
        path = tmp_path / f"{name}.npz"
        path.write_bytes(content)
        with pytest.raises(HarnessError, match=f"^{name}.npz (cannot be read as an .npz file|has no array)"):
            saved_probabilities(path, "probabilities")
    np.save(tmp_path / "one.npy", PROBABILITIES)
    with pytest.raises(HarnessError, match=r"one.npy holds one array; save 'predictions' and 'labels' together"):
        saved_probabilities(tmp_path / "one.npy", "probabilities")


def _archive(**members: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return archive.getvalue()


def test_arrays_of_objects_say_how_to_save_numbers(tmp_path: Path) -> None:
    objects = np.array([0, 1, 1, 2], dtype=object)
    with pytest.raises(
        HarnessError, match=r"^given.npz cannot be .* an array of Python objects .* save numbers, such as np"
    ):
        saved_probabilities(save(tmp_path, labels=objects), "probabilities")
    np.save(tmp_path / "one.npy", objects)
    with pytest.raises(HarnessError, match=r"^one.npy .* it holds an array of Python objects"):
        saved_probabilities(tmp_path / "one.npy", "probabilities")


@pytest.mark.parametrize("classes", [100, 300, 1000])
@pytest.mark.parametrize("decimals", [2, 3, 4])
def test_rounded_probabilities_of_many_classes_are_no_logits(tmp_path: Path, classes: int, decimals: int) -> None:
    """The sum of a row may be off by half a unit of the last decimal for each class."""
    rng = np.random.default_rng(classes)
    exact = rng.dirichlet([0.1] * classes, 50)
    path = save(tmp_path, predictions=exact.round(decimals), labels=rng.integers(0, classes, 50))
    with pytest.raises(HarnessError, match=r"sum to 1 but for rounding, so they are probabilities"):
        saved_probabilities(path, "logits")
    logits = np.log(exact + 1e-9).round(decimals)
    saved_probabilities(save(tmp_path, predictions=logits, labels=rng.integers(0, classes, 50)), "logits")
    zeros = np.zeros((50, classes))
    saved_probabilities(save(tmp_path, predictions=zeros, labels=rng.integers(0, classes, 50)), "logits")


@pytest.mark.parametrize("rounded", [PROBABILITIES, PROBABILITIES.astype(np.float16), np.eye(3)[[0, 1, 1, 2]]])
def test_probabilities_are_no_logits(tmp_path: Path, rounded: object) -> None:
    with pytest.raises(HarnessError, match=r"so they are probabilities; .* Say `holds: probabilities`"):
        saved_probabilities(save(tmp_path, predictions=rounded), "logits")


@pytest.mark.filterwarnings("error")
def test_what_is_nearly_a_probability_or_overflows(tmp_path: Path) -> None:
    below = PROBABILITIES + np.array([1e-9, -0.3 - 1e-9, 0.3]) * (np.arange(4) == 2)[:, None]
    with pytest.raises(InvalidOutput, match=r"has a negative value, -1e-09; if that is round-off, save np.clip"):
        saved_probabilities(save(tmp_path, predictions=below), "probabilities")
    huge = np.where(PROBABILITIES > 0.5, 1e308, -1e308)
    assert saved_probabilities(save(tmp_path, predictions=huge), "logits").columns["confidence"][0] == 1


def test_percentages_are_neither(tmp_path: Path) -> None:
    path = save(tmp_path, predictions=PROBABILITIES * 100)
    with pytest.raises(InvalidOutput, match="sums to 100; divide percentages by 100"):
        saved_probabilities(path, "probabilities")
    with pytest.raises(HarnessError, match=r"sum to 100 but .* are probabilities; .*, and divide them by 100"):
        saved_probabilities(path, "logits")


def test_logits_may_be_anything_else(tmp_path: Path) -> None:
    """Log-probabilities, scores within [0, 1], whole numbers, and classes that are ruled out."""
    some: list[object] = [
        np.log(PROBABILITIES),
        PROBABILITIES * 0.5,
        np.array([[3, 1, 0], [0, 2, 1], [1, 0, 0], [5, 5, 5]]),
        np.where(PROBABILITIES < 0.2, -np.inf, 1.0),
    ]
    for logits in some:
        found = saved_probabilities(save(tmp_path, predictions=logits), "logits").columns["probabilities"]
        assert found.sum(axis=1) == pytest.approx(1.0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_logits_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    logits = np.log(PROBABILITIES)
    logits[2, 1] = value
    with pytest.raises(HarnessError, match="1 of 4 rows of 'predictions' are not finite, first row 2"):
        saved_probabilities(save(tmp_path, predictions=logits), "logits")


@pytest.mark.parametrize("kind", ["four decimals", "float16"])
def test_rounded_probabilities_give_the_numbers_of_exact_ones(tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(1)
    exact = rng.dirichlet([0.2] * 40, 200)
    labels = rng.integers(0, 40, 200)
    rounded = exact.round(4) if kind == "four decimals" else exact.astype(np.float16)
    one, other = (
        saved_probabilities(save(tmp_path, predictions=values, labels=labels), "probabilities").columns
        for values in (exact, rounded)
    )
    assert one["predictions"] == other["predictions"]
    assert np.abs(one["confidence"] - other["confidence"]).max() < 2e-3


def test_an_audit_without_a_model(tmp_path: Path, run: Callable[..., Run]) -> None:
    suite = f"""
suite: audit
task: from_scores
data: {{use: saved_probabilities, with: {{path: {save(tmp_path)}, holds: probabilities}}}}
metrics: [accuracy, ece, brier, nll, multiclass_brier, classwise_ece, aurc]
"""
    (row,) = run(suite).rows
    assert row.reason == ""
    assert row.estimates["accuracy"].value == 0.5
    assert row.estimates["nll"].value == pytest.approx(-np.log([0.7, 0.8, 0.3, 0.25]).mean())
    assert row.estimates["ece"].n == row.estimates["classwise_ece"].n == 4
