"""Answers on the disk: whole, claimed by one process at a time, and counted."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

from harness_language.served.kept_answers import KeptAnswers, digest_of

CLAIMS = """
import sys
from pathlib import Path
from harness_language.served.kept_answers import KeptAnswers
kept = KeptAnswers(Path(sys.argv[1]), {}, "tiny")
print(kept.claim("a", 10, 5, lambda prompt, completion: True), flush=True)
sys.stdin.read()
"""


def always(prompt: int, completion: int) -> bool:
    return True


def opened(folder: Path) -> closing[KeptAnswers]:
    return closing(KeptAnswers(folder, {}, "tiny"))


def test_an_answer_is_kept_and_paid_for(tmp_path: Path) -> None:
    with opened(tmp_path) as kept:
        assert kept.get("a") is None
        kept.put("a", {"text": "\ud83d"}, 3, 4)
    with opened(tmp_path) as kept:
        assert kept.get("a") == {"text": "\ud83d"}
        assert kept.spent() == (3, 4)
    assert [path.suffix for path in tmp_path.iterdir()] == [".sqlite"]


def test_other_models_have_other_files(tmp_path: Path) -> None:
    with closing(KeptAnswers(tmp_path, {"version": "1"}, "org/tiny: x")) as one:
        one.put("a", 1, 0, 0)
        with closing(KeptAnswers(tmp_path, {"version": "2"}, "org/tiny: x")) as two:
            assert two.get("a") is None
            assert one.path != two.path
            assert one.path.name.startswith("org-tiny-x-")


def test_a_request_is_made_by_one_at_a_time(tmp_path: Path) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as two:
        assert one.claim("a", 1, 1, always) == "ours"
        assert [each.claim("a", 1, 1, always) for each in (one, two)] == ["taken", "taken"]
        assert two.claim("b", 1, 1, always) == "ours"
        one.release("a")
        assert two.claim("a", 1, 1, always) == "ours"
        one.release("a")
        assert one.claim("a", 1, 1, always) == "taken"
        two.put("a", 1, 1, 1)
        assert one.claim("a", 1, 1, always) == "taken"
        assert one.get("a") == 1


def test_what_is_under_way_counts_as_spent(tmp_path: Path) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as two:
        one.put("a", 1, 10, 10)
        asked: list[tuple[int, int]] = []

        def allows(prompt: int, completion: int) -> bool:
            asked.append((prompt, completion))
            return prompt + completion <= 30

        assert one.claim("b", 5, 4, allows) == "ours"
        # It may cost less than it could; without anything under way it is too dear.
        assert two.claim("c", 1, 1, allows) == "taken"
        one.release("b")
        assert two.claim("c", 6, 5, allows) == "too dear"
        assert asked == [(15, 14), (16, 15), (16, 15)]


def test_the_claims_of_a_killed_process_are_void(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", CLAIMS, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ours\n"
    with opened(tmp_path) as kept:
        kept.void_claims_of_the_dead()
        assert kept.claim("a", 1, 1, always) == "taken"
        process.kill()
        process.wait(60)
        assert kept.claim("a", 1, 1, always) == "taken"
        kept.void_claims_of_the_dead()
        assert kept.claim("a", 1, 1, always) == "ours"
    assert [path.suffix for path in tmp_path.iterdir()] == [".sqlite"]


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest_of({"a": 1, "b": "\ud83d"}) == digest_of({"b": "\ud83d", "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": 2})
