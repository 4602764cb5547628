"""Truth values that answers state."""

from __future__ import annotations

import pytest

from harness_language.tasks.answer_extraction import extract, is_of_kind, same_value
from harness_language.tasks.truth_values import truth_of_word

STATED = [
    # Marked: the marker decides, whatever was weighed before.
    ("Yes, dogs are animals. But fish are not. So the answer is no.", "false"),
    ("So the answer (Yes or No) is no.", "false"),
    ("Therefore, the answer (Yes or No) is Yes.", "true"),
    ("Answer: No", "false"),
    ("**Answer:** Yes", "true"),
    ("Answer\uff1a yes", "true"),
    ("Answer:\n\nYes, it is.", "true"),
    (r"\boxed{True}", "true"),
    (r"\boxed{\text{No}}", "false"),
    ("#### yes", "true"),
    ("A: yes", "true"),
    ("The answer is not true.", "false"),
    ("Thus, the answer is not no", "true"),
    ("The answer is (No).", "false"),
    ("the answer is no because it rains and yes is wrong", "false"),
    ("The answer is no doubt yes", "true"),
    ("Therefore the answer is: not correct", "false"),
    ("The answer to the question is yes", "true"),
    ("true story: he left. Answer: false.", "false"),
    ("Is it yes? The final answer is **no**.", "false"),
    ("He was right. Answer: Yes", "true"),
    # Without a marker: the last that is stated.
    ("First no, then yes", "true"),
    ("no\n\nyes", "true"),
    ("No one can lift it. Thus, yes.", "true"),
    ("Yes. There is no doubt that he did.", "true"),
    ("Well, YES: no doubt", "true"),
    ("Yes or no? No.", "false"),
    ("No. It is true that cats are animals, but dogs are not cats.", "false"),
    ("Yes we can", "true"),
    ("No it isn't", "false"),
    ("So no.", "false"),
    ("*Yes*", "true"),
    ("yes", "true"),
    ("NO", "false"),
    ("false!", "false"),
    ("Nope.", "false"),
    # Predicates and negations.
    ("It is false", "false"),
    ("That is not true.", "false"),
    ("Not true", "false"),
    ("This isn't correct.", "false"),
    ("This isn\u2019t correct", "false"),
    ("It can't be true.", "false"),
    ("It is incorrect", "false"),
    ("The statement is untrue.", "false"),
    ("is not false", "true"),
    ("So it is not necessarily true.", "false"),
    ("The claim is wrong.", "false"),
    ("That's right.", "true"),
    ("The sky is blue and it is true", "true"),
    ("Is the statement correct? Incorrect.", "false"),
    # Nothing is stated.
    ("know nothing", None),
    ("No human has ever done it", None),
    ("a true friend", None),
    ("yes/no", None),
    ("", None),
]


@pytest.mark.parametrize(("answer", "value"), STATED)
def test_the_marked_truth_value_or_the_last_one(answer: str, value: str | None) -> None:
    found = extract(answer, "auto", "boolean")
    assert (found.value, found.method) == (value, "boolean")
    if value is not None:
        assert found.start is not None
        assert found.end is not None
        assert truth_of_word(answer[found.start : found.end].replace("\u2019", "'").strip()) == value


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("true", "Yes", True), ("false", "not true", True), ("true", "incorrect", False), ("false", "NO.", True)],
)
def test_when_two_truth_values_are_the_same(one: str, other: str, same: bool) -> None:
    assert same_value(one, other, "boolean") is same


def test_what_is_a_truth_value() -> None:
    assert [is_of_kind(text, "boolean") for text in ("Yes", "untrue", "maybe", "1")] == [True, True, False, False]
