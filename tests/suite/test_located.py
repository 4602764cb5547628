"""YAML that knows where everything stands."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.contract.errors import SuiteError
from harness.suite.located import Mark, Problem, parse_yaml


def parse(text: str) -> object:
    return parse_yaml(text, "t.yaml").data


def message(text: str) -> str:
    with pytest.raises(SuiteError) as caught:
        parse(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("-2.5", -2.5),
        (".5", 0.5),
        ("7", 7),
        ("017", 17),
        ("0o17", 15),
        ("0x1f", 31),
        ("true", True),
        ("no", "no"),
        ("on", "on"),
        ("10:30", "10:30"),
        ("8/255", "8/255"),
        ("2026-11-23", "2026-11-23"),
        ("1_000", "1_000"),
        ("~", None),
        ("'1e-3'", "1e-3"),
        ('"true"', "true"),
        ("-.inf", -math.inf),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    """PyYAML's own rules make 1e-3 a string, 10:30 the number 630 and `no` False."""
    assert parse(f"a: {text}") == {"a": value}
    assert type(parse(f"a: {text}")["a"]) is type(value)  # type: ignore[index]


def test_every_part_knows_its_place() -> None:
    located = parse_yaml("a:\n  - {b: 1}\n  - c\n", "t.yaml")
    assert located.where(("a",)) == Mark("t.yaml", 1, 1)
    assert located.where(("a", 0, "b")) == Mark("t.yaml", 2, 6)
    assert located.where(("a", 1)) == Mark("t.yaml", 3, 5)
    assert located.where(("a", 1, "not", "there")) == Mark("t.yaml", 3, 5)


def test_errors_look_like_a_compilers() -> None:
    located = parse_yaml("suite: x\ndevces: [cpu]\n", "bad.yaml")
    shown = located.problem(("devces",), "unknown key 'devces'", "did you mean 'devices'?").render(
        "suite: x\ndevces: [cpu]\n"
    )
    assert shown.splitlines() == [
        "bad.yaml:2:1: devces: unknown key 'devces'",
        "    2 | devces: [cpu]",
        "      | ^",
        "      = did you mean 'devices'?",
    ]


def test_duplicate_keys_name_both_lines() -> None:
    told = message("a: 1\nb: 2\na: 3\n")
    assert "t.yaml:3:1: a: key 'a' is given twice" in told
    assert "first given on line 1" in told


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system", "!custom", "!!binary", "!!set"])
def test_foreign_tags_are_refused(tag: str) -> None:
    told = message(f"a: {tag} ['echo']\n" if tag != "!!binary" else "a: !!binary aGk=\n")
    assert "t.yaml:1:4: a: the tag" in told
    assert "is not allowed" in told


def test_an_alias_bomb_is_refused_quickly() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n"
    for before, name in zip("abcdefg", "bcdefgh", strict=True):
        bomb += f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
    started = time.monotonic()
    assert "expands to more than" in message(bomb)
    assert time.monotonic() - started < 5


def test_an_alias_that_contains_itself_is_refused() -> None:
    assert "an alias contains itself" in message("a: &a [1, *a]\n")


def test_honest_aliases_work() -> None:
    assert parse("a: &a [1, 2]\nb: *a\n") == {"a": [1, 2], "b": [1, 2]}


def test_merge_keys_are_refused() -> None:
    assert "merge keys are not supported" in message("a: &a {x: 1}\nb:\n  <<: *a\n")


@pytest.mark.parametrize("text", ["a: [1, 2\n", "a: b: c\n", "\ta: 1\n", "a: 'x\n", "- a\nb: 1\n"])
def test_broken_yaml_is_placed(text: str) -> None:
    told = message(text)
    assert told.startswith("t.yaml:")
    assert "not YAML" in told
    assert "^" in told


def test_deep_nesting_is_an_error_and_no_crash() -> None:
    assert "t.yaml" in message("[" * 100_000)


def test_an_empty_file_says_what_it_needs() -> None:
    assert "the file is empty" in message("\n# nothing\n")


def test_two_documents_are_refused() -> None:
    assert "not YAML" in message("a: 1\n---\nb: 2\n")


scalars = st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.floats(allow_nan=False, allow_infinity=False)
keys = st.text("abcdefghij", min_size=1, max_size=8)
documents = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))


@given(st.dictionaries(keys, documents, min_size=1, max_size=4))
def test_plain_values_survive(document: dict[str, object]) -> None:
    """What PyYAML writes for plain values is read back unchanged."""
    import yaml

    read = parse(yaml.safe_dump(document))
    assert read == document


def test_of_a_long_line_the_part_around_the_mistake_is_shown() -> None:
    line = "a" * 1000 + "b" + "c" * 1000
    head, part, caret = Problem(Mark("f", 1, 1001), (), "no").render(line).splitlines()
    assert head == "f:1:1001: no"
    assert part == f"    1 | {'a' * 100}b{'c' * 99}"
    assert part[caret.index("^")] == "b"
