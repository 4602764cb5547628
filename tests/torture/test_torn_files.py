"""A command that is killed in the middle of writing any file leaves the old content or the new, never a half."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli.conftest import COINS, PLUGINS

pytestmark = pytest.mark.slow

REPORTER = '''

class Picture:
    """A picture and a text, larger than the least of the limits."""

    def report(self, rows, folder):
        (folder / "drawn.png").write_bytes(bytes(range(256)) * 20)
        (folder / "drawn.svg").write_text("<svg>" + "x" * 3000 + "</svg>")
        return [folder / "drawn.png", folder / "drawn.svg"]


@hookimpl
def harness_components():
    return [*_components(), Component("reporter", "draw", f"{__name__}:Picture", "A picture.")]
'''
DRIVER = """
import contextlib, importlib.metadata, io, json, os, resource, shutil, signal, sys, traceback
from pathlib import Path

import pandas, pyarrow.parquet

from harness.cli import main

folder, commands = Path(sys.argv[1]), json.loads(sys.argv[2])
os.chdir(folder)
entry_points = importlib.metadata.entry_points
importlib.metadata.entry_points = lambda **how: (
    importlib.metadata.EntryPoints() if how == {"group": "harness.plugins"} else entry_points(**how)
)


def call(*arguments):
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(said):
        code = main(["--plugins-dir", "p", "--debug", *arguments])
    if code:
        print(said.getvalue(), file=sys.stderr)
    return code


def files():
    paths = [path for path in Path("results").rglob("*") if path.is_file() and not path.name.endswith(".tmp")]
    return {str(path): path.read_bytes() for path in paths if "staging" not in path.parts and "locks" not in path.parts}


def in_child(arguments, most):
    child = os.fork()
    if child == 0:
        try:
            if most:
                # The kernel writes so many bytes of a file, and then kills.
                signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
                resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
            os._exit(call(*arguments))
        except BaseException:
            traceback.print_exc()
            os._exit(99)
    return os.waitpid(child, 0)[1]


RUN = ["run", "coins.yaml", "--device", "cpu", "--isolation", "inline"]
assert call(*RUN) == 0
(run,) = Path("results/coins").iterdir()
for command in commands:
    assert in_child([each.replace("RUN", str(run)) for each in command], 0) == 0
new = files()
shutil.copytree("results", "kept")
problems, n_killed = [], 0
for command in [RUN, *commands]:
    for most in (1, 97, 331, 1009, 2003, 4001, 8009, 30011):
        shutil.rmtree("results")
        shutil.copytree("kept", "results")
        old = {}
        if command is RUN:
            shutil.rmtree("results/store/pictures")
            shutil.rmtree("results/store/cells")
        else:
            for name in new:
                path = Path(name)
                if path.parent == run and path.name.partition(".")[0] in ("table", "score", "report", "history"):
                    old[name] = b"old"
                    path.write_bytes(b"old")
        status = in_child([each.replace("RUN", str(run)) for each in command], most)
        n_killed += os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXFSZ
        for name, content in files().items():
            whole = [known for known in (new.get(name), old.get(name)) if known is not None]
            if len(content) == most and content not in whole:
                problems.append(f"{command[0]} {most}: {name} is torn")
            elif name in old and content not in whole:
                problems.append(f"{command[0]} {most}: {name} is neither old nor new")
print(json.dumps([n_killed, problems]))
"""
COMMANDS = [
    ["table", "RUN"],
    ["report", "RUN"],
    ["report", "RUN", "--output", "results/page.html"],
    ["score", "RUN", "--metrics", "heads"],
    ["history", "coins", "--output", "results/history.png"],
    ["leaderboard", "results", "--output", "results/leaderboard.html"],
]


def test_nothing_is_torn(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    coins = (PLUGINS / "coins.py").read_text().replace("@hookimpl\ndef harness_components", "def _components", 1)
    (tmp_path / "p" / "coins.py").write_text(coins + REPORTER)
    (tmp_path / "coins.yaml").write_text(f"{COINS}reports: [draw]\n")
    command = [sys.executable, "-c", DRIVER, str(tmp_path), json.dumps(COMMANDS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    n_killed, problems = json.loads(done.stdout.splitlines()[-1])
    assert n_killed >= 20
    assert problems == []
