"""For the tests of plugin authors: check a component, run a suite in a temporary folder, compare two runs.

from harness.testing import assert_same_records, check, run_suite

def test_my_attack_conforms():
    for finding in check("attack", "corners", {"eps": 0.1}, plugin_folders=[HERE]):
        assert finding.is_fine, finding

def test_my_attack(tmp_path):
    one = run_suite(SUITE, tmp_path / "a", plugin_folders=[HERE], batch_size=1)
    many = run_suite(SUITE, tmp_path / "b", plugin_folders=[HERE], batch_size=64)
    assert_same_records(one, many)
"""

from __future__ import annotations

from harness.testing.conformance import check as check
from harness.testing.finding import Finding as Finding
from harness.testing.hook_checks import check_hooks as check_hooks
from harness.testing.runs import assert_same_records as assert_same_records
from harness.testing.runs import page_of as page_of
from harness.testing.runs import run_suite as run_suite
from harness.testing.runs import signature_of as signature_of
