"""Messages of errors."""

from __future__ import annotations

from harness.api import cause_of


def test_the_message_of_another_library_stands_on_one_line_and_is_cut_off() -> None:
    assert cause_of(ValueError("no such\n  key:\tx")) == "no such key: x"
    assert cause_of(ValueError("ab" * 400), 5) == "ababa"
    assert len(cause_of(ValueError("a" * 400))) == 300
