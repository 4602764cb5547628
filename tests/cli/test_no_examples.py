"""Examples left out of pages, logs and pictures, and texts that a plugin redacts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.conftest import PLUGINS, Say

SECRET = "anna@example.org"
PLUGIN = f"""
{(PLUGINS / "coins.py").read_text(encoding="utf-8")}

from harness.api import Section
_run = Toss.run

def run(self, model: Coin, data: Dataset, attack: Wind | None = None, *, ctx: Context) -> Outcome:
    print("tossed by {SECRET}")
    if attack is not None:
        raise ValueError("{SECRET} has the coin")
    outcome = _run(self, model, data, attack, ctx=ctx)
    outcome.artifacts["secret.png"] = PICTURE
    return outcome

Toss.run = run
PICTURE = bytes.fromhex("89504e470d0a1a0a") + b"a picture"

@hookimpl
def harness_page_sections(cells):
    yield Section("Examples", "<p>{{{{ text }}}}</p>", {{"text": "{SECRET} was tossed"}})
    yield Section("Sums", "<p>{{{{ text }}}}</p>", {{"text": "the sum of {SECRET} is ten"}}, shows_examples=False)
"""
REDACTS = """
import re
from harness.api import hookimpl

@hookimpl
def harness_redact(text):
    return re.sub(r"[\\w.]+@[\\w.]+", "[an address]", text)
"""
RAISES = "from harness.api import hookimpl\n\n@hookimpl\ndef harness_redact(text):\n    raise ValueError('no')\n"
SUITE = """
suite: private
task: toss
data: throws
models: [{use: coin, with: {heads: 6}}]
attacks: [none, wind]
metrics: [heads]
"""
COMMAND = ("run", "s.yaml", "--device", "cpu", "--isolation", "inline")


@pytest.fixture
def plugins(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "private_coins.py").write_text(PLUGIN)
    (tmp_path / "s.yaml").write_text(SUITE)
    yield tmp_path / "p"
    for name in ("private_coins", "redacts", "raises"):
        sys.modules.pop(name, None)


def page_of(tmp_path: Path) -> str:
    (page,) = (tmp_path / "results" / "private").glob("*/report.html")
    return page.read_text()


@pytest.mark.parametrize("where", ["report", "run"])
def test_examples_are_left_out(where: str, say: Say, plugins: Path, tmp_path: Path) -> None:
    flag = {where: ("--no-examples",)}
    assert say(*COMMAND, *flag.get("run", ()), plugins=plugins).code == 1
    assert say("report", "private", plugins=plugins).code == 0
    if where == "report":
        page = page_of(tmp_path)
        assert "tossed by" in page
        assert "was tossed" in page
        assert "data:image/png" in page
        assert "tossed by" in say("explain", "private", "wind", plugins=plugins).out
    assert say("report", "private", *flag.get("report", ()), plugins=plugins).code == 0
    page = page_of(tmp_path)
    for shown in ("tossed by", "was tossed", "data:image/png;base64"):
        assert shown not in page
    assert "the sum of" in page
    explained = say("explain", "private", "wind", *(["--no-examples"] if where == "report" else []), plugins=plugins)
    assert "tossed by" not in explained.out
    assert list((tmp_path / "results" / "private").glob("*/cells/*/records.parquet"))


def test_a_plugin_redacts(say: Say, plugins: Path, tmp_path: Path) -> None:
    (plugins / "redacts.py").write_text(REDACTS)
    assert say(*COMMAND, plugins=plugins).code == 1
    assert say("report", "private", plugins=plugins).code == 0
    page = page_of(tmp_path)
    assert "tossed by [an address]" in page
    assert "<p>[an address] was tossed</p>" in page
    assert "[an address] has the coin" in page
    sections = page.partition('<section id="private_coins-0">')[2]
    assert SECRET not in sections
    explained = say("explain", "private", "wind", plugins=plugins).out
    assert "tossed by [an address]" in explained
    assert SECRET not in explained


def test_what_cannot_be_redacted_is_not_shown(say: Say, plugins: Path, tmp_path: Path) -> None:
    (plugins / "raises.py").write_text(RAISES)
    assert say(*COMMAND, plugins=plugins).code == 1
    assert say("report", "private", plugins=plugins).code == 0
    page = page_of(tmp_path)
    assert "[not shown: harness_redact of plugin &#39;raises&#39; failed: ValueError: no]" in page
    assert SECRET not in page.partition('<section id="private_coins-0">')[2]


def test_a_run_without_examples_says_so_and_draws_no_records(say: Say, tmp_path: Path) -> None:
    assert say(*COMMAND[:1], "coins.yaml", *COMMAND[2:], "--no-examples").code == 0
    (run,) = (tmp_path / "results" / "coins").iterdir()
    assert json.loads((run / "run.json").read_text())["examples"] is False


METRICS = """

class Named(Heads):
    "Raises with the name of who tossed."

    def estimate(self, records):
        raise ValueError("could not convert SECRET to a coin")


class Missing(Heads):
    "Has no value, and says of whom."

    def estimate(self, records):
        return Estimate.undefined("nothing is known of 'SECRET'")


@hookimpl
def harness_components():
    new = [Component("metric", "named", f"{__name__}:Named"), Component("metric", "missing", f"{__name__}:Missing")]
    return [*_components(), *new]
"""
COMMANDS = (
    ("table", "private"),
    ("report", "private"),
    ("explain", "private", "coin / none"),
    ("explain", "private", "coin / wind"),
    ("score", "private", "--metrics", "named, missing"),
    ("leaderboard", "results"),
    ("history", "private"),
    ("compare", "private", "private"),
)


@pytest.mark.parametrize("how", ["no_examples", "redact"])
def test_reasons_quote_no_examples(how: str, say: Say, plugins: Path, tmp_path: Path) -> None:
    text = PLUGIN.replace("@hookimpl\ndef harness_components", "def _components", 1).replace(f"of {SECRET} is ten", "")
    doubt = f"the coin of '{SECRET}' is odd"
    text = text.replace("    return outcome\n", f"    return replace(outcome, doubts=({doubt!r},))\n")
    text += f"\nfrom dataclasses import replace\n{METRICS.replace('SECRET', SECRET)}"
    (plugins / "private_coins.py").write_text(text)
    if how == "redact":
        (plugins / "redacts.py").write_text(REDACTS)
    (tmp_path / "s.yaml").write_text(SUITE.replace("[heads]", "[heads, named, missing]"))
    flags = ["--no-examples"] if how == "no_examples" else []
    ran = say(*COMMAND, *flags, "--events", "jsonl", plugins=plugins)
    assert ran.code == 1
    outputs = [ran.out, ran.err]
    for command in COMMANDS:
        said = say(*command, plugins=plugins)
        assert said.code in (0, 1, 2), said.err
        outputs += [said.out, said.err]
    (folder,) = (tmp_path / "results" / "private").iterdir()
    files = [path for path in folder.iterdir() if path.is_file()]
    assert {"table.csv", "table.md", "table.json", "score.json", "report.html"} <= {path.name for path in files}
    for text in (*outputs, *(path.read_text() for path in files if path.suffix != ".png")):
        assert SECRET not in text
    table = (folder / "table.md").read_text()
    if how == "redact":
        assert "ValueError: [an address] has the coin" in table
    else:
        assert "ValueError: [text left out: it may quote an example]" in table
        assert "'…'" in (folder / "table.json").read_text()
