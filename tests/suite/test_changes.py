"""What a run puts into a suite, and which cells it leaves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.contract.errors import HarnessError, UsageError
from harness.plugins import Catalog
from harness.signatures import SignatureReader
from harness.suite.changes import Changes, parse_seeds
from harness.suite.load import Suite, load_suite
from harness.suite.plan import Plan
from harness.suite.resolve import make_plan

SUITE = """suite: s
task: classify
data: {use: digits, limit: 50}
models:
  - {use: digit_mlp, as: mlp, with: {width: 16}}
  - digit_linear
metrics: [accuracy]
experiments:
  - name: clean
  - name: attacked
    attacks: [none, {use: fgsm, sweep: {eps: [0.05, 0.1]}}]
    expect: [{metric: accuracy, where: {model: mlp}, at_least: 0.5}]
  - name: shifted
    data: [{use: digits, limit: 500}, {use: digits, as: all digits}]
    models: [{use: digit_mlp, as: wide, with: {width: 64}}]
"""

Load = Callable[..., Suite]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    (tmp_path / "s.yaml").write_text(SUITE, encoding="utf-8")

    def load(*sets: str, **changes: object) -> Suite:
        return load_suite(str(tmp_path / "s.yaml"), Changes(sets, **changes))  # type: ignore[arg-type]

    return load


def models(suite: Suite) -> list[list[tuple[str, object]]]:
    return [[(e.label or e.use, e.parameters.get("width")) for e in one.experiment.models] for one in suite.experiments]


def plan(suite: Suite, catalog: Catalog) -> Plan:
    return make_plan(suite, catalog, SignatureReader())


MLP, LINEAR, WIDE = ("mlp", 16), ("digit_linear", None), ("wide", 64)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("experiments[2].models[0].with.width=3", [[MLP, LINEAR], [MLP, LINEAR], [("wide", 3)]]),
        ("mlp.with.width=3", [[("mlp", 3), LINEAR], [("mlp", 3), LINEAR], [WIDE]]),
        ("models[1].with.width=3", [[MLP, ("digit_linear", 3)], [MLP, ("digit_linear", 3)], [WIDE]]),
        ("models.1.with.width=3", [[MLP, ("digit_linear", 3)], [MLP, ("digit_linear", 3)], [WIDE]]),
        ("model=digit_cnn", [[("digit_cnn", None)]] * 3),
        ("model={use: digit_cnn, as: mine}", [[("mine", None)]] * 3),
        ("models=[digit_cnn, digit_mlp]", [[("digit_cnn", None), ("digit_mlp", None)]] * 3),
        ("mlp=digit_cnn", [[("digit_cnn", None), LINEAR], [("digit_cnn", None), LINEAR], [WIDE]]),
        ("shifted.models=[digit_cnn]", [[MLP, LINEAR], [MLP, LINEAR], [("digit_cnn", None)]]),
    ],
)
def test_a_value_is_put_where_the_key_says(load: Load, text: str, expected: object) -> None:
    assert models(load(text)) == expected


def test_the_last_of_two_counts(load: Load) -> None:
    assert models(load("mlp.with.width=3", "mlp.with.width=4"))[0][0] == ("mlp", 4)


def test_keys_of_the_suite_are_made_where_they_are_not_there(load: Load) -> None:
    assert load("timeout=7").head.timeout == 7


def test_a_label_may_hold_an_equals_sign(load: Load) -> None:
    assert models(load("mlp.as=a=b", "a=b.with.width=5"))[0][0] == ("a=b", 5)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("width", "write KEY=VALUE"),
        ("mpl.with.width=3", "no key, label or experiment is called so; did you mean 'mlp'?"),
        ("models[7].with.width=3", "the list has no item 7; it has 2, 0 to 1"),
        ("models[0].with.width=3", "this stands in the top of the suite, experiments[2]; say which"),
        ("models.width=3", "cannot stand in what is no mapping"),
        ("suite[0]=3", "it says which suite this is"),
        ("timeout[0]=3", "there is no list"),
        ("model={use: [", "--set model:1:8: not YAML"),
        ("mlp.with.width=[", "not YAML"),
        ("mlp.wth.width=3", "--set mlp.wth.width:1:1: models.0.wth: unknown key 'wth'"),
        ("seeds=none", "--set seeds:1:1: seeds: must be a list, not 'none'"),
    ],
)
def test_a_mistake_is_told_with_its_place(load: Load, text: str, told: str) -> None:
    with pytest.raises(HarnessError) as caught:
        load(text)
    assert told in str(caught.value)


def test_a_wrong_parameter_is_told_with_its_place(load: Load, catalog: Catalog) -> None:
    with pytest.raises(HarnessError, match=r"--set mlp\.with\.width:1:1: models\.0\.with\.width"):
        plan(load("mlp.with.width=wide"), catalog)


def test_paths_count_from_the_working_directory(
    load: Load, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "here" / "t.csv").write_text("a,label\n1,0\n2,1\n", encoding="utf-8")
    asked = "data={use: csv_table, with: {path: t.csv, label: label}}"
    use = plan(load(asked), catalog).cells[0].components["data"]
    assert use is not None
    assert use.parameters["path"] == str(tmp_path / "here" / "t.csv")


def test_the_limit_is_the_smaller_one(load: Load) -> None:
    limits = [[e.limit for e in one.experiment.data] for one in load(limit=100).experiments]
    assert limits == [[50], [50], [100, 100]]
    assert [e.limit for e in load(limit=10).experiments[0].experiment.data] == [10]


def test_a_limit_on_nothing_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("suite: s\ntask: classify\nmetrics: [accuracy]\n", encoding="utf-8")
    with pytest.raises(UsageError, match="names no data"):
        load_suite(str(tmp_path / "s.yaml"), Changes(limit=3))


def test_training_data_keep_their_size(load: Load, catalog: Catalog) -> None:
    (cell,) = (c for c in plan(load(limit=5), catalog).cells if c.experiment == "clean" and c.labels["model"] == "mlp")
    data, model = cell.components["data"], cell.components["model"]
    assert data is not None
    assert data.limit == 5
    assert model is not None
    assert model.trained_on is not None
    assert model.trained_on.limit is None


def test_seeds(load: Load) -> None:
    assert [one.experiment.seeds for one in load(seeds="0-2,7").experiments] == [[0, 1, 2, 7]] * 3


@pytest.mark.parametrize("text", ["one", "3-1", "0-", "", "-1", "0-99999999", f"{2**63}"])
def test_wrong_seeds(text: str) -> None:
    with pytest.raises(UsageError, match="--seeds"):
        parse_seeds(text)


def test_changes_are_in_the_plan_and_change_the_cells(load: Load, catalog: Catalog) -> None:
    before, after = plan(load(), catalog), plan(load("mlp.with.width=3", limit=5, skip=("model=wide",)), catalog)
    assert before.changes == ()
    assert after.changes == ("--set mlp.with.width=3", "--limit 5", "--skip model=wide")
    assert Plan.from_json(json.loads(json.dumps(after.to_json()))) == after
    assert not {cell.id for cell in before.cells} & {cell.id for cell in after.cells}


def test_only_and_skip_leave_cells(load: Load, catalog: Catalog) -> None:
    planned = plan(load(only=("attack=fgsm*", "attack=none", "model=mlp"), skip=("attack=fgsm eps=0.10",)), catalog)
    labels = [(cell.experiment, cell.labels["model"], cell.labels["attack"]) for cell in planned.cells]
    assert labels == [("clean", "mlp", "none"), ("attacked", "mlp", "none"), ("attacked", "mlp", "fgsm eps=0.05")]
    assert list(planned.experiments) == ["clean", "attacked"]
    assert planned.deselected == 10 - 3


def test_experiments_may_be_chosen(load: Load, catalog: Catalog) -> None:
    assert list(plan(load(only=("experiment=shift*",)), catalog).experiments) == ["shifted"]


def test_what_is_expected_of_other_cells_is_no_failure(load: Load, catalog: Catalog) -> None:
    assert plan(load(only=("model=digit_linear",)), catalog).experiments["attacked"].expect == ()
    assert len(plan(load(only=("model=mlp",)), catalog).experiments["attacked"].expect) == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"only": ("model=resnet",)}, "matches no cell; there is mlp, digit_linear, wide"),
        ({"skip": ("attack=pgd*",)}, "matches no cell; there is none, fgsm eps=0.05, fgsm eps=0.1"),
        ({"skip": ("sampler=x",)}, "there is no samplers"),
        ({"only": ("mlp",)}, "write ROLE=LABEL, with a role of data, model, attack"),
        ({"only": ("model=",)}, "write ROLE=LABEL"),
        ({"only": ("model=mlp",), "skip": ("model=mlp",)}, "--only model=mlp --skip model=mlp leaves none of 10 cells"),
    ],
)
def test_a_choice_of_nothing_is_a_mistake(load: Load, catalog: Catalog, changes: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        plan(load(**changes), catalog)
    assert told in str(caught.value)


def test_changes_come_back_from_what_they_told() -> None:
    changes = Changes(("a=1", "b.c=[x, y]"), 40, "0-4", ("model=mlp",), ("attack=none", "data=d e"), "1/3", "cell")
    assert Changes.of_told(changes.told) == changes
    assert Changes.of_told(()) == Changes()
    assert Changes.of_told(Changes(shard="2/3").told) == Changes(shard="2/3")
