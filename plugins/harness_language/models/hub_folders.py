"""Published models as folders: named by the user, or fetched at one commit from the Hugging Face hub into its cache."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from harness.api import HarnessError, MissingData

_COMMIT = re.compile(r"[0-9a-f]{40}")


def published_folder(
    folder: Path | None, hub: str | None, revision: str | None, patterns: Sequence[str], *, download: bool
) -> Path:
    """The folder that holds a published model.

    Args:
        folder: where it lies; if None it is taken from the hub.
        hub: its id there, e.g. "openai-community/gpt2".
        revision: the commit there, 40 hexadecimal digits. A branch or tag may name other weights tomorrow, and rows
            that were measured with the old ones would be taken for the new.
        patterns: which of its files are needed.
        download: fetch what is not in the cache.

    Raises:
        HarnessError: not exactly one of folder and id is given, or the revision is no commit.
        MissingData: it is not there, with the way to get it.
    """
    if bool(folder) == bool(hub):
        raise HarnessError("say where the model is: its folder with `folder`, or else its id on the hub with `hub`")
    if folder is not None:
        if not (folder / "config.json").is_file():
            raise MissingData(f"{folder} holds no config.json, so it is no published model")
        return folder
    if not hub or not revision or not _COMMIT.fullmatch(revision):
        raise HarnessError(
            f"`revision` of {hub} must be a commit of 40 hexadecimal digits, not {revision!r}, since a branch moves; "
            f"the commits stand at https://huggingface.co/{hub}/commits/main"
        )
    from huggingface_hub import snapshot_download

    try:
        place = snapshot_download(hub, revision=revision, allow_patterns=list(patterns), local_files_only=not download)
    except (OSError, ValueError) as error:
        told = " ".join(str(error).split())[:200]
        raise MissingData(
            f"{hub} (revision {revision}) is not in the cache and could not be fetched ({told}). Where there is a "
            f"network, run `hf download {hub} --revision {revision} --local-dir FOLDER`; then put the folder here and "
            "name it with `folder:`"
        ) from error
    return Path(place)
