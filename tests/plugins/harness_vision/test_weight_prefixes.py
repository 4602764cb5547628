"""The prefix of a wrapper: only one that makes every name fit is taken off."""

from __future__ import annotations

import pytest

from harness_vision.weight_prefixes import wrapper_prefix

OWN = ["stem.weight", "norm.weight", "norm.num_batches_tracked"]


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod.", "model.net.", "network."])
def test_the_prefix_of_all_names(prefix: str) -> None:
    assert wrapper_prefix([f"{prefix}{name}" for name in OWN], OWN) == prefix


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["stem.weight", "module.norm.weight"],  # not of all
        ["module.stem.weight"],  # one is missing
        [*(f"model.{name}" for name in OWN), "model.head.weight"],  # one too many
        [*(f"model.{name}" for name in OWN), "loss.weight"],
        [f"backbone.{name}" for name in OWN],  # no wrapper that is known
        [f"my_module.{name}" for name in OWN],
    ],
)
def test_no_prefix_where_names_would_not_fit(names: list[str]) -> None:
    assert wrapper_prefix(names, OWN) == ""


def test_a_network_that_names_its_own_part_so_keeps_it() -> None:
    own = ["model.weight", "model.bias"]
    assert wrapper_prefix(own, own) == ""
    assert wrapper_prefix([f"model.{name}" for name in own], own) == "model."


def test_a_counter_that_old_files_lack_does_not_matter() -> None:
    assert wrapper_prefix(["module.stem.weight", "module.norm.weight"], OWN) == "module."
