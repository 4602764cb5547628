"""`harness list` as a user meets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.conftest import Say
from harness.contract.components import KINDS


def test_the_components_of_one_kind(say: Say) -> None:
    said = say("list", "model")
    assert said.code == 0
    lines = [line.split() for line in said.out.splitlines()]
    assert ["models"] in lines
    assert ["coin", "A", "coin.", "coins"] in lines
    assert "wind" not in said.out


def test_all_kinds_that_have_any_in_one_order(say: Say) -> None:
    said = say("list")
    titles = [line for line in said.out.splitlines() if line.removesuffix("s") in KINDS]
    assert titles == [f"{kind}s" for kind in KINDS if f"{kind}s" in titles]
    assert {"models", "datasets", "attacks", "metrics", "tasks"} <= set(titles)


def test_what_did_not_load_is_named_beside_the_list(say: Say, tmp_path: Path) -> None:
    folder = tmp_path / "torn_plugins"
    folder.mkdir()
    (folder / "split.py").write_text("import nothing_of_this_name\n", encoding="utf-8")
    said = say("list", "model", plugins=folder)
    assert said.code == 0
    assert "nothing_of_this_name" not in said.out
    assert f"plugin 'split' ({folder / 'split.py'}) was left out at import: ModuleNotFoundError" in said.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["modle"], "'modle' is not one of model, dataset"), (["model", "coin"], "unexpected extra")],
)
def test_usage_errors(say: Say, arguments: list[str], told: str) -> None:
    said = say("list", *arguments)
    assert said.code == 2
    assert told in said.err
