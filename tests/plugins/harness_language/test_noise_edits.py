"""Edits that noise counts where it makes them, against the edit distance on windows of the same text."""

from __future__ import annotations

from collections.abc import Sequence
from pydoc_data.topics import topics
from typing import Any

import pytest

from harness.api import Context, Edited, Examples, InvalidOutput, TextBatch
from harness_language.models.uniform import Uniform
from harness_language.noise import Homoglyphs, Leetspeak, RandomCase, Typos, Whitespace, WordDrop, WordSwap
from harness_language.tasks import edit_distance as distances
from harness_language.tasks.answer import Answer
from harness_language.tasks.edit_distance import edit_distance, edited_share, edits_between
from harness_language.tasks.score_text import Language

NOISES: Sequence[type[Any]] = (Typos, Leetspeak, Homoglyphs, RandomCase, Whitespace, WordDrop, WordSwap)
PROSE = " ".join(topics[name] for name in sorted(topics))


def noisy(noise: Any, text: str, name: str = "a") -> Edited:
    ((found,),) = noise.rewrite(None, TextBatch([name], [text], [None]), Context())
    assert isinstance(found, Edited)
    return found


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("rate", [0.0, 0.05, 0.3])
def test_the_count_is_the_distance_on_windows(noise: type[Any], rate: float) -> None:
    """The count is of edits that were made. Fewer may do where a moved space or word is like its neighbours."""
    counted, least = 0, 0
    for start in range(0, 12_000, 600):
        window = PROSE[start : start + 600]
        changed = noisy(noise(rate), window, str(start))
        assert changed.edits >= edit_distance(window, changed)
        counted += changed.edits
        least += edit_distance(window, changed)
    assert counted == pytest.approx(least, rel=0.12 if noise in (Whitespace, WordSwap) else 0.01)
    assert (counted > 0) == (rate > 0)


@pytest.fixture
def cells(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The size of every table that is filled, in cells: rows times the band around the diagonal."""
    sizes: list[int] = []
    last_row = distances._last_row

    def counted(one: Any, other: Any, beside: int) -> Any:
        sizes.append(len(one) * min(len(other), abs(len(other) - len(one)) + 2 * beside))
        return last_row(one, other, beside)

    monkeypatch.setattr(distances, "_last_row", counted)
    return sizes


@pytest.mark.parametrize("noise", [Typos, Whitespace, WordDrop])
def test_a_long_document_takes_no_more_steps_than_its_windows(noise: type[Any], cells: list[int]) -> None:
    steps = []
    for length in (50_000, 200_000):
        text = PROSE[:length]
        changed = noisy(noise(0.1), text)
        cells.clear()
        assert edited_share(text, changed) == changed.edits / max(len(text), len(changed))
        steps.append(sum(cells))
    assert steps[1] == pytest.approx(steps[0], rel=0.01)


@pytest.mark.parametrize("noise", [Typos, WordDrop, WordSwap])
def test_what_nobody_counted_is_compared_piece_by_piece_in_linear_time(noise: type[Any], cells: list[int]) -> None:
    steps = []
    for length in (15_000, 60_000):
        text = PROSE[:length]
        changed = noisy(noise(0.1), text)
        cells.clear()
        found = edits_between(text, str(changed))
        steps.append(sum(cells))
        assert found == pytest.approx(changed.edits, rel=0.05)
    assert steps[1] < 6 * steps[0]


def test_pieces_of_texts_that_have_little_in_common(cells: list[int]) -> None:
    assert edits_between("a" * 9000, "b" * 9000) == 9000
    assert edits_between("ab" * 5000, "ab" * 5000) == 0
    long = "x" * 200_000
    assert edits_between("abc", f"abc{long}") == len(long)
    # What is put in the middle of a text is found, or at most everything after it counts.
    text = PROSE[:20_000]
    assert 100 <= edits_between(text, f"{text[:9000]}{'#' * 100}{text[9000:]}") <= 120


@pytest.mark.parametrize("wrong", [0, 5, 900])
def test_a_count_that_cannot_be_is_refused(wrong: int) -> None:
    text = PROSE[:20_000]
    shouted = text[:1500].upper() + text[1500:]
    assert edit_distance(text[:1500], text[:1500].upper()) > wrong
    with pytest.raises(InvalidOutput, match=f"says that {wrong} edits were made, and at least"):
        edited_share(text, Edited(shouted, wrong))
    with pytest.raises(InvalidOutput, match="at least 100 were"):
        edited_share(text, Edited(text + "!" * 100, 99))


def test_records_hold_the_count(cells: list[int]) -> None:
    text = PROSE[:30_000]
    columns = {"texts": [text]}
    language = Language().run(Uniform(), Examples(["long"], columns), Typos(0.2), Context())
    counted = noisy(Typos(0.2), text, "long").edits / len(text)
    assert language.records["edited"] == [counted]
    asked = Examples(["long"], {"prompts": [text], "answers": [None]})
    answer = Answer(max_tokens=1).run(Uniform(), asked, Typos(0.2), None, Context())
    assert answer.records["edited"] == [counted]
    assert sum(cells) < len(text) ** 2 / 20
