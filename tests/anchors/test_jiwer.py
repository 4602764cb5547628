"""Word errors against jiwer's own rate of a whole corpus, empty transcripts among them."""

from __future__ import annotations

import numpy as np
import pytest

from harness.api import Records
from harness_fairness.metrics.transcripts import Wer

jiwer = pytest.importorskip("jiwer")

WORDS = ["a", "b", "c", "dé", "हिन्दी"]


def transcripts(seed: int, n: int = 40) -> list[str]:
    rng = np.random.default_rng(seed)
    # The first few are empty.
    return [" ".join(rng.choice(WORDS, size=0 if i < n // 8 else rng.integers(0, 6))) for i in rng.permutation(n)]


@pytest.mark.parametrize("seed", range(5))
def test_the_rate_of_a_corpus_is_that_of_jiwer(seed: int) -> None:
    references, hypotheses = transcripts(seed), transcripts(seed + 100)
    records = Records.of(
        {"id": [str(i) for i in range(len(references))], "reference": references, "hypothesis": hypotheses}
    )
    estimate = Wer().estimate(records)
    assert estimate.value == pytest.approx(jiwer.wer(references, hypotheses), abs=1e-12)
    assert (estimate.n, estimate.n_missing) == (len(references), 0)
