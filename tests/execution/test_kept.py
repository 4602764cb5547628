"""What a wrapper, an attack or a task does to a model changes no other row, in whatever order they run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from execution.asking import PLAIN, VIEWS, new_builder, use
from execution.plugins.changing import CHANGES
from harness.contract.cells import Use
from harness.contract.rows import Status
from harness.execution.build import Builder
from harness.plugins import Catalog

TUNED = use("model", "tuned", model=PLAIN, trained_on=VIEWS)
WORDS = {
    "half": "weights (scale and 1 more)",
    "buffer": "weights (scale)",
    "new buffer": "weights (scale)",
    "forward": "functions (forward)",
    "hook": "hooks",
    "inner hook": "hooks (linear)",
    "parametrization": "linear.parametrizations",
    "spectral norm": "linear.parametrizations",
    "old weight norm": "hooks (linear)",
    "adapter": "modules (linear",
    "class": "modules",
    "class of a layer": "modules (linear)",
}
"""What a row says was left behind."""
HOWS = sorted(set(CHANGES) - {"nothing"})


@pytest.mark.parametrize("wrapper", [*HOWS, "tuned", "ensemble", "surrogate"])
def test_models_and_what_wraps_them_answer_alike_in_both_orders(
    measure: Any, acting: Catalog, tmp_path: Path, wrapper: str
) -> None:
    wrapping = {
        "tuned": TUNED,
        "ensemble": use("model", "all", models=(PLAIN, use("model", "wrapped", model=PLAIN, how="prune"))),
    }.get(wrapper, use("model", "wrapped", model=PLAIN, how=wrapper))
    cells: list[tuple[Use, dict[str, Use]]] = [(PLAIN, {}), (wrapping, {})]
    if wrapper == "surrogate":
        cells = [(PLAIN, {}), (PLAIN, {"attack": use("attack", "borrowing", surrogate=PLAIN)})]

    def answers(order: list[int], folder: Path, alone: bool = False) -> dict[int, Any]:
        builder, results = new_builder(acting, folder), {}
        for which in order:
            builder = new_builder(acting, folder) if alone else builder
            result, results[which] = measure(builder, cells[which][0], **cells[which][1])
            assert result.status is Status.OK, result.reason
        return results

    each_alone = answers([0, 1], tmp_path / "alone", alone=True)
    assert answers([0, 1, 0, 1], tmp_path / "there") == each_alone
    assert answers([1, 0, 1, 0], tmp_path / "back") == each_alone
    if wrapper != "surrogate":
        assert each_alone[0] != each_alone[1]


@pytest.mark.parametrize("how", HOWS)
def test_a_cell_that_changes_its_model_is_invalid_and_the_next_one_right(
    measure: Any, acting: Catalog, tmp_path: Path, how: str
) -> None:
    builder = new_builder(acting, tmp_path)
    _, before = measure(builder, PLAIN)
    spoilt, _ = measure(builder, PLAIN, how)
    assert spoilt.status is Status.INVALID
    assert spoilt.reason.startswith("the cell has changed model plain: ")
    assert WORDS.get(how, "weights (linear.weight)") in spoilt.reason
    again, answers = measure(builder, PLAIN)
    assert (again.status, again.reason) == (Status.OK, "")
    assert answers == before


def test_a_cell_that_changes_its_data_is_invalid_and_the_next_one_has_others(
    measure: Any, acting: Catalog, tmp_path: Path
) -> None:
    builder = new_builder(acting, tmp_path)
    _, before = measure(builder, PLAIN)
    spoilt, _ = measure(builder, use("model", "writing"))
    assert (spoilt.status, spoilt.reason) == (Status.INVALID, "the cell has changed dataset views: examples")
    again, answers = measure(builder, PLAIN)
    assert again.status is Status.OK
    assert answers == before


def test_what_a_model_counts_for_itself_is_no_fault_and_starts_anew(
    measure: Any, acting: Catalog, tmp_path: Path
) -> None:
    builder = new_builder(acting, tmp_path)
    model = builder.build(PLAIN, 0)[0]
    model.asked += 1
    result, _ = measure(builder, PLAIN)
    assert (result.status, result.reason) == (Status.OK, "")
    assert builder.build(PLAIN, 0)[0] is not model
    assert builder.build(PLAIN, 0)[0].asked == 0


def test_a_large_model_goes_from_hand_to_hand(builder: Builder, acting: Catalog) -> None:
    """One instance serves the model, and in later cells what wraps it; two only where a cell needs both."""
    pair = use("model", "all", models=(PLAIN,))
    alone = builder.build(PLAIN, 0)[0]
    both = builder.build(pair, 0)[0]
    assert both.models[0] is not alone
    builder.end_cell()
    taken = builder.build(PLAIN, 0)[0]
    assert taken is alone
    builder.end_cell()
    again = builder.build(pair, 0)[0]
    assert again is both
    builder.forget()
    first = builder.build(pair, 0)[0]
    builder.end_cell()
    assert builder.build(PLAIN, 0)[0] is first.models[0]
    # What wrapped it is made anew, around another one.
    assert builder.build(pair, 0)[0] is not first


def test_a_factory_that_returns_the_model_it_was_given_is_not_fitted_anew(
    measure: Any, acting: Catalog, tmp_path: Path
) -> None:
    """It declares nothing to be trained on, and has the weights that its model was given."""
    builder = new_builder(acting, tmp_path)
    tuned, passed = measure(builder, TUNED), measure(builder, use("model", "passed", model=TUNED))
    assert passed[0].status is Status.OK, passed[0].reason
    assert passed[1] == tuned[1]
