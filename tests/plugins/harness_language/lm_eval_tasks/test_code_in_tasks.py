"""Files of tasks that name code, or are meant to hang or exhaust whoever reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.api import InvalidOutput
from harness_language.lm_eval_tasks.code_in_tasks import wants_code

LAUGHS = "a0: &a0 [x, x]\n" + "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("task: fine\n", ""),
        ("a: [{b: !function evil.run}]\n", "names the function 'evil.run'"),
        ("a: {trust_remote_code: true}\n", "says `trust_remote_code`"),
        ("include: ../../x.yaml\n", "includes '../../x.yaml'"),
        (LAUGHS, ""),
        (f"{LAUGHS}\nz: !function evil.run\n", "names the function"),
        ("a: &a {b: *a}\n", ""),
        ("a: &a [*a, {unsafe_code: true}]\n", "says `unsafe_code`"),
    ],
)
def test_what_wants_code(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "t.yaml").write_text(text)
    answer = wants_code(tmp_path, frozenset({"acc"}))
    assert reason in answer
    assert bool(answer) == bool(reason)


@pytest.mark.parametrize("text", ["[" * 100_000, "a: !!python/object/apply:os.system [true]\n", "a: \x00"])
def test_what_cannot_be_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.yaml").write_text(text)
    with pytest.raises(InvalidOutput, match=r"t\.yaml cannot be read as YAML"):
        wants_code(tmp_path, frozenset())
