"""Provenance of a run: code, versions, machine, command. Stored in run.json, never part of a key."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.coordinator.options import Workers
from harness.isolation import Fault
from harness.plugins import Catalog, distribution_version, name_and_version
from harness.version import __version__


def provenance(catalog: Catalog, workers: Workers, batch_size: int) -> dict[str, Any]:
    """Return facts about where this run came from.

    Args:
        catalog: plugins may add facts of their own.
        workers, batch_size: how the cells are run.
    """
    distinct = list(dict.fromkeys(workers.devices))
    return {
        "harness": __version__,
        "git": git_state(Path.cwd()),
        "argv": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "torch": distribution_version("torch"),
        "device": ",".join(distinct),
        "accelerator": _accelerator(distinct[0]),
        "workers": len(workers.devices),
        "isolation": workers.isolation,
        "threads": workers.threads,
        "batch_size": batch_size,
        "packages": packages(),
        "plugins": _plugin_facts(catalog),
    }


def packages() -> dict[str, str]:
    """Return every installed distribution and its version."""
    versions = dict(map(name_and_version, importlib.metadata.distributions()))
    return dict(sorted((name, version) for name, version in versions.items() if name))


def git_state(folder: Path) -> dict[str, Any] | None:
    """Commit of the repository around a folder and whether it has changes; None outside a repository."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        return {"commit": commit, "dirty": bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    run = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=10)
    return run.stdout.strip()


def _processor() -> str:
    try:
        match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.M)
    except OSError:
        match = None
    return match[1] if match else platform.processor()


def _accelerator(device: str) -> str | None:
    if not device.startswith("cuda"):
        return None
    import torch

    return f"{torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}"


def _plugin_facts(catalog: Catalog) -> Mapping[str, Any]:
    given = {plugin: facts() for plugin, facts in catalog.implementations("harness_provenance")}
    return {name: {"error": facts.reason} if isinstance(facts, Fault) else facts for name, facts in given.items()}
