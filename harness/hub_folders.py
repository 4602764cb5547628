"""Published models as folders: named by the user, or fetched from the Hugging Face hub into its cache."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from harness.contract.errors import HarnessError, MissingData, cause_of

_COMMIT = re.compile(r"[0-9a-f]{40}")


def pinned_folder(
    folder: Path | None, hub: str | None, revision: str | None, patterns: Sequence[str], *, download: bool
) -> Path:
    """Return the folder of a published model that is either named or pinned to a commit on the hub.

    Arguments as of `published_folder`.

    Raises:
        HarnessError: neither folder nor id is given, or both, or the revision is no commit.
        MissingData: it is not there, with the way to get it.
    """
    if bool(folder) == bool(hub):
        raise HarnessError("say where the model is: its folder with `folder`, or else its id on the hub with `hub`")
    if hub:
        _check_commit(hub, revision)
    return published_folder(folder, hub, revision or "", patterns, download=download)


def published_folder(
    folder: Path | None,
    hub: str | None,
    revision: str,
    patterns: Sequence[str],
    *,
    holds: Sequence[str] = ("config.json",),
    download: bool,
) -> Path:
    """Return the folder that holds a published model.

    Args:
        folder: the folder of the model; if None it is taken from the hub.
        hub: its id there, e.g. "facebook/dinov2-large".
        revision: branch, tag or commit; to download, a commit.
        patterns: which of its files are needed.
        holds: names of which the folder must hold a file, to be a model at all.
        download: fetch what is not in the cache.

    Raises:
        HarnessError: neither folder nor id is given, or a branch is to be downloaded.
        MissingData: it is not there, with the way to get it.
    """
    if folder is not None:
        if not any((folder / name).is_file() for name in holds):
            raise MissingData(f"{folder} holds no {' and no '.join(holds)}, so it is no published model")
        return folder
    if not hub:
        raise HarnessError("say where the model is: its folder with `folder`, or its id on the hub with `hub`")
    if download:
        _check_commit(hub, revision)
    from huggingface_hub import snapshot_download

    try:
        path = snapshot_download(hub, revision=revision, allow_patterns=list(patterns), local_files_only=not download)
    except (OSError, ValueError) as error:
        reason = cause_of(error, 200)
        raise MissingData(
            f"{hub} (revision {revision}) is not in the cache and could not be fetched ({reason}). Where there is a "
            f"network, run `hf download {hub} --revision {revision} --local-dir FOLDER`; then put the folder here and "
            "name it with `folder:`"
        ) from error
    return Path(path)


def _check_commit(hub: str, revision: str | None) -> None:
    if not _COMMIT.fullmatch(revision or ""):
        raise HarnessError(
            f"`revision` of {hub} must be a commit of 40 hexadecimal digits, not {revision!r}, since a branch moves; "
            f"the commits stand at https://huggingface.co/{hub}/commits/main"
        )
