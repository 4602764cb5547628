"""Metrics written in one line are read as those of a suite, with the same errors."""

from __future__ import annotations

from types import ModuleType

import pytest

from harness.api import Component, Estimate, Records, hookimpl
from harness.contract.cells import Use
from harness.contract.errors import SuiteError
from harness.plugins import Catalog, load_catalog
from harness.signatures import SignatureReader
from harness.suite.resolve import resolve_metrics

CLASSIFY = Use("task", "harness/classify", "classify", 1, {})
OTHER = Use("task", "shares/count", "count", 1, {})


class Share:
    """A share.

    Args:
        above: of what is more than this.
    """

    columns = ("x",)
    direction = "max"
    unit = "fraction"

    def __init__(self, above: float = 0.5) -> None:
        self.above = above

    def estimate(self, records: Records) -> Estimate:
        return Estimate.undefined("never asked")


class Count:
    def run(self) -> None:
        return None


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    @hookimpl
    def harness_components() -> list[Component]:
        target = f"{__name__}:Share"
        return [
            Component("metric", "share", target, "A share."),
            Component("metric", "share_of_counts", target, "A share.", tasks=frozenset({"count"})),
            Component("task", "count", f"{__name__}:Count", "Counts."),
        ]

    plugin = ModuleType("shares")
    plugin.harness_components = harness_components  # type: ignore[attr-defined]
    return load_catalog(extra={"shares": plugin})


def resolved(catalog: Catalog, text: str, **tasks: Use) -> dict[str, tuple[Use, ...]]:
    return resolve_metrics(text, tasks or {"e": CLASSIFY}, catalog, SignatureReader(), "--metrics")


def error(catalog: Catalog, text: str, **tasks: Use) -> str:
    with pytest.raises(SuiteError) as caught:
        resolved(catalog, text, **tasks)
    return str(caught.value)


@pytest.mark.parametrize(
    "text", ["accuracy, robust_accuracy", "[accuracy, robust_accuracy]", " accuracy,robust_accuracy "]
)
def test_brackets_are_optional(catalog: Catalog, text: str) -> None:
    assert [use.name for use in resolved(catalog, text)["e"]] == [
        "harness/accuracy",
        "harness_adversarial/robust_accuracy",
    ]


def test_entries_are_those_of_a_suite(catalog: Catalog) -> None:
    text = "{use: share, as: most, with: {above: 1/4}}, {use: share, sweep: {above: [1, 2]}}"
    found = resolved(catalog, text)["e"]
    assert [(use.label, use.parameters) for use in found] == [
        ("most", {"above": 0.25}),
        ("share above=1", {"above": 1.0}),
        ("share above=2", {"above": 2.0}),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("acuracy", "--metrics:1:2: metrics.0: there is no metric named 'acuracy'"),
        ("acuracy", "= did you mean 'accuracy'?"),
        ("accuracy, pgd", "--metrics:1:12: metrics.1: 'pgd' is of kind attack, not metric"),
        ("{use: share, with: {abov: 1}}", "unknown parameter 'abov'"),
        ("{use: share, with: {above: much}}", "'above' must be a number, not 'much'"),
        ("[{usee: share}]", "unknown key 'usee'"),
        ("share, {use: share, with: {above: 1}}", "2 entries are called 'share'"),
        ("[accuracy", "not YAML"),
        ("", "at least 1 item"),
        ("3", "must be a name or a mapping"),
    ],
)
def test_mistakes_are_shown_where_they_stand(catalog: Catalog, text: str, told: str) -> None:
    assert told in error(catalog, text)


def test_a_metric_must_fit_one_of_the_tasks(catalog: Catalog) -> None:
    found = resolved(catalog, "accuracy, robust_accuracy, share_of_counts", one=CLASSIFY, other=OTHER)
    assert {name: [use.label for use in uses] for name, uses in found.items()} == {
        "one": ["accuracy", "robust_accuracy"],
        "other": ["accuracy", "share_of_counts"],
    }
    assert "is for count; the task is 'classify'" in error(catalog, "accuracy, share_of_counts")
