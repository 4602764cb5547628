"""Every kind of page in headless Chromium: it says nothing on the console, and fits a phone."""

from __future__ import annotations

import html
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli import main
from harness.testing import run_suite

pytestmark = pytest.mark.extended

SUITE = """
suite: tiny
task: classify
data: {use: digits, limit: 60}
models:
  - {use: digit_linear, as: raw, with: {epochs: 1}}
  - use: digit_linear
    as: a model with a name that is far too long for a column of any table or phone
    with: {epochs: 30}
attacks: [none, {use: fgsm, sweep: {eps: [0.1, 0.2]}}]
metrics: [accuracy, robust_accuracy]
aggregates: [worst_case]
reports: [robustness_curve]
"""
PAGES = ("report", "compare", "leaderboard")
_PHONE = 375


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    results = tmp_path_factory.mktemp("pages")
    run = run_suite(SUITE, results)
    (key,) = {row.key for row in run.rows if row.labels["attack"] == "fgsm eps=0.1"}
    folder = str(run.folder.path)
    calls = {
        "report": ["report", folder, "--baseline", folder],
        "compare": ["compare", folder, folder, "--pair", f"raw={run.rows[-1].labels['model']}"],
        "leaderboard": ["leaderboard", folder, "--protocol", key],
    }
    written = {name: results / f"{name}.html" for name in PAGES}
    for name, call in calls.items():
        assert main([*call, "--results", str(results), "--output", str(written[name])]) == 0
    return written


@pytest.mark.parametrize("name", PAGES)
def test_the_console_stays_empty_and_the_script_runs(
    name: str, pages: dict[str, Path], browser: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = browser(pages[name], "--dump-dom", "--enable-logging=stderr")
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    assert 'data-script="ready"' in done.stdout


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wider_than_a_phone(
    name: str, pages: dict[str, Path], browser: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    # A window cannot be that narrow, but a frame can; it is of the same origin, so its width can be read.
    inner = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", pages[name].read_text(encoding="utf-8"))
    script = """
    const frame = document.querySelector("iframe");
    const told = frame.contentDocument.documentElement;
    document.body.dataset.width = `${told.scrollWidth} of ${told.clientWidth}`;
    """
    outer = f'<body><iframe style="width:{_PHONE}px;height:900px;border:0" srcdoc="{html.escape(inner)}"></iframe>'
    (tmp_path / "phone.html").write_text(
        f"{outer}<script>addEventListener('load', () => {{{script}}})</script></body>", encoding="utf-8"
    )
    dom = browser(tmp_path / "phone.html", "--dump-dom").stdout
    width, place = (int(number) for number in re.findall(r'data-width="(\d+) of (\d+)"', dom)[0])
    # A scroll bar at the right takes a little of it.
    assert width == place > 0.9 * _PHONE
