"""Features and a judge's probabilities, batch by batch, and what is refused of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from harness.api import Context, InvalidOutput
from harness.api.instruments import LANES
from harness_generative.task.conditions import Conditions
from harness_generative.task.features_and_judge import extracted, judged, judged_columns

INPUTS = torch.arange(10.0).reshape(10, 1, 1, 1)


def sums(inputs: Tensor) -> Tensor:
    """Two features: the sum and its double."""
    total = inputs.flatten(1).sum(1, keepdim=True)
    return torch.cat([total, 2 * total], dim=1)


def test_features_do_not_depend_on_the_batch_and_batches_are_filled_up() -> None:
    for batch_size, given in ((3, [LANES] * 4), (8, [LANES] * 2), (128, [2 * LANES])):
        sizes: list[int] = []

        def extractor(inputs: Tensor, sizes: list[int] = sizes) -> Tensor:
            sizes.append(len(inputs))
            return sums(inputs)

        found = extracted(extractor, "sums", INPUTS, "samples", Context(batch_size=batch_size))
        assert found.tolist() == [[i, 2 * i] for i in range(10)]
        assert sizes == given


@pytest.mark.parametrize(
    ("extractor", "told"),
    [
        (lambda x: x, r"extractor e returned shape \[10, 1, 1, 1\] for samples; features must be \[n, d\]"),
        (lambda x: [1.0], "extractor e returned a list for samples"),
        (lambda x: sums(x)[:9], "extractor e returned 9 rows for 10 inputs"),
        (lambda x: sums(x) / x.flatten(1), "extractor e gave features that are not finite for 1 of samples"),
        (lambda x: 0 * sums(x), "extractor e gave the same features for all of samples"),
    ],
)
def test_features_are_checked(extractor: Any, told: str) -> None:
    with pytest.raises(InvalidOutput, match=told):
        extracted(extractor, "e", INPUTS, "samples", Context())


def test_equal_inputs_may_have_equal_features() -> None:
    assert extracted(lambda x: 0 * sums(x), "e", torch.ones(3, 1, 1, 1), "samples", Context()).tolist() == [[0, 0]] * 3


def test_probabilities_of_a_judge_by_hand() -> None:
    """Logits log 1 and log 3 are a quarter and three quarters."""

    def judge(inputs: Tensor) -> Tensor:
        return torch.tensor([[1.0, 3.0]]).log().expand(len(inputs), 2)

    found = judged(judge, INPUTS, {"classes": ["a", "b"]}, Context(batch_size=3))
    assert found == pytest.approx(np.array([[0.25, 0.75]] * 10))


@pytest.mark.parametrize(
    ("judge", "facts", "told"),
    [
        (sums, {}, "the reference data lack the fact 'classes', which a judge needs"),
        (sums, {"classes": "abc"}, r"the judge returned \[10, 2\] for 10 samples and 3 classes"),
        (lambda x: sums(x) / 0, {"classes": "ab"}, "the judge returned logits that are not finite"),
    ],
)
def test_what_a_judge_returns_is_checked(judge: Any, facts: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidOutput, match=told):
        judged(judge, INPUTS, facts, Context())


def test_columns_compare_what_was_judged_with_what_was_asked() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]], dtype=np.float32)
    asked = Conditions("classes", None, [None] * 3, [0, 0, None], {})
    found = judged_columns(probabilities, asked, {"attributes": {"colour": ["red", "blue"]}})
    assert found["judged"].tolist() == [0, 1, 1]
    assert found["judge_confidence"].tolist() == pytest.approx([0.9, 0.8, 0.6])
    assert found["correct_condition"] == [True, False, None]
    assert found["asked.colour"] == ["red", "red", None]
    assert found["judged.colour"] == ["red", "blue", "blue"]
