"""Addresses are taken out, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness.testing import check_hooks, page_of, run_suite

from hide_addresses import harness_redact

ROOT = Path(__file__).parents[1]


def test_promises() -> None:
    findings = check_hooks("hide_addresses", plugin_folders=ROOT)
    assert [str(finding) for finding in findings if finding.state != "ok"] == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("write to ada@example.org, please", "write to [an address], please"),
        ("a.b+c@mail.example.co.uk", "[an address]"),
        ("@hookimpl and 3 @ 5", "@hookimpl and 3 @ 5"),
    ],
)
def test_addresses_are_taken_out(text: str, shown: str) -> None:
    assert harness_redact(text) == shown


def test_a_page_is_made(tmp_path: Path) -> None:
    done = run_suite(ROOT / "hide_addresses.yaml", tmp_path, plugin_folders=ROOT)
    assert "shipped_digits" in page_of(done, ROOT)
