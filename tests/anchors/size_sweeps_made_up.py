"""Made-up cells of a model at several sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.api import Estimate, MeasuredCell, Records, Row, Status, proportion

TOKENS = 4
Floats = npt.NDArray[np.float64]


def cell(size: float, seed: int, correct: Any, per_token: Any, **changes: Any) -> MeasuredCell:
    """A cell whose prompts were answered rightly or not, with a likelihood of each token of the right answer."""
    n = len(correct)
    columns = {"correct": correct, "expected_nll": -TOKENS * np.log(per_token), "expected_tokens": [TOKENS] * n}
    records = Records.of({"id": [str(i) for i in range(n)], **columns})
    likelihood = float(np.exp(np.mean(np.log(per_token))))
    estimates = {
        "exact_match": proportion(int(np.sum(correct)), n),
        "answer_likelihood": Estimate(likelihood, likelihood, likelihood, 0.95, "m", n),
    }
    fields: dict[str, Any] = {
        "experiment": "e",
        "labels": {"model": f"gpt width={size:g}", "data": "sums", "attack": "none"},
        "seed": seed,
        "status": Status.OK,
        "estimates": estimates,
        "n": n,
        "comparability": {"task": {}, "data": {}, "protocol": {"max_tokens": 8}},
        "components": {"model": {"name": "x/gpt", "parameters": {"width": size, "depth": 2}}, "data": {"name": "sums"}},
    }
    return MeasuredCell(Row(**{**fields, **changes}), "", lambda: records)


def cells(
    per_token: Callable[[float], float],
    exact: Callable[[float], float] | None = None,
    *,
    sizes: Sequence[float] = (8, 16, 32, 64, 128, 256),
    seeds: int = 3,
    n: int = 200,
    spread: float = 0.3,
    rng: np.random.Generator | None = None,
) -> list[MeasuredCell]:
    """A sweep; the likelihood of a token depends on log2(size), moved by a normal draw for each training run."""
    rng = rng or np.random.default_rng(0)
    found = []
    for size in sizes:
        for seed in range(seeds):
            x = np.log2(size) + rng.normal(0, spread)
            p = per_token(x)
            right = p**TOKENS if exact is None else exact(x)
            found.append(cell(size, seed, rng.random(n) < right, np.full(n, p)))
    return found
