"""Answers of one model on the disk, by request, so that none is asked for twice, whatever ends a run.

An SQLite file for each model and version: an answer is there whole or not at all, however a process ends, and several
processes may use it. It holds digests of requests, never their text, and what the answers have cost in tokens.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.api import HarnessError, cause_of

_TABLES = """
CREATE TABLE IF NOT EXISTS answers (request TEXT PRIMARY KEY, answer TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spent (one INTEGER PRIMARY KEY CHECK (one = 0), prompt INTEGER, completion INTEGER);
INSERT OR IGNORE INTO spent VALUES (0, 0, 0);
"""
_WAIT_SECONDS = 60.0


class KeptAnswers:
    """The answers of one model. Threads may share it.

    Args:
        folder: where the files of all models lie.
        identity: what tells this model from others: its address, name and version.
        name: the beginning of the name of its file.

    Raises:
        HarnessError: the file cannot be read or written.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], name: str) -> None:
        plain = re.sub(r"[^\w.-]+", "-", name)[:60]
        self.path = folder / f"{plain}-{digest_of(identity)[:12]}.sqlite"
        self._lock = threading.Lock()
        with self._explained():
            folder.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(self.path, timeout=_WAIT_SECONDS, check_same_thread=False)
            # Safe from a killed process at once; a loss of power may cost the last answers.
            self._file.execute("PRAGMA journal_mode=WAL")
            self._file.execute("PRAGMA synchronous=NORMAL")
            with self._file:
                self._file.executescript(_TABLES)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def get(self, request: str) -> Any | None:
        """The answer to the request with this digest; None if it was never given."""
        with self._lock, self._explained():
            row = self._file.execute("SELECT answer FROM answers WHERE request = ?", (request,)).fetchone()
            return None if row is None else json.loads(row[0])

    def put(self, request: str, answer: Any, prompt_tokens: int, completion_tokens: int) -> None:
        """Keep an answer with what it has cost; the first one to a request stays."""
        with self._lock, self._explained(), self._file:
            text = json.dumps(answer)
            self._file.execute("INSERT OR IGNORE INTO answers VALUES (?, ?)", (request, text))
            paid = "UPDATE spent SET prompt = prompt + ?, completion = completion + ?"
            self._file.execute(paid, (prompt_tokens, completion_tokens))

    def spent(self) -> tuple[int, int]:
        """The tokens of prompts and answers that were paid for so far."""
        with self._lock, self._explained():
            prompt, completion = self._file.execute("SELECT prompt, completion FROM spent").fetchone()
            return int(prompt), int(completion)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error, ValueError) as error:
            raise HarnessError(
                f"the kept answers in {self.path} cannot be used: {cause_of(error)}. Name another folder with "
                "`cache:`, or move the file away, which asks for them again"
            ) from error


def digest_of(request: Any) -> str:
    """The digest of what can be written as JSON, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
