"""Answers of one model on the disk, by request, so that none is asked for twice, whatever ends a run.

An SQLite file for each model and version: an answer is there whole or not at all, however a process ends. Several
processes may use it: a request that is under way is claimed by whoever makes it, and what it may cost counts as spent.
The file holds digests of requests, never their text.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from harness.api import HarnessError, cause_of

_TABLES = """
CREATE TABLE IF NOT EXISTS answers (request TEXT PRIMARY KEY, answer TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spent (one INTEGER PRIMARY KEY CHECK (one = 0), prompt INTEGER, completion INTEGER);
CREATE TABLE IF NOT EXISTS under_way
    (request TEXT PRIMARY KEY, owner TEXT, prompt INTEGER, completion INTEGER) WITHOUT ROWID;
INSERT OR IGNORE INTO spent VALUES (0, 0, 0);
"""
_TOTAL = """
SELECT spent.prompt + coalesce(sum(under_way.prompt), 0), spent.completion + coalesce(sum(under_way.completion), 0),
    count(under_way.request) FROM spent LEFT JOIN under_way
"""
_WAIT_SECONDS = 60.0
Claim = Literal["ours", "taken", "too dear"]


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
        self._owner = f".{self.path.stem}-{secrets.token_hex(8)}.asks"
        self._lock = threading.Lock()
        with self._explained():
            folder.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(
                self.path, timeout=_WAIT_SECONDS, check_same_thread=False, isolation_level=None
            )
            # Safe from a killed process at once; a loss of power may cost the last answers.
            self._file.execute("PRAGMA journal_mode=WAL")
            self._file.execute("PRAGMA synchronous=NORMAL")
            self._file.executescript(_TABLES)
            # The kernel drops the lock when the process ends, however it ends; then its claims are void.
            self._alive = os.open(folder / self._owner, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._alive, fcntl.LOCK_EX)

    def close(self) -> None:
        """Void own claims and close the file."""
        with self._writing():
            self._file.execute("DELETE FROM under_way WHERE owner = ?", (self._owner,))
        self._file.close()
        (self.path.parent / self._owner).unlink(missing_ok=True)
        os.close(self._alive)

    def get(self, request: str) -> Any | None:
        """The answer to the request with this digest; None if it was never given."""
        with self._lock, self._explained():
            row = self._file.execute("SELECT answer FROM answers WHERE request = ?", (request,)).fetchone()
            return None if row is None else json.loads(row[0])

    def claim(self, request: str, prompt: int, completion: int, allows: Callable[[int, int], bool] | None) -> Claim:
        """Claim the right to make a request.

        It is taken as long as another process or thread makes it, or while what is under way may use up the limit.

        Args:
            request: its digest.
            prompt, completion: the tokens that it costs at most.
            allows: whether so many tokens may be spent in all; None without a limit.
        """
        with self._writing():
            for table in ("under_way", "answers"):
                if self._file.execute(f"SELECT 1 FROM {table} WHERE request = ?", (request,)).fetchone():
                    return "taken"
            if allows is not None:
                prompts, completions, others = self._file.execute(_TOTAL).fetchone()
                if not allows(prompts + prompt, completions + completion):
                    return "taken" if others else "too dear"
            row = (request, self._owner, prompt, completion)
            self._file.execute("INSERT INTO under_way VALUES (?, ?, ?, ?)", row)
        return "ours"

    def release(self, request: str) -> None:
        """Give up a claim."""
        with self._writing():
            self._file.execute("DELETE FROM under_way WHERE request = ? AND owner = ?", (request, self._owner))

    def put(self, request: str, answer: Any, prompt: int, completion: int) -> None:
        """Keep the answer to a request with the tokens that it has cost."""
        text = json.dumps(answer)
        with self._writing():
            self._file.execute("INSERT OR IGNORE INTO answers VALUES (?, ?)", (request, text))
            paid = "UPDATE spent SET prompt = prompt + ?, completion = completion + ?"
            self._file.execute(paid, (prompt, completion))
            self._file.execute("DELETE FROM under_way WHERE request = ? AND owner = ?", (request, self._owner))

    def spent(self) -> tuple[int, int]:
        """The tokens of prompts and answers that were paid for so far."""
        with self._lock, self._explained():
            prompt, completion = self._file.execute("SELECT prompt, completion FROM spent").fetchone()
            return int(prompt), int(completion)

    def void_claims_of_the_dead(self) -> None:
        """Remove the claims of processes that have ended without doing so themselves."""
        with self._writing():
            owners = [row[0] for row in self._file.execute("SELECT DISTINCT owner FROM under_way")]
            for owner in owners:
                if owner != self._owner and _has_ended(self.path.parent / owner):
                    self._file.execute("DELETE FROM under_way WHERE owner = ?", (owner,))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction, which no other process can come between."""
        with self._lock, self._explained():
            self._file.execute("BEGIN IMMEDIATE")
            try:
                yield
            finally:
                # Each statement is right by itself, and none is made after one that failed.
                self._file.execute("COMMIT")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error, ValueError) as error:
            raise HarnessError(
                f"the kept answers in {self.path} cannot be used: {cause_of(error)}. Name another folder with "
                "`cache:`, or move the file away, which asks for them again"
            ) from error


def _has_ended(path: Path) -> bool:
    """Whether nobody holds the lock of this file, which is removed then."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        path.unlink(missing_ok=True)
        return True
    finally:
        os.close(descriptor)


def digest_of(request: Any) -> str:
    """The digest of what can be written as JSON, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
