"""A browser without a network, for pages."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Browser = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    """Headless Chromium with a fresh profile and no network."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("there is no chromium on PATH")
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"]

    def call(page: Path, *options: str) -> subprocess.CompletedProcess[str]:
        command = [found, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", *quiet]
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        return subprocess.run(
            [*command, profile, *options, page.as_uri()], capture_output=True, text=True, check=True, timeout=120
        )

    return call
