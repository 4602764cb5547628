"""Patterns of labels."""

from __future__ import annotations

import pytest

from harness.suite.patterns import matches


@pytest.mark.parametrize(
    ("label", "pattern", "expected"),
    [
        ("net share=1", "net share=1.0", True),
        ("net share=1", "net share=1", True),
        ("net share=1", "net share=1e0", True),
        ("p eps=0.03137 steps=5", "p eps=.03137 steps=*", True),
        ("p eps=0.03137", "p eps=0.031370", True),
        ("net share=1", "net share=1.5", False),
        ("net share=1.5", "net share=1.*", True),
        ("net n=12345", "net n=12345", True),
        ("net n=12345", "net n=12346", False),
        ("net lr=1e-05", "net lr=0.00001", True),
        ("digits", "digits*", True),
        ("v1.0", "v1", False),  # a name, not a value
    ],
)
def test_numbers_match_in_any_spelling(label: str, pattern: str, expected: bool) -> None:
    assert matches({"model": label}, {"model": pattern, "data": "*"}) is expected
