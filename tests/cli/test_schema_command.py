"""`harness schema` as a user meets it."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
import yaml

from cli.conftest import COINS, MIXED, Say


@pytest.fixture
def schema(say: Say) -> dict[str, Any]:
    said = say("schema")
    assert (said.code, said.err) == (0, "")
    found: dict[str, Any] = json.loads(said.out)
    jsonschema.Draft202012Validator.check_schema(found)
    return found


@pytest.mark.parametrize("text", [COINS, MIXED])
def test_suites_that_run_are_valid(schema: dict[str, Any], text: str) -> None:
    jsonschema.validate(yaml.safe_load(text), schema)
    assert "coin" in json.dumps(schema)


@pytest.mark.parametrize(
    ("old", "new"),
    [("heads: 6", "haeds: 6"), ("heads: 6", "heads: many"), ("task: toss", "tsak: toss")],
)
def test_mistakes_are_not(schema: dict[str, Any], old: str, new: str) -> None:
    assert old in COINS
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(COINS.replace(old, new)), schema)


def test_only_what_ships_with_harness(say: Say) -> None:
    """As in the committed file, which no installed plugin may change."""
    text = say("schema", "--first-party").out
    assert json.loads(text)["title"] == "harness suite"
    assert "A coin." not in text
    assert '"coin"' not in text
