"""Names that leave warn where they are used, with what to use instead, and are gone after two minor releases."""

from __future__ import annotations

import warnings

import pytest

import harness.api as api
from harness.api import API_VERSION, deprecated
from harness.api.versions import LEAVING


@deprecated("math.hypot", since=(1, 2))
def length(x: float, y: float) -> float:
    """The length of a vector."""
    return (x * x + y * y) ** 0.5


def test_a_call_says_what_to_use_and_since_when() -> None:
    with pytest.warns(DeprecationWarning, match="length is deprecated") as told:
        assert length(3.0, 4.0) == 5.0
    (warning,) = told
    assert str(warning.message).endswith(
        "length is deprecated since harness.api 1.2, use math.hypot; it is kept until 1.4"
    )
    assert warning.filename == __file__
    assert length.__doc__ == "The length of a vector."


def test_each_place_is_told_once() -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default")
        for _ in range(3):
            length(1.0, 1.0)
        length(1.0, 1.0)
    assert len(told) == 2


@pytest.mark.parametrize("name", LEAVING)
def test_a_name_that_has_moved_still_works(name: str) -> None:
    with pytest.warns(DeprecationWarning, match=f"use {LEAVING[name][0]}"):
        assert getattr(api, name).__name__ == name


def test_a_name_that_never_was_is_an_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'harness.api' has no attribute 'nearness'"):
        _ = api.nearness


def test_what_was_to_leave_by_now_has_left() -> None:
    """When this fails, take the names out of `LEAVING` and raise the major of `API_VERSION`."""
    overdue = [name for name, (_, (major, minor)) in LEAVING.items() if (major, minor + 2) <= API_VERSION]
    assert overdue == []
