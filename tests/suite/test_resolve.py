"""From a suite to its cells."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import pytest

from harness.api import Component, ComponentOf, Context, Dataset, Outcome, hookimpl
from harness.contract.cells import Cell, Use
from harness.contract.errors import SuiteError
from harness.plugins import Catalog, load_catalog
from harness.signatures import SignatureReader
from harness.suite.draws import drawn_parameters
from harness.suite.load import load_suite
from harness.suite.plan import Plan
from harness.suite.resolve import make_plan

HEAD = "suite: s\ntask: classify\ndata: digits\nmodels: [digit_mlp]\nmetrics: [accuracy]\n"


def plan(tmp_path: Path, text: str, catalog: Catalog) -> Plan:
    file = tmp_path / "s.yaml"
    file.write_text(text, encoding="utf-8")
    return make_plan(load_suite(str(file)), catalog, SignatureReader())


def message(tmp_path: Path, text: str, catalog: Catalog) -> str:
    with pytest.raises(SuiteError) as caught:
        plan(tmp_path, text, catalog)
    return str(caught.value)


def test_cells_are_the_product_in_table_order(tmp_path: Path, catalog: Catalog) -> None:
    text = (
        HEAD.replace("[digit_mlp]", "[digit_mlp, digit_cnn]")
        + "seeds: [0, 1]\nattacks: [none, {use: fgsm, with: {eps: 0.1}}]\n"
    )
    cells = plan(tmp_path, text, catalog).cells
    assert [(c.seed, c.labels["model"], c.labels["attack"]) for c in cells] == [
        (seed, model, attack) for seed in (0, 1) for model in ("digit_mlp", "digit_cnn") for attack in ("none", "fgsm")
    ]


def test_no_attacks_means_none(tmp_path: Path, catalog: Catalog) -> None:
    (cell,) = plan(tmp_path, HEAD, catalog).cells
    assert cell.components["attack"] is None


def test_defaults_are_resolved(tmp_path: Path, catalog: Catalog) -> None:
    (cell,) = plan(tmp_path, HEAD + "attacks: [{use: pgd, with: {eps: 8/255}}]\n", catalog).cells
    attack = cell.components["attack"]
    assert attack is not None
    assert attack.name == "harness_adversarial/pgd"
    assert attack.parameters == {
        "eps": 8 / 255,
        "norm": "linf",
        "steps": 20,
        "step_size": None,
        "restarts": 1,
        "random_start": True,
        "targeted": False,
        "loss": "cross_entropy",
    }


def test_a_renamed_value_keeps_the_identity_that_runs_were_recorded_under(tmp_path: Path, catalog: Catalog) -> None:
    (cell,) = plan(tmp_path, HEAD + "attacks: [{use: apgd, with: {eps: 0.1}}]\n", catalog).cells
    attack = cell.components["attack"]
    assert attack is not None
    assert attack.parameters["loss"] == "cross_entropy"
    # As digests of runs made before losses had one vocabulary have it.
    expected = {"eps": 0.1, "norm": "linf", "loss": "ce", "steps": 100, "restarts": 1, "eot": 1}
    assert attack.identity["parameters"] == expected
    assert Use.from_json(attack.to_json()).identity == attack.identity
    (dlr,) = plan(tmp_path, HEAD + "attacks: [{use: apgd, with: {eps: 0.1, loss: dlr}}]\n", catalog).cells
    assert dlr.components["attack"].identity["parameters"] == {**expected, "loss": "dlr"}  # type: ignore[union-attr]
    assert "not 'ce'" in message(tmp_path, HEAD + "attacks: [{use: apgd, with: {eps: 0.1, loss: ce}}]\n", catalog)


def test_a_sweep_makes_one_entry_a_combination(tmp_path: Path, catalog: Catalog) -> None:
    text = HEAD + "attacks: [{use: pgd, as: p, sweep: {eps: [0.1, 8/255], steps: [5, 10]}}]\n"
    labels = [cell.labels["attack"] for cell in plan(tmp_path, text, catalog).cells]
    assert labels == ["p eps=0.1 steps=5", "p eps=0.1 steps=10", "p eps=0.03137 steps=5", "p eps=0.03137 steps=10"]


def test_a_list_under_with_is_a_value(tmp_path: Path, catalog: Catalog) -> None:
    shown = message(tmp_path, HEAD + "attacks: [{use: fgsm, with: {eps: [0.1, 0.2]}}]\n", catalog)
    assert "'eps' must be a number ≥ 0, not a list" in shown


def test_variants_bring_their_own_parameters(tmp_path: Path, catalog: Catalog) -> None:
    text = HEAD + "attacks: [{use: torchattacks, with: {attack: Square, n_queries: 10}}]\n"
    (cell,) = plan(tmp_path, text, catalog).cells
    attack = cell.components["attack"]
    assert attack is not None
    assert attack.label == "torchattacks:Square"
    assert attack.parameters["n_queries"] == 10
    assert "seed" not in attack.parameters


@pytest.mark.parametrize(
    ("attacks", "told"),
    [
        ("[pgd]", "s.yaml:6:11: attacks.0: parameter 'eps' is missing"),
        ("[pdg]", "there is no attack named 'pdg'\n"),
        ("[pdg]", "did you mean 'pgd'?"),
        ("[digit_cnn]", "'digit_cnn' is of kind model, not attack"),
        ("[{use: pgd, with: {eps: 0.1, stps: 3}}]", "unknown parameter 'stps'"),
        ("[{use: pgd, with: {eps: 0.1, stps: 3}}]", "did you mean 'steps'?"),
        ("[{use: pgd, with: {eps: -0.1}}]", "'eps' must be a number ≥ 0, not -0.1"),
        ("[{use: pgd, with: {eps: a lot}}]", "'eps' must be a number ≥ 0, not 'a lot'"),
        ("[{use: pgd, with: {eps: 1/0}}]", "'eps' must be a number ≥ 0, not '1/0'"),
        ("[{use: pgd, with: {eps: .nan}}]", "'eps' must be a number"),
        ("[{use: pgd, with: {eps: .inf}}]", "'eps' must be a number"),
        ("[{use: pgd, with: {eps: 0.1, steps: 2.5}}]", "'steps' must be a whole number ≥ 1, not 2.5"),
        ("[{use: pgd, with: {eps: 0.1, steps: true}}]", "'steps' must be a whole number ≥ 1, not True"),
        ("[{use: pgd, with: {eps: 0.1, norm: linff}}]", "did you mean 'linf'?"),
        ("[{use: pgd, with: {eps: 0.1, targeted: no}}]", "write true or false"),
        ("[{use: pgd, with: {eps: 0.1}, sweep: {eps: [1]}}]", "'eps' stands under `with` and under `sweep`"),
        ("[{use: pgd, sweep: {eps: [0.1, x]}}]", "attacks.0.sweep.eps: 'eps' must be a number ≥ 0, not 'x'"),
        ("[{use: torchattacks, with: {attack: Sqare}}]", "did you mean 'Square'?"),
        ("[{use: torchattacks, with: {attack: FGSM, steps: 3}}]", "unknown parameter 'steps'"),
        ("[{use: torchattacks, with: {attack: LGV}}]", "'attack' must be one of the known choices, not 'LGV'"),
        ("[{use: fgsm, with: {eps: 1}}, {use: fgsm, with: {eps: 2}}]", "2 entries are called 'fgsm'"),
    ],
)
def test_bad_components_and_parameters(tmp_path: Path, catalog: Catalog, attacks: str, told: str) -> None:
    shown = message(tmp_path, f"{HEAD}attacks: {attacks}\n", catalog)
    assert told in shown
    assert "s.yaml:6:" in shown
    assert "^" in shown


def test_problems_under_with_point_at_the_parameter(tmp_path: Path, catalog: Catalog) -> None:
    shown = message(tmp_path, HEAD + "attacks:\n  - use: pgd\n    with:\n      eps: -1\n", catalog)
    assert "s.yaml:9:7: attacks.0.with.eps" in shown


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("samplers: [x]\n", "task 'classify' takes no samplers"),
        ("attributions: [gradient]\n", "task 'classify' takes no attributions"),
        ("aggregates: [worst]\n", "there is no aggregate named 'worst'"),
        ("reports: [curve]\n", "there is no reporter named 'curve'"),
        ("exclude: [{model: '*'}]\n", "plans no cells; include, exclude or a plugin deselected all 1"),
        ("include: [{model: other}]\n", "plans no cells"),
    ],
)
def test_bad_experiments(tmp_path: Path, catalog: Catalog, change: str, told: str) -> None:
    assert told in message(tmp_path, HEAD + change, catalog)


@pytest.mark.parametrize(("missing", "role"), [("data: digits\n", "data"), ("models: [digit_mlp]\n", "models")])
def test_required_roles(tmp_path: Path, catalog: Catalog, missing: str, role: str) -> None:
    assert f"the key {role!r} is missing; task 'classify' needs it" in message(
        tmp_path, HEAD.replace(missing, ""), catalog
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("metrics: [accuracy, {use: ece, as: accuracy}]", "s.yaml:5:1: metrics: 2 entries are called 'accuracy'"),
        ("metrics: [{use: ece, with: {bins: 5}}, {use: ece, with: {bins: 50}}]", "2 entries are called 'ece'"),
        (
            "metrics: [accuracy]\nreports: [reliability_diagram, reliability_diagram]",
            "2 entries are called 'reliability_diagram'",
        ),
        ("metrics: [accuracy]\nseeds: [1, 2, 1]", "s.yaml:6:15: seeds.2: 1 stands here twice"),
        ("metrics: [accuracy]\ngroups: [sex, sex]", "s.yaml:6:15: groups.1: 'sex' stands here twice"),
        ("metrics: [accuracy, robust_accuracy]", "s.yaml:5:21: metrics.1: 'robust_accuracy' needs the column 'robust'"),
        (
            "metrics: [set_size]\nattacks: [{use: fgsm, with: {eps: 0.1}}]",
            "needs the column 'set_size', which classify records without an attack only",
        ),
    ],
)
def test_entries_that_cannot_all_be_told_apart_or_had(tmp_path: Path, catalog: Catalog, change: str, told: str) -> None:
    shown = message(tmp_path, HEAD.replace("metrics: [accuracy]", change), catalog)
    assert told in shown
    assert "^" in shown


def test_a_metric_that_some_experiment_can_have_is_no_mistake_in_another(tmp_path: Path, catalog: Catalog) -> None:
    text = HEAD.replace("[accuracy]", "[accuracy, robust_accuracy]")
    experiments = "experiments: [{name: clean}, {name: attacked, attacks: [{use: fgsm, with: {eps: 0.1}}]}]\n"
    planned = plan(tmp_path, text + experiments, catalog)
    assert [use.label for use in planned.experiments["clean"].metrics] == ["accuracy", "robust_accuracy"]
    excluded = message(tmp_path, text + experiments + "exclude: [{attack: fgsm}]\n", catalog)
    assert "s.yaml:5:21: metrics.1: 'robust_accuracy' needs the column 'robust'" in excluded


def test_threads_of_training_are_a_part_of_the_recipe(tmp_path: Path, catalog: Catalog) -> None:
    def model(text: str) -> Use:
        (cell,) = plan(tmp_path, HEAD.replace("[digit_mlp]", f"[{text}]"), catalog).cells
        assert cell.components["model"] is not None
        return cell.components["model"]

    one, same, two = map(model, ("digit_mlp", *(f"{{use: digit_mlp, training_threads: {n}}}" for n in (1, 2))))
    assert one.identity == same.identity
    assert "training_threads" not in one.identity
    assert two.identity == {**one.identity, "training_threads": 2}
    assert Use.from_json(two.to_json()) == two
    models = "[{use: checkpoint, with: {architecture: LeNet5, weights: s.yaml}, training_threads: 2}]"
    shown = message(tmp_path, HEAD.replace("[digit_mlp]", models), catalog)
    assert "models.0.training_threads: 'checkpoint' is not trained" in shown


def test_unknown_task(tmp_path: Path, catalog: Catalog) -> None:
    assert "did you mean 'classify'?" in message(tmp_path, HEAD.replace("classify", "clasify"), catalog)


def test_include_and_exclude(tmp_path: Path, catalog: Catalog) -> None:
    text = HEAD.replace("[digit_mlp]", "[digit_mlp, digit_cnn]") + (
        "attacks: [none, {use: fgsm, sweep: {eps: [0.1, 0.2]}}]\n"
        "include: [{model: '*cnn'}, {attack: none}]\n"
        "exclude: [{attack: '*0.2'}]\n"
    )
    planned = plan(tmp_path, text, catalog)
    assert [(c.labels["model"], c.labels["attack"]) for c in planned.cells] == [
        ("digit_mlp", "none"),
        ("digit_cnn", "none"),
        ("digit_cnn", "fgsm eps=0.1"),
    ]
    assert planned.deselected == 3


def test_relative_paths_start_at_the_suite(tmp_path: Path, catalog: Catalog) -> None:
    (tmp_path / "w.pt").write_bytes(b"x")
    models = "models: [{use: checkpoint, with: {architecture: LeNet5, weights: w.pt}}]\n"
    (cell,) = plan(tmp_path, HEAD.replace("models: [digit_mlp]\n", models), catalog).cells
    model = cell.components["model"]
    assert model is not None
    assert model.parameters["weights"] == str(tmp_path / "w.pt")
    assert model.files == [tmp_path / "w.pt"]


@pytest.mark.parametrize(("path", "told"), [("gone.pt", "does not exist"), ("$NO_SUCH_VARIABLE/w.pt", "is not set")])
def test_bad_paths(tmp_path: Path, catalog: Catalog, path: str, told: str) -> None:
    models = f"models: [{{use: checkpoint, with: {{architecture: LeNet5, weights: {path}}}}}]\n"
    assert told in message(tmp_path, HEAD.replace("models: [digit_mlp]\n", models), catalog)


def test_where_data_lies_is_no_part_of_its_identity(tmp_path: Path, catalog: Catalog) -> None:
    def cell(folder: str) -> Cell:
        text = HEAD.replace("data: digits", f"data: {{use: mnist, with: {{folder: {folder}}}}}")
        return plan(tmp_path, text, catalog).cells[0]

    assert cell("one").identity == cell("two").identity
    assert cell("one").components["data"] != cell("two").components["data"]


def test_labels_are_no_part_of_the_identity(tmp_path: Path, catalog: Catalog) -> None:
    (plain,) = plan(tmp_path, HEAD, catalog).cells
    (named,) = plan(tmp_path, HEAD.replace("[digit_mlp]", "[{use: digit_mlp, as: other}]"), catalog).cells
    assert plain.identity == named.identity


def test_whole_numbers_and_fractions_are_one_value(tmp_path: Path, catalog: Catalog) -> None:
    cells = [
        plan(tmp_path, HEAD + f"attacks: [{{use: fgsm, with: {{eps: {eps}}}}}]\n", catalog).cells[0]
        for eps in ("1", "1.0", "2/2")
    ]
    assert cells[0].identity == cells[1].identity == cells[2].identity


def test_trained_on(tmp_path: Path, catalog: Catalog) -> None:
    (default,) = plan(tmp_path, HEAD, catalog).cells
    model = default.components["model"]
    assert model is not None
    assert model.trained_on is not None
    assert model.trained_on.name == "harness_vision/digits"
    (other,) = plan(tmp_path, HEAD.replace("[digit_mlp]", "[{use: digit_mlp, trained_on: mnist}]"), catalog).cells
    changed = other.components["model"]
    assert changed is not None
    assert changed.trained_on is not None
    assert changed.trained_on.name == "harness_vision/mnist"
    assert model.identity != changed.identity


def test_a_plan_survives_json(catalog: Catalog) -> None:
    planned = make_plan(load_suite("robustness"), catalog, SignatureReader())
    again = Plan.from_json(planned.to_json())
    assert again == planned
    assert [cell.id for cell in again.cells] == [cell.id for cell in planned.cells]


def test_robustness_is_what_it_promises(catalog: Catalog) -> None:
    planned = make_plan(load_suite("robustness"), catalog, SignatureReader())
    attacks = {cell.labels["attack"].partition(" ")[0] for cell in planned.cells}
    library = {f"torchattacks:{name}" for name in ("FGSM", "PGD", "APGD", "Square", "CW", "DeepFool")}
    within_a_budget = {"none", "noise", "fgsm", "pgd-linf", "pgd-l2", "auto_attack", "unbounded"} | library
    minimal, physical = {"fmn", "ddn", "pgd_curve", "hopskipjump"}, {"eot_physical", "rotation_translation", "patch"}
    transfers = {"from-standard", "from-hardened", "from-linear"}
    assert attacks == within_a_budget | minimal | physical | transfers
    corrupted = {cell.labels["data"] for cell in planned.cells if cell.labels["data"].startswith("corrupted")}
    assert len(corrupted) == 12
    assert len({cell.labels["model"] for cell in planned.cells}) == 3
    assert not any(cell.skip for cell in planned.cells)


# --- hooks and skipping -----------------------------------------------------------------------------------------


class Opaque:
    """A classifier without gradients."""

    def __call__(self, inputs: object) -> object:
        raise NotImplementedError


def opaque_factory() -> Opaque:
    return Opaque()


def plugin(**hooks: object) -> ModuleType:
    module = ModuleType("planned_plugin")
    for name, function in hooks.items():
        setattr(module, name, hookimpl(function))
    return module


def with_plugin(**hooks: object) -> Catalog:
    catalog = load_catalog(extra={"planned_plugin": plugin(**hooks)})
    assert not catalog.failures
    return catalog


@pytest.mark.parametrize("target", ["Opaque", "opaque_factory"])
def test_what_does_not_fit_is_skipped_with_a_reason(
    tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "planned_parts", sys.modules[__name__])
    component = Component("model", "opaque", f"planned_parts:{target}", "No gradients.")
    catalog = with_plugin(harness_components=lambda: [component])
    text = (
        HEAD.replace("digit_mlp", "opaque")
        + "attacks: [none, {use: noise, with: {eps: 0.1}}, {use: fgsm, with: {eps: 0.1}}]\n"
    )
    cells = plan(tmp_path, text, catalog).cells
    assert [cell.skip for cell in cells] == [
        "",
        "",
        "fgsm needs model opaque to be GradientAccess; it has no named_modules, parameters",
    ]


def test_absent_requirements_are_a_reason_to_skip(tmp_path: Path) -> None:
    component = Component("model", "far", "harness_vision.digit_models:DigitMLP", "Far.", requires=("no-such-package",))
    catalog = with_plugin(harness_components=lambda: [component])
    (cell,) = plan(tmp_path, HEAD.replace("digit_mlp", "far"), catalog).cells
    assert cell.skip == "far needs no-such-package, not installed here"


def test_components_of_another_task_are_an_error(tmp_path: Path) -> None:
    component = Component("metric", "bleu", "m:B", "Text.", tasks=frozenset({"answer"}))
    component_target = Component(
        "metric", "bleu", "harness_classification.accuracy:Accuracy", "Text.", tasks=component.tasks
    )
    catalog = with_plugin(harness_components=lambda: [component_target])
    shown = message(tmp_path, HEAD.replace("[accuracy]", "[bleu]"), catalog)
    assert "metric 'planned_plugin/bleu' is for answer; the task is 'classify'" in shown


def test_parameters_of_a_task(tmp_path: Path) -> None:
    catalog = with_plugin(harness_components=lambda: [Component("task", "sorting", f"{__name__}:Sorting", "Sorts.")])
    text = "suite: s\ntask: {use: sorting, with: {k: 3}}\ndata: digits\nmetrics: [accuracy]\n"
    (cell,) = plan(tmp_path, text, catalog).cells
    assert cell.task.parameters == {"k": 3}
    (other,) = plan(tmp_path, text.replace("3", "4"), catalog).cells
    assert cell.id != other.id
    assert "s.yaml:2:29: task.with.kk: unknown parameter 'kk'" in message(
        tmp_path, text.replace("{k:", "{kk:"), catalog
    )
    assert "task.sweep: unknown key 'sweep'" in message(tmp_path, text.replace("with", "sweep"), catalog)


class Sorting:
    """A task with a parameter."""

    def __init__(self, k: int = 1) -> None:
        self.k = k

    def run(self, data: Dataset, ctx: Context) -> Outcome:
        raise NotImplementedError


def test_plugins_that_fail_in_the_plan_are_reported_and_ignored(tmp_path: Path) -> None:
    def raising(**_: object) -> None:
        raise RuntimeError("no")

    def modify(cells: list[Cell]) -> None:
        cells.clear()
        raising()

    def object_to(cell: Cell) -> str | None:
        raise RuntimeError("neither")

    catalog = with_plugin(harness_modify_cells=modify, harness_incompatible=object_to)
    planned = plan(tmp_path, HEAD + "attacks: [none, {use: noise, with: {eps: 0.1}}]\n", catalog)
    assert [cell.skip for cell in planned.cells] == ["", ""]
    assert planned.warnings == (
        "plugin 'planned_plugin' is ignored: harness_modify_cells: RuntimeError: no",
        "plugin 'planned_plugin' is ignored: harness_incompatible: RuntimeError: neither",
    )


def test_plugins_may_not_add_to_the_plan(tmp_path: Path) -> None:
    catalog = with_plugin(harness_modify_cells=lambda cells: cells.append("one more"))
    planned = plan(tmp_path, HEAD, catalog)
    assert len(planned.cells) == 1
    assert planned.warnings == (
        "plugin 'planned_plugin' is ignored: harness_modify_cells: put something new into the plan",
    )


def test_plugins_may_deselect_and_veto(tmp_path: Path) -> None:
    def harness_modify_cells(cells: list[Cell]) -> None:
        cells[:] = [cell for cell in cells if cell.labels["attack"] != "noise"]

    def harness_incompatible(cell: Cell) -> str | None:
        return "not today" if cell.labels["attack"] == "fgsm" else None

    catalog = with_plugin(harness_modify_cells=harness_modify_cells, harness_incompatible=harness_incompatible)
    text = HEAD + "attacks: [none, {use: noise, with: {eps: 0.1}}, {use: fgsm, with: {eps: 0.1}}]\n"
    planned = plan(tmp_path, text, catalog)
    assert [(c.labels["attack"], c.skip) for c in planned.cells] == [("none", ""), ("fgsm", "not today")]
    assert planned.deselected == 1


def drawn(entry: str, tmp_path: Path, catalog: Catalog) -> Plan:
    return plan(tmp_path, HEAD.replace("[digit_mlp]", f"[{entry}]"), catalog)


def test_draws_make_an_entry_each(tmp_path: Path, catalog: Catalog) -> None:
    space = "{learning_rate: {log_uniform: [1e-4, 1e-1]}, width: {choice: [16, 64]}}"
    made = drawn(f"{{use: structured_net, as: mlp, draws: {{n: 3, from: {space}}}}}", tmp_path, catalog)
    assert [cell.labels["model"] for cell in made.cells] == ["mlp draw=0", "mlp draw=1", "mlp draw=2"]
    parameters = [cell.components["model"].parameters for cell in made.cells]  # type: ignore[union-attr]
    rates = [each["learning_rate"] for each in parameters]
    assert len(set(rates)) == 3
    assert all(1e-4 <= rate <= 1e-1 for rate in rates)
    assert {each["width"] for each in parameters} <= {16, 64}
    more = drawn(f"{{use: structured_net, as: mlp, draws: {{n: 5, from: {space}}}}}", tmp_path, catalog)
    assert [cell.id for cell in more.cells][:3] == [cell.id for cell in made.cells]


def test_draws_are_combined_with_a_sweep_and_with_fixed_values(tmp_path: Path, catalog: Catalog) -> None:
    entry = (
        "{use: structured_net, with: {steps: 10}, sweep: {structure: [mlp, conv]}, "
        "draws: {n: 2, from: {width: {integer: [4, 400]}}}}"
    )
    cells = drawn(entry, tmp_path, catalog).cells
    assert [cell.labels["model"] for cell in cells] == [
        f"structured_net structure={structure} draw={draw}" for structure in ("mlp", "conv") for draw in (0, 1)
    ]
    widths = [cell.components["model"].parameters["width"] for cell in cells]  # type: ignore[union-attr]
    assert widths[:2] == widths[2:]
    assert widths[0] != widths[1]


@pytest.mark.parametrize(
    ("draws", "expected"),
    [
        ("{n: 3, from: {}}", "draws.from: dictionary should have at least 1 item"),
        ("{n: 0, from: {width: {integer: [1, 4]}}}", "draws.n: input should be greater than or equal to 1"),
        ("{n: 3, from: {widht: {integer: [1, 4]}}}", "draws.from.widht: unknown parameter 'widht'\n"),
        ("{n: 3, from: {widht: {integer: [1, 4]}}}", "= did you mean 'width'?"),
        ("{n: 3, from: {width: {integer: [4, 1]}}}", "width: `integer` goes from 4 to 1; the second end must be"),
        ("{n: 3, from: {width: {integer: [4, 4]}}}", "width: `integer` goes from 4 to 4; the second end must be"),
        ("{n: 3, from: {learning_rate: {log_uniform: [0, 1]}}}", "learning_rate: `log_uniform` starts at 0; a logarit"),
        ("{n: 3, from: {learning_rate: {uniform: [0, .inf]}}}", "learning_rate.uniform.1: input should be a finite nu"),
        ("{n: 3, from: {learning_rate: {uniform: [1]}}}", "learning_rate.uniform: list should have at least 2 items"),
        ("{n: 3, from: {learning_rate: {uniform: [-1, 1]}}}", "'learning_rate' must be a number > 0, not -1.0"),
        ("{n: 3, from: {width: {uniform: [1, 4]}}}", "= `integer` draws whole numbers"),
        ("{n: 3, from: {width: {uniform: [0.5, 4]}}}", "= `integer` draws whole numbers"),
        ("{n: 3, from: {width: {integer: [1, 4.5]}}}", "width.integer.1: must be a whole number, not 4.5"),
        ("{n: 3, from: {width: {choice: []}}}", "width.choice: list should have at least 1 item"),
        ("{n: 3, from: {width: {choice: [4, many]}}}", "'width' must be a whole number ≥ 1 or null, not 'many'"),
        ("{n: 3, from: {width: {choice: [4], integer: [1, 4]}}}", "width: give one of `uniform`, `log_uniform`"),
        ("{n: 3, from: {width: {gaussian: [1, 4]}}}", "width.gaussian: unknown key 'gaussian'"),
        ("{n: 3, from: {width: 4}}", "draws.from.width: must be"),
        ("{n: 3, from: {steps: {integer: [1, 4]}}}", "from.steps: 'steps' stands under `with` and under `draws`"),
        ("{n: 3, from: {structure: {choice: [mlp]}}}", "'structure' stands under `sweep` and under `draws`"),
    ],
)
def test_wrong_draws_are_named_with_their_place(draws: str, expected: str, tmp_path: Path, catalog: Catalog) -> None:
    entry = f"\n  - use: structured_net\n    with: {{steps: 9}}\n    sweep: {{structure: [mlp]}}\n    draws: {draws}"
    text = message(tmp_path, HEAD.replace(" [digit_mlp]", entry), catalog)
    assert expected in text
    assert "s.yaml:8:" in text
    assert text.count("s.yaml:") == 1  # once, not for every draw


SUBSET = "{use: subset, with: {dataset: digits}, sweep: {n: [10, 20], draw: [0, 1]}}"


def test_what_training_data_sweep_multiplies_the_model(tmp_path: Path, catalog: Catalog) -> None:
    entry = f"{{use: structured_net, as: mlp, sweep: {{width: [8, 16]}}, trained_on: {SUBSET}}}"
    cells = drawn(entry, tmp_path, catalog).cells
    assert [cell.labels["model"] for cell in cells] == [
        f"mlp width={width} n={n} draw={draw}" for width in (8, 16) for n in (10, 20) for draw in (0, 1)
    ]
    trained_on = [cell.components["model"].trained_on for cell in cells]  # type: ignore[union-attr]
    assert [(use.parameters["n"], use.parameters["draw"]) for use in trained_on if use] == [
        (10, 0),
        (10, 1),
        (20, 0),
        (20, 1),
    ] * 2
    assert len({cell.id for cell in cells}) == 8


def test_what_a_nested_component_sweeps_multiplies_the_entry(tmp_path: Path, catalog: Catalog) -> None:
    inner = "{use: relabelled, with: {dataset: digits}, sweep: {share: [0.0, 0.5]}}"
    data = f"data:\n  - {{use: subset, as: few, with: {{dataset: {inner}}}, sweep: {{n: [10, 20]}}}}\n"
    cells = plan(tmp_path, HEAD.replace("data: digits\n", data), catalog).cells
    assert [cell.labels["data"] for cell in cells] == [
        f"few n={n} share={share}" for n in (10, 20) for share in ("0", "0.5")
    ]
    shares = [cell.components["data"].parameters["dataset"].parameters["share"] for cell in cells]  # type: ignore[union-attr]
    assert shares == [0.0, 0.5, 0.0, 0.5]


def test_a_sweep_in_a_list_of_components_makes_more_of_them(tmp_path: Path) -> None:
    catalog = with_plugin(harness_components=lambda: [Component("model", "mean_of", f"{__name__}:MeanOf", "A mean.")])
    models = (
        "[{use: structured_net, as: net, sweep: {width: [4, 8]}}, {use: structured_net, as: big, with: {width: 9}}]"
    )
    (cell,) = drawn(f"{{use: mean_of, with: {{models: {models}}}}}", tmp_path, catalog).cells
    members = cell.components["model"].parameters["models"]  # type: ignore[union-attr]
    assert [use.label for use in members] == ["net width=4", "net width=8", "big"]


class MeanOf:
    """A model made of others."""

    def __init__(self, models: Annotated[Mapping[str, Any], ComponentOf("model", several=True)]) -> None:
        self.models = models

    def __call__(self, inputs: Any) -> Any:
        raise NotImplementedError


def test_a_mistake_in_a_sweep_of_training_data_is_located(tmp_path: Path, catalog: Catalog) -> None:
    data = "{use: subset, with: {dataset: digits}, sweep: {m: [10]}}"
    text = HEAD.replace("[digit_mlp]", f"\n  - use: structured_net\n    with: {{width: 8}}\n    trained_on: {data}")
    assert "s.yaml:7:" in message(tmp_path, text, catalog)
    assert "models.0.trained_on.sweep.m: unknown parameter 'm'" in message(tmp_path, text, catalog)


def test_a_mistake_in_a_nested_component_is_located(tmp_path: Path, catalog: Catalog) -> None:
    data = "{use: subset, with: {n: 10, dataset: {use: digits, sweep: {split: []}}}}"
    text = message(tmp_path, HEAD.replace("data: digits", f"data: {data}"), catalog)
    assert "dataset.sweep.split: list should have at least 1 item" in text


def test_a_swept_component_is_called_by_its_label(tmp_path: Path, catalog: Catalog) -> None:
    data = "data: {use: subset, as: few, with: {n: 10}, sweep: {dataset: [digits, {use: digits, as: more}]}}\n"
    cells = plan(tmp_path, HEAD.replace("data: digits\n", data), catalog).cells
    assert [cell.labels["data"] for cell in cells] == ["few dataset=digits", "few dataset=more"]


def test_expectations_of_an_aggregate(tmp_path: Path, catalog: Catalog) -> None:
    text = HEAD + "aggregates: [{use: over_seeds, as: seeds}]\nexpect:\n  - {%s, at_least: 0.5}\n"
    (expectation,) = plan(tmp_path, text % "aggregate: seeds, metric: anything", catalog).experiments["s"].expect
    assert str(expectation) == "seeds: anything ≥ 0.5"
    unknown = message(tmp_path, text % "aggregate: seed, metric: accuracy", catalog)
    assert "s.yaml:8:6: expect.0.aggregate: 'seed' is not among the aggregates" in unknown
    assert "did you mean 'seeds'?" in unknown
    assert "for a number of an aggregate, name that under `aggregate`" in message(tmp_path, text % "metric: n", catalog)


def test_numbers_of_labels_match_in_any_spelling(tmp_path: Path, catalog: Catalog) -> None:
    attacks = "attacks: [{use: fgsm, sweep: {eps: [0.5, 1.0]}}]\n"
    (cell,) = plan(tmp_path, HEAD + attacks + "include: [{attack: fgsm eps=1.0}]\n", catalog).cells
    assert cell.labels["attack"] == "fgsm eps=1"


def test_what_was_drawn_is_told_by_label(tmp_path: Path, catalog: Catalog) -> None:
    entry = "{use: structured_net, as: mlp, with: {steps: 9}, draws: {n: 2, from: {width: {integer: [4, 400]}}}}"
    cells = drawn(entry, tmp_path, catalog).cells
    told = drawn_parameters(cell.components.values() for cell in cells)
    widths = [cell.components["model"].parameters["width"] for cell in cells]  # type: ignore[union-attr]
    assert told == {"mlp draw=0": {"width": widths[0]}, "mlp draw=1": {"width": widths[1]}}


def test_training_data_may_be_drawn_too(tmp_path: Path, catalog: Catalog) -> None:
    data = "{use: subset, with: {dataset: digits}, draws: {n: 2, from: {n: {integer: [10, 1000]}}}}"
    entry = (
        f"{{use: structured_net, as: mlp, trained_on: {data}, draws: {{n: 2, from: {{width: {{choice: [4, 8]}}}}}}}}"
    )
    labels = [cell.labels["model"] for cell in drawn(entry, tmp_path, catalog).cells]
    assert labels == [f"mlp draw={i} trained_on.draw={j}" for i in (0, 1) for j in (0, 1)]


def test_what_is_called_draw_is_not_swept_beside_draws(tmp_path: Path, catalog: Catalog) -> None:
    data = (
        "{use: subset, with: {dataset: digits}, sweep: {draw: [0, 1]}, draws: {n: 2, from: {n: {integer: [10, 99]}}}}"
    )
    text = message(tmp_path, HEAD.replace("data: digits", f"data: {data}"), catalog)
    assert "sweep.draw: 'draw' is what labels call the draws" in text


def test_a_drawn_variant_is_no_part_of_the_name(tmp_path: Path, catalog: Catalog) -> None:
    draws = "{n: 3, seed: 1, from: {attack: {choice: [FGSM, PGD]}}}"
    text = HEAD + f"attacks: [{{use: torchattacks, as: library, draws: {draws}}}]\n"
    cells = plan(tmp_path, text, catalog).cells
    assert [cell.labels["attack"] for cell in cells] == ["library draw=0", "library draw=1", "library draw=2"]


def test_data_inside_of_training_data_are_their_training_split(tmp_path: Path, catalog: Catalog) -> None:
    def inner(dataset: str) -> dict[str, Any]:
        data = f"{{use: subset, with: {{n: 10, dataset: {dataset}}}}}"
        (cell,) = drawn(f"{{use: structured_net, with: {{width: 8}}, trained_on: {data}}}", tmp_path, catalog).cells
        given: dict[str, Any] = cell.components["model"].trained_on.parameters  # type: ignore[union-attr]
        return given

    assert inner("digits")["dataset"].parameters["split"] == "train"
    assert inner("{use: digits, with: {split: validation}}")["dataset"].parameters["split"] == "validation"
    nested = inner("{use: relabelled, with: {share: 0.5, dataset: digits}}")["dataset"]
    assert nested.parameters["dataset"].parameters["split"] == "train"
    # That of the data themselves is chosen when the model is trained, and their keys stay.
    assert inner("digits") == inner("{use: digits, with: {split: train}}")


def test_data_that_are_not_trained_on_keep_their_split(tmp_path: Path, catalog: Catalog) -> None:
    data = "data: {use: subset, with: {n: 10, dataset: digits}}\n"
    (cell,) = plan(tmp_path, HEAD.replace("data: digits\n", data), catalog).cells
    assert cell.components["data"].parameters["dataset"].parameters["split"] == "test"  # type: ignore[union-attr]


@pytest.mark.parametrize("given", ["digits", "{use: digits, with: {split: test}}"])
def test_data_inside_of_those_of_a_cell_are_trained_on_by_their_training_split(
    tmp_path: Path, catalog: Catalog, given: str
) -> None:
    """A model of such a cell would otherwise learn from the examples that it is tested on."""
    data = f"{{use: subset, with: {{n: 100, dataset: {given}, test: digits, split: test}}}}"
    text = HEAD.replace("[digit_mlp]", "[{use: structured_net, with: {width: 8}}]")
    (cell,) = plan(tmp_path, text.replace("data: digits", f"data: {data}"), catalog).cells
    model, tested = cell.components["model"], cell.components["data"]
    assert model is not None
    assert model.trained_on is not None
    assert tested is not None
    assert tested.parameters["dataset"].parameters["split"] == "test"
    assert model.trained_on.parameters["dataset"].parameters["split"] == "train"
    assert model.trained_on.parameters["n"] == 100


def test_labels_that_file_names_cannot_tell_apart_are_refused(tmp_path: Path, catalog: Catalog) -> None:
    text = HEAD.replace("[digit_mlp]", "[{use: digit_mlp, as: 'a b'}, {use: digit_mlp, as: a-b}]")
    assert "under labels that file names cannot tell apart: 'a b' and 'a-b'" in message(tmp_path, text, catalog)
    others = HEAD.replace("[digit_mlp]", "[{use: digit_mlp, as: 'a b'}, {use: digit_mlp, as: a.b}]")
    assert len({cell.id for cell in plan(tmp_path, others, catalog).cells}) == 2


@pytest.mark.parametrize("letter", ["a", "\u00e9", "\u8bed", "\U0001f600"])
def test_ids_of_any_script_are_file_names(letter: str, tmp_path: Path, catalog: Catalog) -> None:
    label = letter * 300
    (cell,) = plan(tmp_path, HEAD.replace("[digit_mlp]", f"[{{use: digit_mlp, as: '{label}'}}]"), catalog).cells
    assert len(cell.id.encode()) <= 220
    (tmp_path / cell.id).mkdir()
