"""How much of a text was changed, against the textbook's table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_language.tasks import edit_distance as edits
from harness_language.tasks.edit_distance import edit_distance, edited_share

words = st.text(alphabet="ab с\U0001f600", max_size=12)


def slow_distance(a: str, b: str) -> int:
    """Wagner & Fischer 1974, cell by cell."""
    table = [[i + j if i * j == 0 else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            changed = table[i - 1][j - 1] + (a[i - 1] != b[j - 1])
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, changed)
    return table[-1][-1]


@given(words, words)
def test_the_distance_is_that_of_the_table(a: str, b: str) -> None:
    assert edit_distance(a, b) == slow_distance(a, b) == edit_distance(b, a)


@given(words, words, st.integers(1, 3))
def test_the_width_of_the_first_band_does_not_matter(a: str, b: str, width: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(edits, "_FIRST_BAND", width)
        assert edit_distance(a, b) == slow_distance(a, b)


def test_long_texts_that_differ_a_lot() -> None:
    """Far from the diagonal: what one begins with, the other ends with."""
    assert edit_distance("a" * 300 + "b" * 300, "b" * 300) == 300
    assert edit_distance("x" * 200 + "abc" * 100, "abc" * 100 + "y" * 200) == 400


def test_published_distances() -> None:
    assert edit_distance("kitten", "sitting") == 3
    assert edit_distance("intention", "execution") == 5
    assert edit_distance("", "abc") == edit_distance("abc", "") == 3


def test_the_share_is_of_the_longer_text() -> None:
    assert edited_share("abcd", "abxde") == 2 / 5
    assert edited_share("", "") == 0
    assert edited_share("", "ab") == 1
