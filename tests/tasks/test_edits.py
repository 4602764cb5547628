"""How much of a text was changed, against the textbook's table."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.tasks.edits import edit_distance, edited_share

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


def test_published_distances() -> None:
    assert edit_distance("kitten", "sitting") == 3
    assert edit_distance("intention", "execution") == 5
    assert edit_distance("", "abc") == edit_distance("abc", "") == 3


def test_the_share_is_of_the_longer_text() -> None:
    assert edited_share("abcd", "abxde") == 2 / 5
    assert edited_share("", "") == 0
    assert edited_share("", "ab") == 1
