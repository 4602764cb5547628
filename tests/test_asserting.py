"""What counts as an assertion."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from asserting import is_always_true, without_assertion

HELPER = """
def checked(value):
    assert value == 3

def shown(value):
    print(value)

def deep(value):
    return checked(value)
"""


@pytest.mark.parametrize(
    "body",
    [
        "assert f(1) == 2",
        "assert x",
        "assert f(1) == f(1)",
        "assert isinstance(x, str) and x == 'a'",
        "assert isinstance(x, str)\n    assert x",
        "with pytest.raises(ValueError): f()",
        "with pytest.warns(UserWarning), other(): f()",
        "benchmark(f)",
        "jsonschema.validate({}, schema)",
        "np.testing.assert_allclose(x, y)",
        "for x in y:\n        assert x",
        "def inner():\n        assert x\n    f(inner)",
        "local(3)",
        "thing.local(3)",
        "outer(3)",
        "checked(3)",
        "deep(3)",
        "assert_same_records(a, b)",
        "if x: raise AssertionError('no')",
        "pytest.fail('no')",
    ],
)
def test_what_can_fail(tmp_path: Path, body: str) -> None:
    assert without(tmp_path, body) == []


@pytest.mark.parametrize(
    "body",
    [
        "f(1)",
        "f(1)  # assert f(1) == 2",
        "'assert f(1) == 2'",
        "assert True",
        "assert 1 == 1",
        "assert 'a text'",
        "assert (f(1), 'an error')",
        "assert x == x",
        "assert f(1) == 2 or True",
        "assert (x for x in y)",
        "assert f'{x}'",
        "assert isinstance(x, str)",
        "assert isinstance(x, str) and isinstance(y, int)",
        "assert all(isinstance(x, str) for x in y)",
        "assert type(x) is str",
        "raises = pytest.raises",
        "with suppress(ValueError): f()",
        "shown(3)",
        "silent(3)",
        "again(3)",
        "assertion = 3",
        "raise ValueError",
    ],
)
def test_what_cannot(tmp_path: Path, body: str) -> None:
    assert without(tmp_path, body) == ["test_it"]


def without(folder: Path, body: str) -> list[str]:
    (folder / "tests" / "inner").mkdir(parents=True)
    (folder / "tests" / "inner" / "helper.py").write_text(HELPER, encoding="utf-8")
    (folder / "tests" / "test_some.py").write_text(
        f"""
from elsewhere import unknown
from harness.testing import assert_same_records
from inner.helper import checked, deep, shown

def test_it():
    {body}

def local(value):
    assert value == 3

def outer(value):
    return [local(value)]

def silent(value):
    return value

def again(value):
    return again(value - 1)

class Thing:
    def test_like_method(self):
        assert self.value
""",
        encoding="utf-8",
    )
    return without_assertion(folder / "tests" / "test_some.py", (folder / "tests",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("()", False),
        ("[]", False),
        ("{}", False),
        ("{1: x}", True),
        ("x <= x", True),
        ("x < x", False),
        ("not x", False),
    ],
)
def test_forms_that_are_always_true(text: str, expected: bool) -> None:
    parsed = ast.parse(text, mode="eval").body
    if expected:
        assert is_always_true(parsed)
    else:
        # An empty display names nothing, and a constant that is false would fail by itself.
        assert not is_always_true(parsed) or not ast.unparse(parsed).strip("()[]{}")
