"""Letters of choices."""

from __future__ import annotations

import pytest

from harness_language.tasks.answer_extraction import extract, is_of_kind, same_value

NAMED = [
    ("(B)", "B"),
    ("B.", "B"),
    ("B", "B"),
    ("a", "A"),
    ("a)", "A"),
    ("[B]", "B"),
    ("\uff08\uff22\uff09", "B"),
    ("**B**", "B"),
    ("B: Paris", "B"),
    ("A) Paris", "A"),
    ("A. I say", "A"),
    ("C\nBecause A is not.", "C"),
    ("Answer: B", "B"),
    ("Answer: a", "A"),
    ("answer is b", "B"),
    ("Answer\uff1a\uff23", "C"),
    ("**Answer: D**", "D"),
    ("**Answer:** (D)", "D"),
    ("Answer: B. A dog", "B"),
    (r"\boxed{B}", "B"),
    (r"\boxed{\text{B}}", "B"),
    (r"$\boxed{\textbf{(B)}}$", "B"),
    ("The answer is\n\n**B**", "B"),
    ("The answer is (c)", "C"),
    ("The answer is A.", "A"),
    ("The answer is A because it fits", "A"),
    ("The answer is option (A).", "A"),
    ("The correct answer is **B) Paris**.", "B"),
    ("The answer is not B, it is (C).", "C"),
    ("It could be A or B, so the answer is C", "C"),
    ("Therefore, among A through E, the answer is E.", "E"),
    ("My answer is: B!", "B"),
    ("option B", "B"),
    ("The correct option is D", "D"),
    ("I'd go with choice E.", "E"),
    ("Option A is wrong. Option B is right.", "B"),
    ("I think it is B", "B"),
    ("I choose B, a city", "B"),
    ("Not B but C.", "C"),
    ("Let's see. A is wrong. Then B", "B"),
    ("After all, A is the answer.", "A"),
    ("(A) is false, (B) is true", "B"),
    ("A dog is an animal.", None),
    ("The answer is A dog.", None),
    ("I am sure.", None),
    ("\u9009B", "B"),
    ("", None),
]


@pytest.mark.parametrize(("answer", "value"), NAMED)
def test_the_letter_of_a_choice(answer: str, value: str | None) -> None:
    found = extract(answer, "letter")
    assert (found.value, found.method) == (value, "letter")
    assert extract(answer, "auto", "letter") == found


def test_letters_are_the_same_whatever_is_around_them() -> None:
    assert same_value("B", "(b)", "letter")
    assert not same_value("B", "C", "letter")
    assert [is_of_kind(text, "letter") for text in ("B.", "(c)", "BC", "7")] == [True, True, False, False]
