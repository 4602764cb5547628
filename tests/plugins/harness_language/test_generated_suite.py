"""Generated questions, metrics of confidence and emergence in a suite, from training to table."""

from __future__ import annotations

from collections.abc import Callable

from harness import Run
from harness.api import Status

KNOWLEDGE = """
suite: knowledge
task: {use: answer, with: {max_tokens: 12}}
threads: 1
data: {use: knowledge_base, with: {people: 20, n: 20}, sweep: {part: [seen, unseen, made_up]}}
models: [{use: ngram, with: {order: 8}, trained_on: {use: knowledge_base, with: {people: 20}}}]
metrics: [exact_match, confident_errors, ece, ece_null, brier, aurc]
"""

SIZES = """
suite: sizes
task: {use: answer, with: {max_tokens: 4}}
threads: 1
seeds: [0, 1]
data: {use: arithmetic, with: {digits: [2], n: 20}}
models:
  - use: byte_gpt
    sweep: {width: [2, 4, 8]}
    with: {depth: 1, heads: 1, context: 16, steps: 2, batch: 64}
    trained_on: {use: arithmetic, with: {digits: 2, n: 50}}
metrics: [exact_match, answer_likelihood]
aggregates: [emergence]
reports: [emergence_curve]
"""

CLASSIFY = """
suite: sure
task: classify
threads: 1
data: {use: digits, limit: 120}
models: [{use: digit_linear, with: {epochs: 30}}]
metrics: [ece, ece_null, brier, aurc, confident_errors]
"""


def test_a_world_is_learned_and_asked_about(run: Callable[..., Run]) -> None:
    found = run(KNOWLEDGE)
    assert found.exit_code == 0
    parts = {part: found.row(data=f"knowledge_base part={part}") for part in ("seen", "unseen", "made_up")}
    assert len({row.key for row in parts.values()}) == 3
    for row in parts.values():
        assert row.n == 20
        assert row.estimates["brier"].value is not None
        assert row.estimates["ece_null"].n == 20
    # Whoever never learned to say "unknown" is wrong about everybody who does not exist.
    assert parts["made_up"].estimates["exact_match"].value == 0


def test_sizes_make_a_curve_and_a_picture(run: Callable[..., Run]) -> None:
    found = run(SIZES)
    assert found.exit_code == 0
    derived = [row for row in found.rows if row.derived]
    assert [row.status for row in derived] == [Status.OK] * 3
    assert "is not reached" in derived[0].estimates["size_at_threshold"].reason
    assert derived[2].labels["model"] == "byte_gpt over width: jump not resolved"
    assert (found.folder.path / "emergence.png").stat().st_size > 5000


def test_classifiers_have_confidences_too(run: Callable[..., Run]) -> None:
    found = run(CLASSIFY)
    assert found.exit_code == 0
    (row,) = found.rows
    assert all(row.estimates[name].value is not None for name in ("ece", "ece_null", "brier", "aurc"))
    assert 0 < row.estimates["ece"].value < 0.5  # type: ignore[operator]
