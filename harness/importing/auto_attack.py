"""The state file of AutoAttack (`run_standard_evaluation(..., state_path=...)`): JSON with a robust flag per example.

It names neither the data nor the model: examples are numbered, and two files can be compared where both have as many.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.contract.errors import UsageError
from harness.importing.logs import Log, Sample, content_of, field_of, json_object, refuse
from harness.importing.roles import Roles

TOOL = "auto-attack"


def is_auto_attack(raw: Mapping[str, Any]) -> bool:
    """Whether a JSON document is such a file."""
    return "_robust_flags" in raw


def read_auto_attack(path: Path, roles: Roles) -> Log:
    """The log. Raises UsageError with the field; for a run that has not tried all its attacks yet too."""
    raw = json_object(content_of(path), path.name)
    flags = field_of(raw, "_robust_flags", path.name, list)
    for number, flag in enumerate(flags):
        if not isinstance(flag, bool):
            refuse(path.name, f"_robust_flags[{number}]", flag, "true or false")
    run = field_of(raw, "_run_attacks", path.name, list)
    asked = raw.get("_attacks_to_run")
    missing = sorted(set(map(str, asked)) - set(map(str, run))) if isinstance(asked, list) else []
    if missing:
        raise UsageError(f"{path.name}: _run_attacks lacks {', '.join(missing)}: the attack did not end")
    digits = len(str(len(flags)))
    samples = [
        Sample(f"{number:0{digits}d}", "", "", None, {"robust": float(flag)}, f"{path.name}, _robust_flags[{number}]")
        for number, flag in enumerate(flags)
    ]
    return Log(path.name, TOOL, f"auto-attack {', '.join(sorted(map(str, run)))}", path.stem, samples)
