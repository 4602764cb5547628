"""A log whose fields have other types than its tool writes is read or refused in words, whatever the field."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.contract.errors import UsageError
from harness.importing.formats import read_log
from importing.written_logs import (
    auto_attack_state,
    every_eval_ever_line,
    garak_report,
    inspect_archive,
    inspect_header,
    inspect_sample,
    lines,
    lm_eval_log,
)
from json_places import places, put

WRONG: tuple[Any, ...] = (None, "text", 7, -1.5, True, [], {}, [[]], [None], {"a": None}, ["text"], 1e400, "9" * 5000)


def _lm_eval(folder: Path) -> Path:
    return lm_eval_log(folder, [1.0, 0.0])


def _every_eval_ever(folder: Path) -> Path:
    path = folder / "samples.jsonl"
    path.write_text(lines([every_eval_ever_line(i, i) for i in range(2)]), encoding="utf-8")
    return path


def _inspect(folder: Path) -> Path:
    path = folder / "log.json"
    samples = [inspect_sample(i, "C") for i in range(2)]
    path.write_text(json.dumps({**inspect_header(), "samples": samples}), encoding="utf-8")
    return path


def _garak(folder: Path) -> Path:
    return garak_report(folder / "a.report.jsonl", [1.0, 0.0])


def _auto_attack(folder: Path) -> Path:
    return auto_attack_state(folder / "state.json", [True, False])


@pytest.mark.parametrize("write", [_lm_eval, _every_eval_ever, _inspect, _garak, _auto_attack])
def test_it_is_read_or_refused(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    path = write(tmp_path)
    text = path.read_text(encoding="utf-8")
    in_lines = path.suffix == ".jsonl"
    document = [json.loads(line) for line in text.splitlines()] if in_lines else json.loads(text)
    tried = 0
    for place in places(document):
        for wrong in WRONG:
            if in_lines and not place:
                continue
            other = put(document, place, wrong)
            path.write_text(lines(other) if in_lines else json.dumps(other), encoding="utf-8")
            with contextlib.suppress(UsageError):
                log = read_log(path)
                assert all(isinstance(sample.id, str) for sample in log.samples)
            tried += 1
    assert tried > 50


def test_an_archive_of_other_things(tmp_path: Path) -> None:
    read = 0
    for wrong in WRONG:
        sample: Any = inspect_sample(0, "C") | {"scores": wrong}
        with contextlib.suppress(UsageError):
            read += len(read_log(inspect_archive(tmp_path / "log.eval", [sample], inspect_header())).samples)
    # Without scores, with an empty set of them, and with one that is missing.
    assert read == 3
