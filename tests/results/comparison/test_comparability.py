"""What must be equal is named as a user would say it; the model is never among it."""

from __future__ import annotations

from typing import Any

from harness.contract.rows import Row, Status
from harness.results.comparison.comparability import Field, differing_fields, metric_fields


def identity(name: str, version: int = 1, **parameters: Any) -> dict[str, Any]:
    return {"name": name, "version": version, "parameters": parameters, "limit": None, "trained_on": None}


def row(attack: Any = None, model: str = "m", **comparability: Any) -> Row:
    whole = {
        "task": identity("harness/classify"),
        "data": {"digest": "d" * 64, "ids": "i" * 64, "n": 9},
        "protocol": {"threat": None},
        **comparability,
    }
    components = {"model": identity(model), "attack": attack}
    return Row("e", {"model": model}, 0, Status.OK, comparability=whole, components=components)


def pgd(eps: float, steps: int = 20, version: int = 1) -> dict[str, Any]:
    return identity("harness_adversarial/pgd", version, eps=eps, steps=steps, norm="linf")


def threat(eps: float, norm: str = "linf") -> dict[str, Any]:
    return {"threat": {"norm": norm, "eps": eps, "targeted": False, "minimal": False}}


def names(a: Row, b: Row) -> list[str]:
    return [field.name for field in differing_fields(a, b)]


def test_the_model_may_differ() -> None:
    assert names(row(model="one"), row(model="other")) == []


def test_parameters_and_version_of_the_treatment() -> None:
    a = row(pgd(0.1))
    assert names(a, row(pgd(0.1))) == []
    assert names(a, row(pgd(0.2, 10))) == ["attack.eps", "attack.steps"]
    assert names(a, row(pgd(0.1, version=2))) == ["attack.version"]
    assert names(a, row(identity("harness_adversarial/fgsm", eps=0.2))) == ["attack.name"]
    assert names(a, row(None)) == ["attack"]


def test_a_parameter_that_only_one_side_has() -> None:
    assert names(row(identity("p/x", a=1)), row(identity("p/x", a=1, b=2))) == ["attack.b"]


def test_a_parameter_may_be_a_component() -> None:
    a, b = (identity("p/x", version="plus", base=identity("p/y", k=k)) for k in (1, 2))
    assert names(row(a), row(b)) == ["attack.base.k"]


def test_the_threat_is_named_where_no_parameter_is() -> None:
    assert names(row(pgd(0.1), protocol=threat(0.1)), row(pgd(0.2), protocol=threat(0.2))) == ["attack.eps"]
    assert names(row(pgd(0.1), protocol=threat(0.1)), row(pgd(0.1), protocol=threat(0.1, "l2"))) == ["threat.norm"]
    assert names(row(protocol=threat(0.1)), row(protocol=threat(0.2))) == ["threat.eps"]


def test_a_protocol_that_repeats_the_whole_treatment_is_not_named_twice() -> None:
    """As the worst case does: its treatment is the list of its attacks, and so is a field of its protocol."""
    one, other = (row(attacks, protocol={"attacks": attacks}) for attacks in (["x"], ["x", "y"]))
    assert names(one, other) == ["attack"]


def test_data_and_task() -> None:
    other = row(
        task=identity("harness/classify", 2, threshold=0.5),
        data={"digest": "e" * 64, "ids": "i" * 64, "n": 8},
        aggregate=identity("p/worst_case"),
    )
    assert names(row(), other) == ["task.version", "task.threshold", "data.digest", "data.n", "aggregate"]


def test_metrics_are_compared_where_both_are_known() -> None:
    one, other = identity("harness/accuracy"), identity("harness/accuracy", 2, top=5)
    assert [field.name for field in metric_fields(one, other)] == ["metric.version", "metric.top"]
    assert metric_fields(one, one) == []
    assert metric_fields(None, other) == metric_fields(one, None) == []


def test_fields_say_their_values_where_they_are_short() -> None:
    assert str(Field("attack.eps", 0.1, 0.2)) == "attack.eps 0.1 ≠ 0.2"
    assert str(Field("attack", None, pgd(0.1))) == "attack none ≠ harness_adversarial/pgd"
    assert str(Field("data.digest", "a" * 64, "b" * 64)) == "data.digest aaaaaaaa ≠ bbbbbbbb"
    assert str(Field("attack", ["x" * 99], ["y" * 99])) == "attack"
    # Values that look alike when rounded would only confuse.
    assert str(Field("attack.eps", 0.1, 0.1 + 1e-12)) == "attack.eps"


def test_a_name_stands_for_all_below_it() -> None:
    field = Field("attack.base.k", 1, 2)
    assert field.allowed_by(("data", "attack")) == "attack"
    assert field.allowed_by(("attack.base.k",)) == "attack.base.k"
    assert field.allowed_by(("attack.b", "k")) == ""
