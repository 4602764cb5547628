"""Data sets of the Hugging Face hub, fetched at a pinned commit into its cache."""

from __future__ import annotations

import os
import re
from pathlib import Path

from harness.api import HarnessError, MissingData, cause_of

_COMMIT = re.compile(r"[0-9a-f]{40}")
_PATTERNS = ["*.parquet"]


def hub_folder(hub: str, revision: str | None, *, download: bool) -> Path:
    """Return the folder of the Parquet files of a data set on the hub, at a commit.

    Args:
        hub: its id, such as "uoft-cs/cifar10".
        revision: a commit, since a branch moves.
        download: fetch what is not in the cache.

    Raises:
        HarnessError: the revision is no commit.
        MissingData: it is not there, with the way to get it.
    """
    if not _COMMIT.fullmatch(revision or ""):
        raise HarnessError(
            f"`revision` of {hub} must be a commit of 40 hexadecimal digits, not {revision!r}, since a branch moves; "
            f"the commits stand at https://huggingface.co/datasets/{hub}/commits/main"
        )
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingData(f"data sets of the hub need the library huggingface_hub ({error}); install it") from error
    try:
        path = snapshot_download(
            hub,
            repo_type="dataset",
            revision=revision,
            allow_patterns=_PATTERNS,
            local_files_only=not download,
            endpoint=os.environ.get("HF_ENDPOINT"),
        )
    except (OSError, ValueError) as error:
        command = f"hf download --repo-type dataset {hub} --revision {revision} --local-dir FOLDER"
        raise MissingData(
            f"{hub} (revision {revision}) is not in the cache and could not be fetched ({cause_of(error, 200)}). Where "
            f"there is a network, run `{command}`; then put the folder here and name it with `folder:`"
        ) from error
    return Path(path)
