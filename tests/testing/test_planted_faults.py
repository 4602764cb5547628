"""Every kind of fault in every kind of component is found, by the check that is for it."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.contract.components import KINDS, Kind
from harness.testing import check

PLUGIN = Path(__file__).with_name("planted_faults.py")
REPEATED, BATCHES, RUNS = "repeated", "batch size means nothing", "runs in .*"

FAULTS: list[tuple[Kind, str, str, str]] = [
    ("attack", "attack_by_batch", BATCHES, "examples differ"),
    ("attack", "attack_nan", RUNS, "invalid"),
    ("attack", "attack_meddling", RUNS, "invalid: .*use_deterministic_algorithms|deterministic"),
    ("model", "model_restless", REPEATED, "examples differ"),
    ("model", "model_nan", RUNS, "invalid: .*not finite"),
    ("model", "model_learning", RUNS, "invalid: .*were changed"),
    ("model", "model_undocumented", "documentation", "describe other under"),
    ("dataset", "restless", REPEATED, "built again it has other examples"),
    ("dataset", "holes", "examples", "'inputs' has values that are no finite numbers"),
    ("dataset", "twice", "examples", "unique text ids"),
    ("dataset", "by_place", "taken in any order", "'inputs' is another one"),
    ("dataset", "short", "examples", "group 'half' has 2 values for 3 ids"),
    ("dataset", "wordless", "examples", "cannot be written as JSON"),
    ("metric", "metric_upwards", "direction and unit", "'up'; it is one of max, min, none"),
    ("metric", "metric_percent", RUNS, "fraction"),
    ("metric", "metric_of_a_number", "direction and unit", "its unit is 1; it is a text"),
    ("metric", "metric_restless", "same twice", r"0\.\d+, then 0\.\d+"),
    ("metric", "metric_nan", RUNS, "NaN|nan|finite"),
    ("sampler", "sampler_restless", REPEATED, ", then "),
    ("sampler", "sampler_by_batch", BATCHES, ", then |examples differ"),
    ("sampler", "sampler_nan", RUNS, "invalid"),
    ("extractor", "extractor_restless", REPEATED, ", then "),
    ("extractor", "extractor_by_batch", BATCHES, ", then |examples differ"),
    ("extractor", "extractor_nan", RUNS, "invalid"),
    ("attribution", "attribution_restless", REPEATED, "examples differ"),
    ("attribution", "attribution_by_batch", BATCHES, "examples differ"),
    ("attribution", "attribution_nan", RUNS, "invalid"),
    ("aggregate", "aggregate_restless", REPEATED, "level of all is .*, then "),
    ("aggregate", "aggregate_raising", RUNS, "failed: .*no rows today"),
    ("reporter", "reporter_raising", "no warning", "no picture today"),
    ("reporter", "reporter_absent", "no warning", "absent.png"),
    ("task", "task_restless", REPEATED, "examples differ"),
    ("task", "task_by_batch", BATCHES, "examples differ"),
    ("task", "task_undeclared", "declared columns", "its records have score, which `columns`"),
    ("task", "task_nan", RUNS, "invalid"),
    ("task", "task_untidy", RUNS, "invalid: .*deterministic"),
]

# Each runs its component up to three times, in some seconds.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("planted")
    shutil.copy(PLUGIN, folder)
    yield folder
    sys.modules.pop(PLUGIN.stem, None)


def test_a_fault_is_planted_in_every_kind() -> None:
    # Executors are chosen by the core, and no plugin can offer one yet.
    assert {kind for kind, *_ in FAULTS} == set(KINDS) - {"executor"}


@pytest.mark.parametrize(("kind", "name", "check_", "told"), FAULTS, ids=[f"{name}" for _, name, *_ in FAULTS])
def test_a_planted_fault_is_found(folder: Path, kind: Kind, name: str, check_: str, told: str) -> None:
    findings = check(kind, name, plugin_folders=folder)
    wrong = {finding.check: finding.reason for finding in findings if not finding.is_fine}
    found = [reason for what, reason in wrong.items() if re.fullmatch(check_, what)]
    assert found, [str(finding) for finding in findings]
    assert re.search(told, found[0], re.DOTALL), found[0]


def test_a_heavy_import_of_an_installed_plugin_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only of the plugin that does it: others are declared as lightly as before."""
    (tmp_path / "weighty.py").write_text(
        "import torch\nfrom harness.api import Declarations, hookimpl\n"
        "@hookimpl\ndef harness_components():\n    return [Declarations('metric', __name__)('weighty', ':Weighty')]\n"
        "class Weighty:\n    '''Weighs.'''\n"
    )
    metadata = tmp_path / "weighty-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: weighty\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[harness.plugins]\nweighty = weighty\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}", prepend=":")
    light = {finding.check: finding for finding in check("metric", "weighty")}["light import"]
    assert (light.state, light.reason) == (
        "wrong",
        "declaring the components of weighty imports torch; import it in functions",
    )
    sys.modules.pop("weighty", None)
    assert {finding.check: finding.state for finding in check("attack", "noise", {"eps": 2})}["light import"] == "ok"
