"""Hostile suites: exit code 2 with a located error, nothing run, nothing internal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cli.conftest import COINS, Say

BASE = COINS.strip()


def with_(old: str, new: str) -> str:
    assert old in BASE
    return BASE.replace(old, new)


SUITES = {
    "nothing": "",
    "a list": "[]",
    "a number": "3",
    "a text": "suite",
    "bytes of no text": "suite: \x00",
    "two documents": f"{BASE}\n---\n{BASE}",
    "a python object": with_("data: throws", "data: !!python/object/apply:os.system [id]"),
    "a python name": with_("data: throws", "data: !!python/name:os.system"),
    "a tag of its own": with_("data: throws", "data: !own throws"),
    "an alias bomb": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "\n".join(f"{c}: &{c} [{', '.join([f'*{b}'] * 9)}]" for b, c in zip("abcdefg", "bcdefgh", strict=True)),
    "an alias of itself": "suite: &a [*a]",
    "a key twice": f"{BASE}\nsuite: other",
    "a key that is a list": "[a, b]: c",
    "deep": "a: " + "[" * 5000 + "]" * 5000,
    "deep mappings": "a: " + "{a: " * 3000 + "}" * 3000,
    "unclosed": "suite: {a: [",
    "a tab": "suite:\n\t- x",
    "merge keys": "<<: [1, 2]\nsuite: s",
    "an unknown key": f"{BASE}\nunknown: 1",
    "half a character": with_("suite: coins", 'suite: "\\ud800"'),
    "an empty name": with_("suite: coins", "suite: ''"),
    "a name that leads out": with_("suite: coins", "suite: ../../x"),
    "an absolute name": with_("suite: coins", "suite: /etc/x"),
    "a name of the store": with_("suite: coins", "suite: store"),
    "a number for models": f"{BASE}\n".replace(BASE[BASE.index("models") : BASE.index("attacks")], "models: 3\n"),
    "no models": BASE.replace(BASE[BASE.index("models") : BASE.index("attacks")], "models: []\n"),
    "a model that is not there": with_("use: coin, as: fair", "use: coyn, as: fair"),
    "a model of another kind": with_("use: coin, as: fair", "use: wind, as: fair"),
    "an import path for a model": with_("use: coin, as: fair", "use: os:system, as: fair"),
    "an unknown parameter": with_("heads: 6", "heads: 6, tails: 4"),
    "a text for a number": with_("heads: 6", "heads: six"),
    "a huge number": with_("heads: 6", f"heads: {'1' * 5000}"),
    "a float for a whole number": with_("heads: 6", "heads: 6.5"),
    "NaN": with_("heads: 6", "heads: .nan"),
    "a mapping for a number": with_("heads: 6", "heads: {a: 1}"),
    "a component for a number": with_("heads: 6", "heads: {use: wind}"),
    "a choice that is none": with_("heads: 6", "heads: 6, metal: lead"),
    "equal labels": with_("as: bent", "as: fair"),
    "a seed that is text": f"{BASE}\nseeds: [x]",
    "a seed of 5000 digits": f"{BASE}\nseeds: [{'1' * 5000}]",
    "a negative limit": with_("data: throws", "data: {use: throws, limit: -1}"),
    "a metric that is not there": with_("metrics: [heads]", "metrics: [tails]"),
    "an expectation of nothing": f"{BASE}\nexpect: [{{metric: tails, at_least: 0}}]",
    "extends itself": "extends: bad.yaml\nsuite: s",
    "extends a device": "extends: /dev/zero\nsuite: s",
    "extends a list": "extends: [a, b]\nsuite: s",
    "extends what is not there": "extends: absent.yaml\nsuite: s",
    "an unset variable": with_("data: throws", "data: {use: throws, with: {n: $ABSENT}}"),
}


@pytest.mark.parametrize("name", SUITES)
def test_it_is_refused_in_words(name: str, say: Say, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_bytes(SUITES[name].encode("utf-8", "surrogatepass"))
    before = sorted(tmp_path.iterdir())
    said = say("plan", "bad.yaml")
    assert said.code == 2, said
    assert said.out == ""
    assert re.match(r"error: .*(bad\.yaml|/dev/zero|absent\.yaml|\[a, b\])", said.err), said.err
    assert len(said.err) < 2500
    assert sorted(tmp_path.iterdir()) == before
