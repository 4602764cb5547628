"""The processes that the kernel has killed because the memory of this control group ran out (Linux, v1 and v2)."""

from __future__ import annotations

import re
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_COUNT = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


def memory_kills(own: Path = Path("/proc/self/cgroup"), cgroups: Path = _CGROUPS) -> int:
    """Return how many processes of this control group were killed for want of memory so far; 0 where nothing says so.

    Args:
        own: the file that names the control groups of this process.
        cgroups: where control groups are mounted.
    """
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return max((_count(path) for line in lines for path in _files(line, cgroups)), default=0)


def _files(line: str, cgroups: Path) -> list[Path]:
    """The files that may hold the count, for a line "0::/path" of version 2 or "7:memory:/path" of version 1.

    Within a container the path may be that of the host, while the group is mounted as the root.
    """
    _, _, rest = line.partition(":")
    controllers, _, path = rest.partition(":")
    if not controllers:
        return [cgroups / path.lstrip("/") / "memory.events", cgroups / "memory.events"]
    if "memory" in controllers.split(","):
        root = cgroups / "memory"
        return [root / path.lstrip("/") / "memory.oom_control", root / "memory.oom_control"]
    return []


def _count(path: Path) -> int:
    try:
        match = _COUNT.search(path.read_text(encoding="utf-8"))
    except OSError:
        return 0
    return int(match[1]) if match else 0
