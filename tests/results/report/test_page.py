"""The page of real runs, as text and in a browser."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from harness.cli import main

PLUGIN = """
import numpy as np
import torch
from harness.api import Component, Estimate, Outcome, Threat, hookimpl
{png}

@hookimpl
def harness_components():
    return [
        Component("attack", "raises", "awkward:Raises", "Fails."),
        Component("task", "draws", "awkward:Draws", "Leaves a picture."),
        Component("metric", "count", "awkward:Count", "How many examples there are."),
    ]


class Raises:
    def __init__(self):
        self.threat = Threat("linf", 0.1)

    def perturb(self, model, batch, ctx):
        for line in range(20):
            print("line", line)
        raise RuntimeError("<img src=x onerror=alert(1)>")


class Count:
    columns = ("id",)
    direction = "none"
    unit = "examples"

    def estimate(self, records):
        return Estimate(float(len(records)), None, None, 0.95, "none", len(records))


class Draws:
    def run(self, data, ctx):
        return Outcome({{"id": list(data.ids)}}, artifacts={{"grid.png": PNG, "fake.png": b"<svg onload=alert(1)>"}})
"""

SUITE = """
suite: awkward
about: Is <b>everything</b> escaped & shown?
task: classify
data: {use: digits, limit: 24}
models: [{use: digit_linear, as: "<script>alert('model')</script>", with: {epochs: 5}}]
attacks: [none, {use: fgsm, sweep: {eps: [0.1, 0.3]}}, raises]
metrics: [accuracy, robust_accuracy]
aggregates: [worst_case]
reports: [robustness_curve]
expect:
  - {metric: accuracy, at_least: 0.0}
  - {metric: accuracy, at_least: 1.1}
experiments:
  - name: attacks
  - name: pictures
    task: draws
    metrics: [count]
    models: []
    attacks: []
    aggregates: []
    reports: []
    expect: []
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run with every kind of row, as a page."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "plugins").mkdir()
    from harness.png import png

    picture = png(np.arange(64, dtype=np.uint8).reshape(8, 8) * 4)
    (folder / "plugins" / "awkward.py").write_text(PLUGIN.format(png=f"PNG = {picture!r}"), encoding="utf-8")
    (folder / "awkward.yaml").write_text(SUITE, encoding="utf-8")
    options = ["--results", str(folder / "results")]
    before = ["--plugins-dir", str(folder / "plugins")]
    how = ["--device", "cpu", "--threads", "1", "--isolation", "inline"]
    assert main([*before, "run", str(folder / "awkward.yaml"), *options, *how]) == 1
    assert main([*before, "report", "awkward", *options]) == 0
    (written,) = folder.glob("results/awkward/*/report.html")
    yield written
    sys.modules.pop("awkward", None)


@pytest.fixture(scope="module")
def html(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def test_it_needs_nothing_beside_it(html: str) -> None:
    assert re.findall(r"(?:src|href)=\"(?!data:|#)[^\"]*\"", html) == []
    assert "http://" not in html
    assert "https://" not in html
    assert "default-src 'none'" in html


def test_what_plugins_and_suites_say_is_escaped(html: str) -> None:
    assert html.count("<script>") == 1
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(&#39;model&#39;)&lt;/script&gt;" in html
    assert "<img src=x" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    assert "Is &lt;b&gt;everything&lt;/b&gt; escaped &amp; shown?" in html


def test_pictures_stand_between_headline_and_tables_as_svg(html: str) -> None:
    order = [
        html.index(f'<section id="{name}">') for name in ("headline", "curves", "tables", "failures", "provenance")
    ]
    assert order == sorted(order)
    curves = html[html.index('<section id="curves">') : html.index('<section id="tables">')]
    (uri,) = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', curves)
    assert b"robust accuracy" in base64.b64decode(uri)


def test_a_picture_without_a_readable_svg_is_shown_as_png(tmp_path: Path) -> None:
    from harness.png import png
    from harness.results.report.page import _pictures

    for name, beside in (("a", None), ("b", b"<html><script>alert(1)</script>"), ("c", b"<svg" + b" " * 2_000_000)):
        (tmp_path / f"{name}.png").write_bytes(png(np.zeros((2, 2), dtype=np.uint8)))
        if beside is not None:
            (tmp_path / f"{name}.svg").write_bytes(beside)
    assert [picture.uri[:15] for picture in _pictures(tmp_path)] == ["data:image/png;"] * 3


def test_what_differs_from_another_run_stands_after_the_headline(
    page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, results = page.parent, page.parents[2]
    arguments = ["--plugins-dir", str(page.parents[3] / "plugins"), "report", str(folder), "--results", str(results)]
    assert main([*arguments, "--baseline", str(folder), "--output", str(tmp_path / "b.html")]) == 0
    html = (tmp_path / "b.html").read_text(encoding="utf-8")
    section = html[html.index('<section id="baseline">') : html.index('<section id="curves">')]
    # Against itself nothing differs; the failed row has nothing to compare.
    assert re.search(r"0 worse, 0 better, \d+ not resolved", section)
    assert "<table" not in section
    assert main([*arguments, "--baseline", "absent"]) == 2
    assert "absent" in capsys.readouterr().err


def test_the_headline_stands_before_the_tables(html: str) -> None:
    head = html.index('<section id="headline">')
    assert head < html.index('<section id="tables">')
    section = html[head : html.index('<section id="tables">')]
    assert '<ul class="sentences"><li>' in section
    assert 'class="results"' in section
    assert '<a href="#headline">Headline</a>' in html


def test_the_head_counts_cells_and_expectations(html: str) -> None:
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.partition("<main>")[0].partition("<body>")[2]))
    # Clean, two budgets and the picture are ok, the attack that raises is not; three worst cases are derived.
    assert "4 ok 1 failed cells" in text
    assert "rows made of them" in text
    # Accuracy stands in all three rows that are ok: at least 0 holds, at least 1.1 cannot; the failed row breaks both.
    assert "Expectations: 3 passed 5 failed 0 unresolved" in text
    assert re.search(r"\d+ \w+ 20\d\d, \d\d:\d\d UTC", text)
    assert "torch 2." in text


def test_failures_have_their_reason_and_the_end_of_their_log(html: str) -> None:
    failures = html.partition('<section id="failures">')[2].partition("</section>")[0]
    assert "RuntimeError" in failures
    (log, *_) = re.findall(r"<pre>(.*?)</pre>", failures, re.S)
    assert len(log.splitlines()) == 15
    assert log.splitlines()[-1].startswith("RuntimeError")
    assert "line 0\n" not in log


def test_pictures_of_reporters_tasks_and_attacks_are_embedded(html: str) -> None:
    assert 'alt="curve linf"' in html
    assert 'alt="grid of ' in html
    assert "fake.png" not in html
    gallery = html.partition('<section id="harness_classification-0">')[2].partition("</section>")[0]
    assert "fgsm eps=0.3" in gallery
    assert gallery.count('title="clean"') == gallery.count('title="adversarial"') == gallery.count('title="difference"')
    assert 1 <= gallery.count('title="clean"') <= 8


def test_a_plugin_whose_section_fails_is_reported_and_the_page_is_written(
    page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each of these would break the page: an exception, what is no section, marked-up data, style that ends its tag."""
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    broken = {
        "raises_late": "yield Section('A', 'a'); raise RuntimeError('no')",
        "no_section": "return ['<script>']",
        "absent_name": "return [Section('A', '{{ absent }}')]",
        "marks_safe": "return [Section('A', '{{ text|safe }}', {'text': '<script>'})]",
        "ends_style": "return [Section('A', '', style='</style><script>')]",
        "good": "return [Section('A <b>', '<p>{{ text }}</p>', {'text': '<script>'}, '.good { color: red; }')]",
    }
    for name, body in broken.items():
        text = (
            f"from harness.api import Section, hookimpl\n\n@hookimpl\ndef harness_page_sections(cells):\n    {body}\n"
        )
        (plugins / f"{name}.py").write_text(text, encoding="utf-8")
    arguments = ["report", str(page.parent), "--results", str(page.parents[2]), "--output", str(tmp_path / "out.html")]
    before = ["--plugins-dir", str(page.parents[3] / "plugins"), "--plugins-dir", str(plugins)]
    assert main([*before, *arguments]) == 0
    warned = capsys.readouterr().err.splitlines()
    said = {line.split("'")[1]: line.partition("harness_page_sections: ")[2] for line in warned}
    assert said.keys() == broken.keys() - {"good"}
    assert said["raises_late"] == "RuntimeError: no"
    assert said["no_section"] == "it must yield Section objects, not str"
    assert "'absent' is undefined" in said["absent_name"]
    assert "safe" in said["marks_safe"]
    assert said["ends_style"] == "the style of section 'A' contains '<'; it is CSS without tags"
    html = (tmp_path / "out.html").read_text(encoding="utf-8")
    added = html.partition('<section id="good-0">')[2].partition("</section>")[0]
    assert "<h2>A &lt;b&gt;</h2>" in added
    assert "<p>&lt;script&gt;</p>" in added
    assert ".good { color: red; }" in html.partition("</style>")[0]
    assert html.count("<script>") == 1
    for name in broken:
        sys.modules.pop(name, None)


def test_provenance_is_told(html: str) -> None:
    provenance = html.partition('<section id="provenance">')[2]
    for name in ("argv", "python", "torch", "device", "threads", "exit code"):
        assert f"<dt>{name}</dt>" in provenance
    assert "installed packages" in provenance
    assert re.search(r"numpy <span class=\"soft\">\d", provenance)


def test_the_page_goes_where_it_is_told(page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plugins = page.parents[3] / "plugins"
    arguments = ["--plugins-dir", str(plugins), "report", str(page.parent), "--results", str(page.parents[2])]
    assert main([*arguments, "--output", str(tmp_path / "mine.html")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "mine.html")
    assert (tmp_path / "mine.html").read_text(encoding="utf-8") == page.read_text(encoding="utf-8")
    assert main([*arguments, "--output", str(tmp_path / "absent" / "mine.html")]) == 2
    assert "cannot be written: No such file or directory" in capsys.readouterr().err


# --- in a browser ---------------------------------------------------------------------------------------------

Browser = Callable[..., subprocess.CompletedProcess[str]]


def with_script(page: Path, target: Path, script: str) -> Path:
    """The page with one more script, which its own policy would forbid."""
    html = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text(encoding="utf-8"))
    target.write_text(html.replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
    return target


@pytest.mark.extended
def test_the_script_runs_under_the_policy_of_the_page(page: Path, browser: Browser) -> None:
    dom = browser(page, "--dump-dom").stdout
    assert re.search(r'<html[^>]*data-script="ready"', dom)


@pytest.mark.extended
def test_no_other_script_runs(page: Path, browser: Browser, tmp_path: Path) -> None:
    html = page.read_text(encoding="utf-8")
    (tmp_path / "attacked.html").write_text(
        html.replace("</body>", "<script>document.documentElement.dataset.script = 'pwned'</script></body>"),
        encoding="utf-8",
    )
    assert 'data-script="ready"' in browser(tmp_path / "attacked.html", "--dump-dom").stdout


@pytest.mark.extended
def test_headings_sort_and_the_box_filters(page: Path, browser: Browser, tmp_path: Path) -> None:
    script = """
    const table = document.querySelector("section:not(#headline) table.results");
    const headings = [...table.tHead.rows[0].cells];
    const column = headings.findIndex((each) => each.textContent.startsWith("robust"));
    const seen = () => [...table.tBodies].map((line) => line.rows[0].cells[column].dataset.value ?? "none").join(" ");
    const told = { before: seen() };
    for (const order of ["up", "down", "again"]) {
      headings[column].querySelector("button").click();
      told[order] = `${headings[column].getAttribute("aria-sort")}: ${seen()}`;
    }
    const section = table.closest("section");
    const box = section.querySelector("input");
    box.value = "FGSM eps=0.3";
    box.dispatchEvent(new Event("input"));
    told.filtered = section.querySelector(".shown").textContent;
    const left = [...table.tBodies].filter((line) => !line.hidden);
    told.left = left.map((line) => line.rows[0].cells[1].textContent.trim()).join();
    Object.assign(document.documentElement.dataset, told);
    """
    dom = browser(with_script(page, tmp_path / "clicked.html", script), "--dump-dom").stdout
    said = dict(re.findall(r'data-(\w+)="([^"]*)"', dom.partition("<head>")[0]))
    values = said["before"].split()
    numbers = sorted(float(value) for value in values if value != "none")
    absent = ["none"] * values.count("none")
    assert len(numbers) >= 2
    assert absent

    def order(text: str) -> list[object]:
        return [value if value == "none" else float(value) for value in text.partition(": ")[2].split()]

    assert said["up"].startswith("ascending")
    assert order(said["up"]) == [*numbers, *absent]
    assert said["down"].startswith("descending")
    assert order(said["down"]) == [*numbers[::-1], *absent]
    assert said["again"] == f"null: {said['before']}"
    assert said["filtered"] == f"1 of {len(values)} rows"
    assert said["left"] == "fgsm eps=0.3"


@pytest.mark.extended
@pytest.mark.parametrize(("options", "is_dark"), [((), False), (("--force-dark-mode",), True)])
def test_it_is_drawn_in_light_and_dark(
    page: Path, browser: Browser, tmp_path: Path, options: tuple[str, ...], is_dark: bool
) -> None:
    shot = tmp_path / "shot.png"
    browser(page, f"--screenshot={shot}", "--window-size=1400,2000", "--hide-scrollbars", *options)
    drawn = imread(shot)[..., :3]
    assert drawn.shape == (2000, 1400, 3)
    brightness = drawn.mean(axis=2)
    # The left margin is paper; text and pictures on it make for many brightnesses in every fourth of the page.
    assert (brightness[:, 3].mean() < 0.3) == is_dark
    assert all(len(np.unique(np.rint(part * 255))) > 20 for part in np.array_split(brightness, 4))
