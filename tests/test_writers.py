"""Files of runs and the store are written by one function, whole or not at all: nothing else opens one for writing."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

CALLS = {"write_text", "write_bytes", "savefig", "save_file", "write_table", "to_csv", "to_parquet", "to_json_file"}
OF_MODULES = {
    **dict.fromkeys(("copy", "copy2", "copyfile", "copytree", "move"), "shutil"),
    **dict.fromkeys(("save", "savez", "savez_compressed", "savetxt"), "np"),
    "dump": "json",
}
IN_STAGING = "into a folder that is renamed when it is whole"
ALLOWED = {
    "harness/files.py": "the one function, by way of a neighbour",
    "harness/cli/output.py": "a device that the user named",
    "harness/cli/job_summary.py": "a line at the end of the file that GitHub names",
    "harness/cli/report_command.py": "RunFolder.write_text, which writes whole",
    "harness/cli/nightly_command.py": "RunFolder.write_text, which writes whole",
    "harness/cli/new_command.py": "exclusively, so that no file of the user is replaced",
    "harness/coordinator/commit.py": IN_STAGING,
    "harness/downloads.py": "a part, which is moved into place when its digest is right",
    "harness/execution/build.py": IN_STAGING,
    "harness/execution/cell.py": IN_STAGING,
    "harness/execution/environment_probe.py": "an answer that is read when its process has ended well",
    "harness/execution/inline.py": IN_STAGING,
    "harness/execution/process.py": IN_STAGING,
    "harness/execution/worker.py": "a pipe",
    "harness/figures/__init__.py": IN_STAGING,
    "harness/instruments/memory.py": "a switch of the kernel",
    "harness/placing.py": "a suite of a test",
    "harness/store/archive.py": IN_STAGING,
    "harness/store/cell_result.py": IN_STAGING,
    "harness/store/records.py": IN_STAGING,
    "harness/results/table.py": "RunFolder.write_text, which writes whole",
    "harness/store/run_folder.py": "a line of reused.jsonl, of which readers skip a half; links, in staging",
    "harness/store/store.py": IN_STAGING,
    "harness/testing/runs.py": "a suite of a test",
    "plugins/harness_capacity/pictures/cost_quality.py": IN_STAGING,
    "plugins/harness_vision/shipped_digits.py": "weights that are shipped, made by hand",
}


def writes(path: Path) -> Iterator[str]:
    """The calls of a file that may write another."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = (
            node.func.value.id if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name) else ""
        )
        modes = [
            each.value for each in (*node.args, *(k.value for k in node.keywords)) if isinstance(each, ast.Constant)
        ]
        opens = name in ("open", "fdopen") and any(
            isinstance(m, str) and set(m) & set("wax+") and len(m) < 4 for m in modes
        )
        if name in CALLS or opens or (name in OF_MODULES and owner == OF_MODULES[name]):
            yield f"line {node.lineno}: {name}"


def test_only_these_write(root: Path) -> None:
    files = [path for top in ("harness", "plugins") for path in sorted((root / top).rglob("*.py"))]
    found = {str(path.relative_to(root)): list(writes(path)) for path in files}
    found = {name: calls for name, calls in found.items() if calls}
    unknown = {name: calls for name, calls in found.items() if name not in ALLOWED}
    assert not unknown, f"use harness.files.write_whole or RunFolder.write_text: {unknown}"
    assert not ALLOWED.keys() - found.keys(), "no longer needed"
