"""The audit in the README runs as printed on a table with those columns."""

from __future__ import annotations

import re
from pathlib import Path

from harness.testing import run_suite


def test_the_audit_of_the_readme(root: Path, tmp_path: Path) -> None:
    readme = (root / "README.md").read_text(encoding="utf-8")
    (suite,) = [block for block in re.findall(r"```yaml\n(.*?)```", readme, re.S) if "suite: audit" in block]
    rows = [
        f"p{i},{'yes' if i % 3 else 'no'},{i % 10 / 10},{'fm'[i % 2]},{'old' if i % 5 else 'young'}" for i in range(90)
    ]
    (tmp_path / "scores.csv").write_text("id,hired,score,sex,age\n" + "\n".join(rows), encoding="utf-8")
    run = run_suite(suite, tmp_path)
    assert {row.status for row in run.rows} == {"ok"}
    assert [row.labels.get("group") for row in run.rows][:4] == [None, "sex: f", "sex: m", "sex: gap"]
