"""Keys are bound to hosts by the user, and are sent nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.api import HarnessError, config_path
from harness_language.served.keys import Key, how_to_bind, key_for

SECRET = "sk-very-secret"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_CONFIG", str(tmp_path / "config.yaml"))
    monkeypatch.setenv("EXAMPLE_KEY", SECRET)
    return tmp_path / "config.yaml"


def test_a_key_is_for_its_host_only(config: Path) -> None:
    config.write_text("keys: {api.example.org: EXAMPLE_KEY}\nenvironments: {other: x}\n")
    assert key_for("https://api.example.org/v1").headers == {"Authorization": f"Bearer {SECRET}"}
    assert key_for("https://API.example.org:8443/v1").headers
    for url in ("https://evil.org/v1", "https://api.example.org.evil.org/", "https://evil.org/api.example.org"):
        assert key_for(url).headers == {}


def test_a_port_may_be_part_of_the_host(config: Path) -> None:
    config.write_text("keys: {'127.0.0.1:8000': EXAMPLE_KEY}\n")
    assert key_for("http://127.0.0.1:8000/v1").headers
    assert key_for("http://127.0.0.1:8001/v1").headers == {}


def test_a_key_is_not_sent_in_the_open(config: Path) -> None:
    config.write_text("keys: {api.example.org: EXAMPLE_KEY, localhost: EXAMPLE_KEY}\n")
    with pytest.raises(HarnessError, match="sent in the open"):
        key_for("http://api.example.org/v1")
    assert key_for("http://localhost:8000/v1").headers


def test_without_a_configuration_there_is_no_key(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert key_for("https://api.example.org/v1").headers == {}
    config.write_text("")
    assert key_for("https://api.example.org/v1").headers == {}
    monkeypatch.delenv("HARNESS_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/somewhere")
    assert config_path() == Path("/somewhere/harness/config.yaml")
    assert "keys: {api.example.org: NAME_OF_AN_ENVIRONMENT_VARIABLE}" in how_to_bind("https://api.example.org/v1")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("keys: {api.example.org: OTHER_KEY}", "the environment variable OTHER_KEY, which is not set"),
        ("keys: {api.example.org: sk-very-secret}", "keys stand in variables, not in this file"),
        ("keys: [sk-very-secret]", "must map hosts to names"),
        ("- sk-very-secret", "must map hosts to names"),
        ("keys: {api.example.org: sk-very-secret", "cannot be read: ParserError"),
    ],
)
def test_a_configuration_that_says_something_else(config: Path, text: str, told: str) -> None:
    config.write_text(text)
    with pytest.raises(HarnessError, match=told) as caught:
        key_for("https://api.example.org/v1")
    assert SECRET not in str(caught.value)


def test_a_key_that_no_header_can_hold(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text("keys: {api.example.org: EXAMPLE_KEY}\n")
    monkeypatch.setenv("EXAMPLE_KEY", "two\nlines")
    with pytest.raises(HarnessError, match="EXAMPLE_KEY holds characters that no key has"):
        key_for("https://api.example.org/v1")


def test_a_key_shows_in_nothing_that_is_made_of_it() -> None:
    key = Key(SECRET)
    assert SECRET not in f"{key} {key!r}"
    assert key.hidden_in(f'{{"error": "wrong key {SECRET}"}}'.encode()) == b'{"error": "wrong key [key]"}'
    assert Key().hidden_in(b"abc") == b"abc"
