"""The task, by whole suites and with wrong input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from harness import Run
from harness.api import Context, Examples, ExplainedInputs, HarnessError, InvalidOutput, Quantity
from harness.testing import assert_same_records, run_suite
from harness_capacity.attributions.controls import RandomMap
from harness_capacity.attributions.gradients import Gradient, GradientTimesInput
from harness_capacity.explaining.explain import Explain

METHODS = "[gradient, gradient_x_input, integrated_gradients, smoothgrad, occlusion, grad_cam, edge_filter, random_map]"
SUITE = f"""
suite: boxes
task: {{use: explain, with: {{parts: 2, neighbours: 1, steps: 2, randomised: cascade}}}}
data: {{use: digits, limit: 70}}
models: [{{use: shipped_digits, as: network}}]
attributions: {METHODS}
metrics:
  - deletion
  - {{use: insertion, with: {{baseline: blur}}}}
  - infidelity
  - {{use: infidelity, as: raw infidelity, with: {{scaled: false}}}}
  - max_sensitivity
  - {{use: randomised_similarity, with: {{top: 2}}}}
"""


@pytest.mark.slow
def test_records_do_not_depend_on_the_batch_size(tmp_path: Path) -> None:
    one, many = (run_suite(SUITE, tmp_path / str(size), batch_size=size) for size in (13, 64))
    assert {row.status for row in one.rows} == {"ok"}
    assert_same_records(one, many)
    records = one.records(one.row(attribution="smoothgrad"))
    assert records["id"].tolist() == many.records(many.row(attribution="gradient"))["id"].tolist()
    assert [row.cost["passes"] for row in one.rows] == [2, 2, 64, 32, 50, 2, 0, 0]
    assert "similarity.top 4" in records
    assert "pointing" not in records
    # A relevance has no units, so no raw infidelity.
    assert not one.row(attribution="random_map").estimates["raw infidelity"].applies
    assert one.row(attribution="gradient").estimates["raw infidelity"].value is not None


def linear() -> nn.Module:
    network = nn.Linear(4, 2, bias=False)
    network.weight.data = torch.tensor([[1.0, 2.0, -1.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    return network


def table(**columns: Any) -> Examples:
    inputs = np.array([[0.5, 1.0, 0.0, 0.25], [1.0, 0.0, 1.0, 1.0], [0.0, 0.25, 1.0, 0.0]], dtype=np.float32)
    given = {"inputs": inputs, "labels": np.array([0, 1, 1]), **columns}
    return Examples(["a", "b", "c"], given, {"kind": ["x", "y", "x"]}, {"classes": ["no", "yes"]})


def explained(method: Any, data: Examples | None = None, **how: Any) -> dict[str, Any]:
    task = Explain(baselines=("zero", "mean"), **{"steps": 4, **how})
    return dict(task.run(linear(), data or table(), method, Context()).records)


def test_columns_of_a_linear_model() -> None:
    records = explained(GradientTimesInput(), table(cause=np.array([[0, 1, 0, 0]] * 3)), radius=0.0)
    assert records["explained"].tolist() == [0, 0, 1]
    assert records["correct"].tolist() == [True, False, True]
    assert records["probability"].tolist() == pytest.approx([1 / (1 + np.exp(-2.5)), 0.5, 1 / (1 + np.exp(-0.5))])
    assert records["group.kind"] == ["x", "y", "x"]
    # Class 1 has the logit 0 whatever is removed: nothing to explain.
    assert records["unexplained"][2] is None
    assert records["unexplained"][0] == pytest.approx(0.0, abs=1e-12)
    assert records["sensitivity"][:2] == [0.0, 0.0]
    assert records["sensitivity"][2] is None
    assert records["pointing"].tolist() == [1.0, 0.0, 0.25]
    assert records["forward_passes"].tolist() == [1.0] * 3
    # Removed in the order b, a, then c and d, which add nothing, in either order.
    p = 1 / (1 + np.exp(-np.array([2.5, 0.5, 0.0, 0.0, 0.0])))
    assert records["deletion.zero"][0] == pytest.approx((p[0] / 2 + p[1] + p[2] + p[3] + p[4] / 2) / 4)


def test_sensitivity_is_the_largest_change_among_the_neighbours_inside_the_box() -> None:
    records = explained(GradientTimesInput(), neighbours=3, radius=0.1)
    inputs = torch.as_tensor(table().columns["inputs"])
    drawn = 2 * Context().uniform(["a", "b", "c"], (3, 4), "neighbours") - 1
    change = (inputs[:, None] + 0.1 * drawn).clamp(0, 1) - inputs[:, None]
    weights = torch.tensor([1.0, 2.0, -1.0, 0.0])
    expected = (change * weights).norm(dim=2).amax(dim=1) / (inputs * weights).norm(dim=1)
    assert records["sensitivity"][:2] == pytest.approx(expected[:2].tolist(), rel=1e-5)


def test_every_method_meets_the_same_parts_neighbours_and_random_weights() -> None:
    task, data = Explain(baselines=("zero",), steps=2), table()
    one, other = (task.run(linear(), data, Gradient(), Context(scope=("attribution", name))) for name in "ab")
    for name, values in one.records.items():
        assert list(values) == list(other.records[name]), name


def test_the_label_may_be_explained_instead() -> None:
    assert explained(Gradient(), explained="label")["explained"].tolist() == [0, 1, 1]


def test_what_is_not_asked_for_is_not_measured() -> None:
    records = explained(Gradient(), parts=0, neighbours=0, randomised="none")
    assert not {"infidelity", "unexplained", "sensitivity", "similarity.all"} & set(records)


class Broken:
    """A method that returns something else."""

    quantity: Quantity = "relevance"

    def __init__(self, returned: Callable[[ExplainedInputs], Any]) -> None:
        self._returned = returned

    def attribute(self, model: Any, batch: ExplainedInputs, ctx: Context) -> Tensor:
        returned: Tensor = self._returned(batch)
        return returned


def test_a_method_that_changes_what_it_is_given_changes_nothing() -> None:
    changing = Broken(lambda batch: batch.inputs.zero_() + 1.0)
    assert explained(changing)["deletion.mean"] == pytest.approx(
        explained(Broken(lambda b: b.inputs * 0 + 1.0))["deletion.mean"]
    )


def test_wrong_maps_models_and_data_are_told() -> None:
    with pytest.raises(InvalidOutput, match="attribution Broken returned shape"):
        explained(Broken(lambda batch: batch.inputs[:, :2]))
    with pytest.raises(InvalidOutput, match="1 outputs of the model are not finite, first for 'b'"):
        bad = table()
        bad.columns["inputs"][1] = np.nan
        explained(RandomMap(), bad)
    with pytest.raises(InvalidOutput, match="lacks labels"):
        explained(RandomMap(), Examples(["a"], {"inputs": np.ones((1, 4), np.float32)}, {}, {"classes": ["x", "y"]}))
    with pytest.raises(InvalidOutput, match="labels go from 0 to 2; classes are 2"):
        explained(RandomMap(), table(labels=np.array([0, 1, 2])))
    with pytest.raises(
        InvalidOutput, match="the quantity of attribution SimpleNamespace is 'size'; it is one of contri"
    ):
        explained(SimpleNamespace(quantity="size"))
    with pytest.raises(HarnessError, match="names at least one baseline, and each once"):
        Explain(baselines=("zero", "zero"))


NO_GRADIENTS = """
suite: trees
task: {use: explain, with: {baselines: [zero, mean], steps: 4}}
data: {use: csv_table, with: {path: table.csv, label: class, positive: "yes", features: [a, b], split: test}}
models: [{use: gradient_boosting, with: {trees: 2}}]
attributions: [gradient, grad_cam, random_map, edge_filter]
metrics: [deletion, randomised_similarity]
"""


def test_a_model_without_gradients_is_skipped_in_the_plan_by_gradient_methods_alone(tmp_path: Path) -> None:
    lines = [f"{i % 7},{i % 5},{'yes' if i % 7 > 3 else 'no'}" for i in range(100)]
    (tmp_path / "table.csv").write_text("\n".join(["a,b,class", *lines]), encoding="utf-8")
    done = run_suite(NO_GRADIENTS, tmp_path)
    assert [bool(cell.skip) for cell in done.plan.cells] == [True, True, False, False]
    assert "needs model gradient_boosting to be GradientAccess; it has no named_modules" in done.plan.cells[0].skip
    assert [row.status for row in done.rows] == ["skipped", "skipped", "ok", "skipped"]
    assert "an edge filter needs images" in done.rows[3].reason
    # Trees cannot be initialised again.
    assert not done.rows[2].estimates["randomised_similarity"].applies


WRONG = """
suite: wrong
task: {use: explain, with: {parts: 1, neighbours: 0, steps: 1, randomised: none}}
data: {use: digits, limit: 4}
models: [{use: shipped_digits, with: {which: linear}}]
attributions:
  - grad_cam
  - {use: grad_cam, as: by name, with: {layer: "11"}}
  - {use: occlusion, with: {window: 9}}
metrics: [deletion]
"""


def test_what_does_not_fit_becomes_a_status_with_a_reason(run: Callable[..., Run]) -> None:
    rows = run(WRONG).rows
    assert [row.status for row in rows] == ["skipped", "failed", "invalid"]
    told = [
        "the model has none",
        "no layer '11'; did you mean '1'?",
        "a window of 9 pixels is larger than the image, 8 x 8",
    ]
    assert all(text in row.reason for text, row in zip(told, rows, strict=True))
