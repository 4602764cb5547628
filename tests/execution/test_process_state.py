"""What a cell leaves behind in the process is named in its row, and changes no other row."""

from __future__ import annotations

import locale
import logging
import os
import resource
import signal
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from execution.asking import PLAIN, new_builder
from execution.plugins.leaving import QUIET, SERIOUS
from harness.contract.cells import Use
from harness.contract.rows import Status
from harness.execution.process_state import ProcessState
from harness.plugins import Catalog

IRREVERSIBLE = {"inference mode", "function mode", "dispatch mode", "saved tensors"}
"""What only another process is free of."""


def leaving(how: str) -> Use:
    return Use("attack", "leaving/leaving", "leaving", 1, {"how": how})


def take_back() -> None:
    """Leave the modes that another process would be free of."""
    while torch.overrides._get_current_function_mode_stack():
        torch.overrides._pop_mode()
    while torch.utils._python_dispatch._get_current_dispatch_mode_stack():
        torch.utils._python_dispatch._pop_mode()
    while torch._C._autograd._top_saved_tensors_default_hooks(False):
        torch._C._autograd._pop_saved_tensors_default_hooks()
    while sys.modules["leaving"].KEPT:
        sys.modules["leaving"].KEPT.pop().__exit__(None, None, None)


@pytest.fixture(autouse=True)
def as_before(acting: Catalog) -> Iterator[None]:
    state = ProcessState(acting.packages)
    state.begin_cell()
    yield
    take_back()
    assert state.end_cell() == ""


@pytest.mark.parametrize("how", sorted(IRREVERSIBLE))
def test_what_cannot_be_put_back_makes_later_rows_of_the_process_invalid(
    measure: Any, acting: Catalog, tmp_path: Path, how: str
) -> None:
    builder = new_builder(acting, tmp_path)
    _, before = measure(builder, PLAIN)
    spoilt, _ = measure(builder, PLAIN, attack=leaving(how))
    assert spoilt.status is Status.INVALID
    assert spoilt.reason.startswith("the cell left the process changed: ")
    assert SERIOUS[how][0] in spoilt.reason
    assert "small computation" not in spoilt.reason
    later, _ = measure(builder, PLAIN)
    assert later.status is Status.INVALID
    assert later.reason.startswith("an earlier cell left the process changed: ")
    assert SERIOUS[how][0] in later.reason
    take_back()
    assert measure(new_builder(acting, tmp_path), PLAIN)[1] == before


@pytest.mark.parametrize("how", sorted(set(SERIOUS) - IRREVERSIBLE))
def test_what_is_left_is_named_and_put_back(measure: Any, acting: Catalog, tmp_path: Path, how: str) -> None:
    builder = new_builder(acting, tmp_path)
    _, before = measure(builder, PLAIN)
    spoilt, _ = measure(builder, PLAIN, attack=leaving(how))
    # With another default device it fails before it ends.
    assert spoilt.status is (Status.FAILED if how == "device" else Status.INVALID)
    assert "the cell left the process changed: " in spoilt.reason
    assert SERIOUS[how][0] in spoilt.reason
    assert builder.process.is_spoilt
    assert builder.process.stuck == ""
    again, answers = measure(builder, PLAIN)
    assert (again.status, again.reason) == (Status.OK, "")
    assert answers == before


@pytest.mark.parametrize("how", sorted(QUIET))
def test_what_libraries_set_for_themselves_is_put_back_without_a_word(
    measure: Any, acting: Catalog, tmp_path: Path, how: str
) -> None:
    def settings() -> Any:
        mask = os.umask(0)
        os.umask(mask)
        state = torch.get_num_threads(), list(warnings.filters), np.geterr(), np.get_printoptions(), dict(os.environ)
        own = locale.setlocale(locale.LC_ALL), resource.getrlimit(resource.RLIMIT_NOFILE), sys.stdout
        own = *own, signal.getsignal(signal.SIGTERM), logging.root.manager.disable
        return state, sys.getrecursionlimit(), mask, list(sys.path), own

    builder = new_builder(acting, tmp_path)
    before, found = measure(builder, PLAIN)[1], settings()
    result, answers = measure(builder, PLAIN, attack=leaving(how))
    assert (result.status, result.reason) == (Status.OK, "")
    assert not builder.process.is_spoilt
    assert answers == before
    assert settings() == found
    assert measure(builder, PLAIN)[1] == before
