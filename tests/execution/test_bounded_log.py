"""A log that keeps the beginning and the end of a flood."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.execution.bounded_log import BoundedLog


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_little_is_kept_whole(parts: list[bytes]) -> None:
    log = BoundedLog()
    for part in parts:
        assert log.write(part) == len(part)
    assert log.content() == b"".join(parts)


def test_a_flood_keeps_its_ends_and_counts_what_is_missing() -> None:
    log = BoundedLog()
    for number in range(20_000):
        log.write(f"line {number:06d} {'x' * 87}\n")
    content = log.content()
    assert len(content) < 450_000
    assert content.startswith(b"line 000000 ")
    assert content.endswith(b"x\n")
    assert b"line 019999 " in content
    (missing,) = [line for line in content.splitlines() if b"bytes left out" in line]
    kept = len(content) - len(b"\n" + missing + b"\n")
    assert int(missing.split()[1]) + kept == 20_000 * 100


def test_text_and_bytes_may_be_mixed() -> None:
    log = BoundedLog()
    log.write("ä")
    log.write(b"\xff")
    assert log.content() == "ä".encode() + b"\xff"
