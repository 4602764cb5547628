"""Parameters, types, defaults and documentation come from signatures and docstrings."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import pytest
from annotated_types import Ge, Lt
from torch import nn

from harness.api import Component, ComponentOf, ImportPath, Location, Uncounted
from harness.signatures import Signature, SignatureError, SignatureReader, read_signature


class Thing:
    """What it is.

    More about it.

    Args:
        rate: how much,
            in words.
        names: some names.
        base: another model.
        place: where data lies.
        weights: a file.
        code: some code.
        quick: a detail.
    """

    def __init__(
        self,
        rate: Annotated[float, Ge(0), Lt(1)],
        kind: Literal["a", "b"] = "a",
        names: list[str] | None = None,
        base: Annotated[Any, ComponentOf("model")] = "digit_mlp",
        place: Location | None = None,
        weights: Path | None = None,
        code: Annotated[str, ImportPath()] = "",
        quick: Annotated[bool, Uncounted()] = True,
    ) -> None: ...


def library_style(steps=10, alpha=2 / 255, c=1, flag=False, target=None):  # type: ignore[no-untyped-def]
    """A function as libraries write them.

    Arguments:
        steps (int): number of steps. (Default: 10)
        alpha (float): step size.
        c (float): weight, written as a whole number.
        target (int): a class.
    """


def unresolvable(x: NoSuchName) -> None: ...  # type: ignore[name-defined]  # noqa: F821


def inexpressible(x: nn.Module) -> None: ...


class Needed(Protocol):
    attribute: int

    def one(self) -> None: ...

    def two(self) -> None: ...


class MyTask:
    def run(self, model: Needed, data: Any, attack: Needed | None, ctx: Any) -> None: ...


class Other(Protocol):
    def three(self) -> None: ...


class MyChoosingTask:
    def run(self, model: Needed | Other, ctx: Any) -> None: ...


class Three:
    def three(self) -> None: ...


class BadTask:
    def run(self, moodel: Needed, ctx: Any) -> None: ...


class Offering(nn.Module):
    later: int

    def one(self) -> None: ...


def made_by_function() -> Offering:
    return Offering()


def made_anything() -> Any: ...


def made_unknown():  # type: ignore[no-untyped-def]
    return Offering()


class Colour(Enum):
    RED = "red"


class Word(StrEnum):
    A = "a"


@dataclass(frozen=True)
class Options:
    size: int = 1


def enum_default(x: Colour = Colour.RED) -> None: ...


def str_enum_default(x: Word = Word.A) -> None: ...


def dataclass_default(x: Options = Options()) -> None: ...


def set_default(x: frozenset[int] = frozenset({1})) -> None: ...


def object_default(x=object()) -> None: ...  # type: ignore[no-untyped-def]  # noqa: B008


def infinite_default(x: float = float("inf")) -> None: ...


def nested_default(x: list[Any] = [Colour.RED]) -> None: ...  # noqa: B006


@dataclass
class MadeDefaults:
    """Fields whose defaults are made.

    Args:
        x: some names.
        y: none or a number.
    """

    x: list[str] = field(default_factory=lambda: ["a"])
    y: int | None = field(default=None)


@dataclass
class MadeSet:
    x: set[str] = field(default_factory=set)


@dataclass
class MadeInVain:
    x: list[str] = field(default_factory=lambda: [str(1 // 0)])


def read(name: str, kind: Any = "model", monkeypatch: pytest.MonkeyPatch | None = None) -> Signature:
    import sys

    sys.modules["signed"] = sys.modules[__name__]
    return read_signature(Component(kind, "x", f"signed:{name}", "s"))


def test_annotations_become_schemas() -> None:
    by_name = {p.name: p for p in read("Thing").parameters}
    assert by_name["rate"].schema == {"type": "number", "minimum": 0, "exclusiveMaximum": 1}
    assert by_name["rate"].required
    assert by_name["rate"].doc == "how much, in words."
    assert by_name["kind"].schema["enum"] == ["a", "b"]
    assert by_name["kind"].default == "a"
    assert by_name["names"].schema["anyOf"][0] == {"type": "array", "items": {"type": "string"}}
    assert by_name["base"].component == "model"
    assert (by_name["place"].path, by_name["place"].counted) == (True, False)
    assert (by_name["weights"].path, by_name["weights"].counted) == (True, True)
    assert by_name["code"].imports
    assert not by_name["quick"].counted


def test_the_default_of_a_field_with_a_factory_is_what_the_factory_makes() -> None:
    one, other = read("MadeDefaults", "metric").parameters
    assert (one.required, one.default, one.doc) == (False, ["a"], "some names.")
    assert (other.required, other.default) == (False, None)


def test_the_docstring_without_the_parameters() -> None:
    assert read("Thing").doc == "What it is.\n\nMore about it."


def test_unannotated_parameters_take_the_documented_type() -> None:
    by_name = {p.name: p for p in read("library_style").parameters}
    assert by_name["steps"].schema == {"type": "integer"}
    assert by_name["steps"].doc == "number of steps."
    assert by_name["alpha"].schema == {"type": "number"}
    assert by_name["c"].schema == {"type": "number"}
    assert by_name["flag"].schema == {"type": "boolean"}
    assert by_name["target"].schema == {"anyOf": [{"type": "integer"}, {"type": "null"}]}


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("unresolvable", "model", "an annotation cannot be resolved"),
        ("inexpressible", "model", "parameter 'x' has a type that a suite cannot express"),
        ("enum_default", "metric", "'x' has a default that a suite cannot express: <Colour.RED: 'red'>"),
        ("str_enum_default", "metric", "'x' has a default that a suite cannot express: <Word.A: 'a'>"),
        ("dataclass_default", "metric", "'x' has a default that a suite cannot express: Options"),
        ("set_default", "metric", "'x' has a default that a suite cannot express: frozenset({1})"),
        ("object_default", "metric", "'x' has a default that a suite cannot express: object"),
        ("infinite_default", "metric", "'x' has a default that a suite cannot express: inf"),
        ("nested_default", "metric", "'x' has a default that a suite cannot express: <Colour.RED: 'red'>"),
        ("MadeSet", "metric", "'x' has a default that a suite cannot express: set()"),
        ("MadeInVain", "metric", "cannot be read: ZeroDivisionError"),
        ("no_such_attribute", "model", "cannot be imported: AttributeError"),
        ("BadTask", "task", "`run` takes 'moodel'; the roles of a cell are model, data, attack, sampler"),
        ("Offering", "task", "has no method `run`"),
    ],
)
def test_unreadable_targets_are_named(name: str, kind: str, told: str) -> None:
    with pytest.raises(SignatureError, match=f"'x' \\(signed:{name}\\)") as caught:
        read(name, kind)
    assert told in str(caught.value)


def test_a_task_names_its_roles_and_needs() -> None:
    signature = read("MyTask", "task")
    assert signature.roles == {"model": False, "data": False, "attack": True}
    assert signature.needs["model"].protocol == "Needed"
    # An attribute may be set in __init__, so only methods can be missing in a class.
    assert signature.needs["model"].members == ("one", "two")


@pytest.mark.parametrize("name", ["Offering", "made_by_function"])
def test_what_a_class_offers(name: str) -> None:
    offers = read(name).offers
    assert offers is not None
    assert {"one", "parameters", "__call__", "later"} <= offers
    assert read(name).lacks(read("MyTask", "task").needs["model"]) == ["two"]


def test_a_task_may_need_any_of_several_protocols() -> None:
    needs = read("MyChoosingTask", "task").needs["model"]
    assert read("Three").lacks(needs) == []
    assert needs.missing_in(Three()) == []
    lacking = read("Offering").lacks(needs)
    assert needs.unmet(lacking) == "Needed or Other; it has no two"
    assert needs.missing_in(object()) == ["one", "two"]


def test_an_unknown_class_is_not_judged() -> None:
    assert read("made_unknown").offers is None
    assert read("made_anything").offers is None
    assert read("made_unknown").lacks(read("MyTask", "task").needs["model"]) == []


def test_a_signature_survives_json() -> None:
    for name, kind in (("Thing", "model"), ("MyTask", "task"), ("MyChoosingTask", "task"), ("made_unknown", "model")):
        signature = read(name, kind)
        assert Signature.from_json(signature.to_json()) == signature


def test_signatures_are_cached_by_key(tmp_path: Path) -> None:
    component = Component("model", "x", "signed:Thing", "s")
    first = SignatureReader(tmp_path, lambda _: "version-1").read(component)
    (kept,) = tmp_path.glob("*.json")
    text = kept.read_text(encoding="utf-8").partition("\n")[2].replace("how much", "how little")
    kept.write_text(f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}", encoding="utf-8")
    assert SignatureReader(tmp_path, lambda _: "version-1").read(component) != first
    assert SignatureReader(tmp_path, lambda _: "version-2").read(component) == first


def test_a_damaged_signature_is_read_anew(tmp_path: Path) -> None:
    component = Component("model", "x", "signed:Thing", "s")
    first = SignatureReader(tmp_path, lambda _: "version-1").read(component)
    (kept,) = tmp_path.glob("*.json")
    whole = kept.read_bytes()
    for damaged in (b"", whole[:-9], whole.replace(b"how much", b"how mach")):
        kept.write_bytes(damaged)
        assert SignatureReader(tmp_path, lambda _: "version-1").read(component) == first
        assert kept.read_bytes() == whole


def test_torchattacks_is_read_from_the_library() -> None:
    import torchattacks

    component = Component("attack", "t", "harness_adversarial.attacks.torchattacks_adapter:TorchAttack", "s")
    signature = read_signature(component)
    assert set(signature.variants) == set(torchattacks.__all__) - {"LGV", "MultiAttack"}
    square = {p.name: p for p in signature.variants["Square"].parameters}
    assert set(square) == {"norm", "eps", "n_queries", "n_restarts", "p_init", "loss", "resc_schedule"}
    assert square["eps"].default == pytest.approx(8 / 255)
    assert square["n_queries"].schema == {"type": "integer"}
    assert {p.name: p for p in signature.variants["CW"].parameters}["c"].schema == {"type": "number"}


class Walk:
    """Goes.

    Args:
        pace: how fast.
        home: where it ends.
    """

    def __init__(self, pace: float = 1.0, home: str = "") -> None:
        self.pace, self.home = pace, home


class Run(Walk):
    """Goes faster.

    Args:
        pace: how much faster.
    """


def test_what_a_class_does_not_say_of_a_parameter_its_base_does() -> None:
    signature = read_signature(Component("attack", "run", f"{__name__}:Run", "s"))
    assert signature.doc == "Goes faster."
    assert {p.name: p.doc for p in signature.parameters} == {"pace": "how much faster.", "home": "where it ends."}
