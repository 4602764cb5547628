"""Process trees: found from the top, ended one by one or by group."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.execution.process_tree import descendants, kill_all, signal_group
from processes import has_ended

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="process trees are read from /proc")

SLEEP = "import time; time.sleep(600)"
TREE = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-S", "-c", "import subprocess, sys; grandchild = subprocess.Popen("
    "[sys.executable, '-S', '-c', '{SLEEP}']); print(grandchild.pid, flush=True); grandchild.wait()"],
    stdout=subprocess.PIPE, text=True)
print(child.pid, child.stdout.readline().strip(), flush=True)
child.wait()
"""
MOTHER = """
import subprocess, sys
from {module} import adopt_orphans, descendants, die_with_parent
{before}
middle = subprocess.Popen([sys.executable, "-S", "-c", "import subprocess, sys; print(subprocess.Popen("
    "[sys.executable, '-S', '-c', 'import time; time.sleep(600)']).pid, flush=True)"],
    stdout=subprocess.PIPE, text=True)
orphan = int(middle.stdout.readline())
middle.wait()
import os
print(orphan, orphan in descendants(os.getpid()), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def tree() -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    """A process with a child and a grandchild."""
    top = subprocess.Popen(
        [sys.executable, "-S", "-c", TREE], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert top.stdout is not None
    child, grandchild = map(int, top.stdout.readline().split())
    yield top, child, grandchild
    with contextlib.suppress(ProcessLookupError):
        os.killpg(top.pid, signal.SIGKILL)
    top.wait()
    top.stdout.close()


def test_descendants_are_found_nearest_first(tree: tuple[subprocess.Popen[str], int, int]) -> None:
    top, child, grandchild = tree
    assert descendants(top.pid) == [child, grandchild]
    assert descendants(child) == [grandchild]
    assert descendants(grandchild) == descendants(2**30) == []


def test_all_are_killed_and_those_that_have_ended_are_no_error(tree: tuple[subprocess.Popen[str], int, int]) -> None:
    top, child, grandchild = tree
    kill_all([2**22 + 1, grandchild, child])
    # The top ends by itself once its child has.
    assert top.wait(10) == 0
    assert descendants(top.pid) == []


def test_a_signal_reaches_the_group_while_there_is_one() -> None:
    leader = subprocess.Popen([sys.executable, "-S", "-c", SLEEP], start_new_session=True)
    assert signal_group(leader.pid, signal.SIGTERM)
    assert leader.wait(10) == -signal.SIGTERM
    assert not signal_group(leader.pid, signal.SIGKILL)


def test_what_leads_no_group_is_sent_nothing(tree: tuple[subprocess.Popen[str], int, int]) -> None:
    top, child, _ = tree
    assert not signal_group(child, signal.SIGKILL)
    assert top.poll() is None


@pytest.mark.parametrize("adopts", [True, False])
def test_orphans_are_found_by_who_adopts_them(adopts: bool) -> None:
    script = MOTHER.format(module=descendants.__module__, before="adopt_orphans()" if adopts else "")
    mother = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert mother.stdout is not None
    pid, is_found = mother.stdout.readline().split()
    kill_all([int(pid)])
    mother.communicate()
    assert is_found == str(adopts)


def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    child = (
        f"from {descendants.__module__} import die_with_parent; die_with_parent(); print('ready', flush=True); {SLEEP}"
    )
    parent = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {child!r}], stdout=subprocess.PIPE, text=True)
child.stdout.readline()
print(child.pid, flush=True)
sys.stdin.read()
"""
    started = subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert started.stdout is not None
    assert started.stdin is not None
    pid = int(started.stdout.readline())
    assert Path(f"/proc/{pid}").exists()
    started.kill()
    started.wait()
    started.stdin.close()
    started.stdout.close()
    assert has_ended(pid)
