"""Folders of published models: a branch moves, so only a commit is fetched."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness.contract.errors import HarnessError, MissingData
from harness.hub_folders import published_folder

COMMIT = "0" * 40


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    """What the library of the hub is asked for."""
    calls: list[dict[str, Any]] = []
    hub = ModuleType("huggingface_hub")

    def snapshot_download(name: str, **how: Any) -> str:
        calls.append({"name": name, **how})
        return str(tmp_path)

    hub.snapshot_download = snapshot_download  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    return calls


@pytest.mark.parametrize("revision", ["main", "", "v1.0", COMMIT[:-1], COMMIT + "\n"])
def test_a_branch_is_not_downloaded(asked: list[dict[str, Any]], revision: str) -> None:
    with pytest.raises(HarnessError, match="must be a commit of 40 hexadecimal digits"):
        published_folder(None, "a/b", revision, ["*"], download=True)
    assert asked == []


def test_a_commit_is_downloaded_and_a_branch_read_from_the_cache(asked: list[dict[str, Any]], tmp_path: Path) -> None:
    assert published_folder(None, "a/b", COMMIT, ["*.json"], download=True) == tmp_path
    assert published_folder(None, "a/b", "main", ["*.json"], download=False) == tmp_path
    assert [(call["revision"], call["local_files_only"]) for call in asked] == [(COMMIT, False), ("main", True)]


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"holds no config\.json"):
        published_folder(tmp_path, None, "", ["*"], download=False)
