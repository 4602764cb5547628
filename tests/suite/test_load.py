"""Reading suites: keys, extends, experiments, names."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.contract.errors import SuiteError
from harness.suite.load import Suite, find_suite, load_suite

GOOD = "suite: s\ntask: classify\ndata: digits\nmodels: [digit_mlp]\nmetrics: [accuracy]\n"


def load(tmp_path: Path, text: str) -> Suite:
    file = tmp_path / "s.yaml"
    file.write_text(text, encoding="utf-8")
    return load_suite(str(file))


def message(tmp_path: Path, text: str) -> str:
    with pytest.raises(SuiteError) as caught:
        load(tmp_path, text)
    return str(caught.value)


def test_short_forms(tmp_path: Path) -> None:
    experiment = load(tmp_path, GOOD).experiments[0].experiment
    assert [entry.use for entry in experiment.data] == ["digits"]
    assert [entry.use for entry in experiment.models] == ["digit_mlp"]
    assert experiment.seeds == [0]


@pytest.mark.parametrize(
    ("text", "place", "told", "hint"),
    [
        (GOOD + "modles: []\n", "s.yaml:6:1: modles", "unknown key 'modles'", "did you mean 'models'?"),
        (GOOD + "extend: x\n", "s.yaml:6:1: extend", "unknown key 'extend'", "did you mean 'extends'?"),
        (GOOD + "seeds: zero\n", "s.yaml:6:1: seeds", "must be a list, not 'zero'", ""),
        (GOOD + "seeds: [0, one]\n", "s.yaml:6:12: seeds.1", "must be a whole number, not 'one'", ""),
        (GOOD + "seeds: [-1]\n", "s.yaml:6:9: seeds.0", "greater than or equal to 0", ""),
        (GOOD + f"seeds: [{10**19}]\n", "s.yaml:6:9: seeds.0", "less than or equal to 9223372036854775807", ""),
        (GOOD + f"seeds: [{'7' * 5000}]\n", "s.yaml:6:9: seeds.0", "a number of 5000 digits is too long", "at most"),
        (GOOD + 'about: "\\uD800"\n', "s.yaml:6:8: about", "holds half of a character, which no file can hold", ""),
        (GOOD.replace("suite: s", "suite: store"), "s.yaml:1:1: suite", "'store' is taken by a folder", ""),
        (GOOD + "seeds: []\n", "s.yaml:6:1: seeds", "at least 1 item", ""),
        (GOOD + "chunk: true\n", "s.yaml:6:1: chunk", "must be a whole number, not True", ""),
        (GOOD + "attacks:\n  - {use: pgd, wth: {eps: 1}}\n", "s.yaml:7:16: attacks.0.wth", "unknown key", "'with'"),
        (GOOD + "attacks:\n  - {with: {eps: 1}}\n", "s.yaml:7:5: attacks.0", "the key 'use' is missing", ""),
        (GOOD + "attacks:\n  - 3\n", "s.yaml:7:5: attacks.0", "a name or a mapping with the key 'use'", ""),
        (GOOD + "attacks:\n  - {use: pgd, with: [1]}\n", "s.yaml:7:16: attacks.0.with", "must be a mapping", ""),
        (GOOD + "attacks:\n  - {use: pgd, sweep: {eps: []}}\n", "s.yaml:7:24", "at least 1 item", ""),
        (GOOD.replace("suite: s", "suite: ../up"), "s.yaml:1:1: suite", "'../up' must be lower-case letters", ""),
        (GOOD.replace("suite: s\n", ""), "s.yaml:1:1", "the key 'suite' is missing", ""),
        (GOOD.replace("metrics: [accuracy]\n", ""), "s.yaml:1:1", "the key 'metrics' is missing", ""),
        (GOOD.replace("task: classify\n", ""), "s.yaml:1:1", "the key 'task' is missing", ""),
        ("- a\n- b\n", "s.yaml:1:1", "must be a mapping of keys", ""),
    ],
)
def test_bad_keys_and_types_are_placed(tmp_path: Path, text: str, place: str, told: str, hint: str) -> None:
    shown = message(tmp_path, text)
    assert place in shown
    assert told in shown
    assert hint in shown
    assert "^" in shown


def test_all_problems_are_shown_at_once(tmp_path: Path) -> None:
    shown = message(tmp_path, GOOD + "seeds: zero\nmodles: []\n")
    assert "seeds" in shown
    assert "modles" in shown


def test_extends_takes_what_is_not_given(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(GOOD, encoding="utf-8")
    suite = load(tmp_path, "extends: base.yaml\nsuite: child\nmodels: [digit_cnn]\n")
    assert suite.head.suite == "child"
    assert [entry.use for entry in suite.experiments[0].experiment.models] == ["digit_cnn"]
    assert suite.experiments[0].experiment.task.use == "classify"


def test_problems_inherited_by_extends_name_the_base_file(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(GOOD + "modles: []\n", encoding="utf-8")
    assert "base.yaml:6:1" in message(tmp_path, "extends: base.yaml\nsuite: child\n")


def test_extends_accepts_a_shipped_suite(tmp_path: Path) -> None:
    suite = load(tmp_path, "extends: smoke\nsuite: child\n")
    assert suite.experiments[0].experiment.task.use == "classify"


def test_extends_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("extends: s.yaml\nsuite: a\n", encoding="utf-8")
    assert "the suite extends itself" in message(tmp_path, "extends: a.yaml\nsuite: s\n")


def test_extends_something_absent_is_placed(tmp_path: Path) -> None:
    shown = message(tmp_path, "suite: s\nextends: nowhere\n")
    assert "s.yaml:2:1: extends" in shown
    assert "there is no suite 'nowhere'" in shown


def test_experiments_override_the_top_level(tmp_path: Path) -> None:
    text = GOOD + "experiments:\n  - {name: one}\n  - {name: two, models: [digit_cnn], seeds: [1]}\n"
    first, second = (loaded.experiment for loaded in load(tmp_path, text).experiments)
    assert ([m.use for m in first.models], first.seeds) == (["digit_mlp"], [0])
    assert ([m.use for m in second.models], second.seeds) == (["digit_cnn"], [1])


@pytest.mark.parametrize(
    ("experiments", "told"),
    [
        ("[{name: one, modles: []}]", "unknown key 'modles'"),
        ("[{name: one, suite: x}]", "unknown key 'suite'"),
        ("[{seeds: [1]}]", "an experiment of several needs a name"),
        ("[{name: one}, {name: one}]", "two experiments are called 'one'"),
        ("[x]", "experiments.0"),
    ],
)
def test_bad_experiments(tmp_path: Path, experiments: str, told: str) -> None:
    assert told in message(tmp_path, f"{GOOD}experiments: {experiments}\n")


def test_bare_names_find_shipped_suites() -> None:
    assert find_suite("robustness").name == "robustness.yaml"


@pytest.mark.parametrize("name", ["robustnes", "../suites/robustness", "no/such", "", ".."])
def test_unknown_suites_list_the_known_ones(name: str) -> None:
    with pytest.raises(SuiteError, match=r"there is no suite .*one of:.*robustness.*smoke"):
        find_suite(name)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"gone\.yaml: no such file"):
        load_suite(str(tmp_path / "gone.yaml"))


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SuiteError, match="cannot be read"):
        load_suite(str(tmp_path / "b.yaml"))


def test_every_shipped_suite_loads(root: Path) -> None:
    names = sorted(path.stem for path in (root / "suites").glob("*.yaml"))
    assert {"robustness", "smoke"} <= set(names)
    assert all(load_suite(name).head.suite == name for name in names)


def test_a_single_dataset_is_located_without_a_list(tmp_path: Path) -> None:
    text = "suite: x\ntask: classify\ndata: {use: digits, limit: 0}\nmetrics: [accuracy]\n"
    with pytest.raises(SuiteError, match=r"s\.yaml:3:21: data\.limit: input should be greater than or equal to 1"):
        load(tmp_path, text)
