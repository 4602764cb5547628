"""Secrets in the environment stand in no file and no output, whatever a plugin prints or raises."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.conftest import PLUGINS
from harness.environment_secrets import without_secrets

SECRETS = {
    "HF_TOKEN": "hf_verysecret0123456789",
    "OPENAI_API_KEY": "sk-verysecret0123456789",
    "HARNESS_TOKEN": "harness-verysecret-0123456789",
    "AWS_SECRET_ACCESS_KEY": "aws/verysecret+0123456789",
    "DB_PASSWORD": 'verysecret "pass" phrase',
}
PLUGIN = f"""
{(PLUGINS / "coins.py").read_text(encoding="utf-8")}
import os, sys
SECRETS = [os.environ[name] for name in {list(SECRETS)!r}]

_run = Toss.run

def run(self, model: Coin, data: Dataset, attack: Wind | None = None, *, ctx: Context) -> Outcome:
    print(*SECRETS, dict(os.environ))
    print(*SECRETS, file=sys.stderr)
    if attack is not None:
        raise ValueError(" ".join(SECRETS))
    outcome = _run(self, model, data, attack, ctx=ctx)
    return Outcome(outcome.records, outcome.protocol, outcome.cost, doubts=(f"a doubt: {{SECRETS[0]}}",))

Toss.run = run

@hookimpl
def harness_provenance():
    return {{"environment": dict(os.environ)}}
"""
SUITE = """
suite: secrets
task: toss
data: throws
models: [{use: coin, with: {heads: 6}}]
attacks: [none, wind]
metrics: [heads]
"""


@pytest.mark.slow
def test_secrets_are_neither_printed_nor_written(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "secret_coins.py").write_text(PLUGIN)
    (tmp_path / "s.yaml").write_text(SUITE)
    (tmp_path / "bad.yaml").write_text(
        "suite: bad\ntask: classify\ndata: {use: csv_table, with: {path: $HF_TOKEN/x.csv}}\nmodels: [digit_linear]\n"
    )
    said = ""
    for command in (
        ["run", "s.yaml", "--device", "cpu"],
        ["run", "s.yaml", "--device", "cpu", "--isolation", "inline", "--results", "inline"],
        ["report", "secrets"],
        ["explain", "secrets", "wind"],
        ["table", "secrets"],
        ["plan", "bad.yaml"],
        ["run", SECRETS["HF_TOKEN"]],
        ["--debug", "table", SECRETS["OPENAI_API_KEY"]],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "harness", "--plugins-dir", "p", *command],
            cwd=tmp_path,
            env={**os.environ, **SECRETS},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 1, 2), done.stderr
        said += done.stdout + done.stderr
    assert not [name for name, value in SECRETS.items() if value in said]
    assert "[HF_TOKEN]" in said
    files = [path for folder in ("results", "inline") for path in (tmp_path / folder).rglob("*") if path.is_file()]
    assert any(path.name == "log.txt" and b"[HF_TOKEN]" in path.read_bytes() for path in files)
    for path in files:
        content = path.read_bytes()
        assert not [name for name, value in SECRETS.items() if value.encode() in content], path


def test_what_is_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*SECRETS, "github_token", "MY_SECRETS", "X_PRIVATE_KEY", "APIKEY"):
        monkeypatch.setenv(name, "a-long-value")
        assert without_secrets("see a-long-value") == f"see [{name}]"
        monkeypatch.delenv(name)
    for name, value in (("HOME_FOLDER", "a-long-value"), ("HF_TOKEN", "short"), ("KEYBOARD", "a-long-value")):
        monkeypatch.setenv(name, value)
        assert without_secrets(f"see {value}") == f"see {value}"
        monkeypatch.delenv(name)
