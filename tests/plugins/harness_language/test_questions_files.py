"""Questions from files: what is read, and what is told of a file that cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.api import Examples, MissingData
from harness_language.questions.files import gsm8k, questions, svamp


def written(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def columns(data: Examples) -> dict[str, Any]:
    return dict(data.take(range(len(data.ids))))


def test_json_lines_with_every_kind_of_answer(tmp_path: Path) -> None:
    rows = [
        {"q": "2+2?", "a": 4, "level": 1},
        {"q": "half?", "a": 0.5, "level": 1},
        {"q": "is\u2028it?", "a": True, "level": 2},
        {"q": "who?", "a": ["Ann", "Anne"], "level": 2},
        {"q": "the king of Mars?", "a": None, "level": 3},
    ]
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    path = written(tmp_path, "q.jsonl", f"\ufeff{lines}\n\n")
    data = questions(path, prompts="q", answers="a", groups=["level"], answer_kind="number")
    assert columns(data) == {
        "prompts": ["2+2?", "half?", "is\u2028it?", "who?", "the king of Mars?"],
        "answers": ["4", "0.5", "true", ["Ann", "Anne"], None],
    }
    assert list(data.ids) == [f"row-{i:05d}" for i in range(1, 6)]
    assert data.groups == {"level": ["1", "1", "2", "2", "3"]}
    assert data.facts == {"answer_kind": "number"}


def test_choices_by_text_or_position(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "q.csv",
        'id,prompt,answer,options,goal\na,"the sky, is", blue,"["" green"", "" blue""]",Sure\n'
        'b,one,1,"[""2"", ""1""]",\nc,two,0,"["" x"", "" y""]",\nd,free,text,,\ne,none,,"["" x"", "" y""]",\n',
    )
    data = questions(path, choices="options", goals="goal", ids="id")
    found = columns(data)
    assert list(data.ids) == list("abcde")
    # The second answer is the text "1", which is the choice at position 1, not the position 1 by its number.
    assert found["answers"] == [1, 1, 0, "text", None]
    assert found["choices"][0] == [" green", " blue"]
    assert found["choices"][3] is None
    assert found["goals"] == ["Sure", None, None, None, None]


def test_a_number_among_choices_is_a_position_and_a_text_is_a_text(tmp_path: Path) -> None:
    rows = [{"prompt": "x", "answer": answer, "options": ["1", "0"]} for answer in (0, "0", 1, "1", None, True)]
    path = written(tmp_path, "q.jsonl", "\n".join(json.dumps(row) for row in rows[:5]))
    assert columns(questions(path, choices="options"))["answers"] == [0, 1, 1, 0, None]
    with pytest.raises(MissingData, match="must be one of the choices or its position from 0 to 1, not True"):
        questions(written(tmp_path, "q.jsonl", json.dumps(rows[5])), choices="options")


def test_json_and_tab_separated(tmp_path: Path) -> None:
    as_json = written(tmp_path, "q.json", '[{"prompt": "x", "answer": "y"}]')
    as_tabs = written(tmp_path, "q.tsv", "prompt\tanswer\nx\ty\n")
    assert columns(questions(as_json)) == columns(questions(as_tabs)) == {"prompts": ["x"], "answers": ["y"]}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("q.jsonl", '{"prompt": "x"}', "row 1 of .* lacks the column 'answer'; it has prompt"),
        ("q.jsonl", '{"prompt": "x", "answer": "y"}\n{"prompt"', "line 2 of .* is no JSON"),
        ("q.jsonl", "[1]", "line 1 of .* must be a JSON object"),
        ("q.jsonl", "", "has no rows"),
        ("q.jsonl", b'{"prompt": "\xff"}', "no UTF-8 at byte 12"),
        ("q.jsonl", '{"prompt": 3, "answer": "y"}', "'prompt' in row 1 of .* must be text"),
        ("q.jsonl", '{"prompt": "", "answer": "y"}', "must be text that is not empty"),
        ("q.jsonl", '{"prompt": "x", "answer": {"y": 1}}', "'answer' in row 1 of .* must be an answer"),
        ("q.jsonl", '{"prompt": "x\\ud83d", "answer": "y"}', r"'prompt' in line 1 of .* holds '\\ud83d', half of a"),
        ("q.json", '[{"prompt": "x", "answer": ["\\udc00"]}]', r"'answer' in row 1 of .* holds '\\udc00', half of a"),
        ("q.json", '{"prompt": "x"}', "must be a JSON list of objects"),
        ("q.csv", "prompt,answer\nx\n", "row 1 of .* has not the 2 fields"),
        ("q.csv", "prompt,answer\nx,y,z\n", "row 1 of .* has not the 2 fields"),
        ("q.csv", 'prompt,answer\n"x,y\n', "is not as a table should be"),
        ("q.txt", "x", r"must end in one of \.jsonl"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, name: str, text: str | bytes, message: str) -> None:
    with pytest.raises(MissingData, match=message):
        questions(written(tmp_path, name, text))


def test_more_mistakes(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="cannot be read: No such file"):
        questions(tmp_path / "gone.jsonl")
    row = '{"prompt": "x", "answer": "z", "options": ["a", "b"], "id": 1}'
    path = written(tmp_path, "q.jsonl", f"{row}\n{row}")
    with pytest.raises(MissingData, match="must be one of the choices or its position from 0 to 1, not 'z'"):
        questions(path, choices="options")
    with pytest.raises(MissingData, match=r"the name '1' in the column 'id' .* more than once"):
        questions(path, ids="id")
    one = written(tmp_path, "one.jsonl", '{"prompt": "x", "answer": 0, "options": ["a"]}')
    with pytest.raises(MissingData, match="list of two or more texts"):
        questions(one, choices="options")


def test_gsm8k(data_folder: Path) -> None:
    data = gsm8k(folder=data_folder / "language" / "gsm8k", download=False)
    found = columns(data)
    assert len(data.ids) == 1319
    assert found["prompts"][0].startswith("Janet\u2019s ducks lay 16 eggs per day.")
    assert found["answers"][:4] == ["18", "3", "70000", "540"]
    assert all(answer.lstrip("-").isdecimal() for answer in found["answers"])


def test_published_files_that_are_not_there_or_not_the_same(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"SVAMP.json is not there. Get it from https://raw.*, or name its folder"):
        svamp(folder=tmp_path, download=False)
    written(tmp_path, "train.jsonl", "{}")
    with pytest.raises(MissingData, match="damaged or another file"):
        gsm8k("train", folder=tmp_path, download=False)


def test_svamp_as_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first two problems; the file itself is not among the test data."""
    rows = [
        {
            "ID": "chal-1",
            "Body": "Each costs 76 dollars. ",
            "Question": "How much?",
            "Answer": 51.0,
            "Type": "Sum",
        },
        {"ID": "chal-2", "Body": "Dan had $ 3 left", "Question": "Why?", "Answer": 1.5, "Type": "Common-Divison"},
    ]
    monkeypatch.setattr("harness_language.questions.files.read_pinned", lambda *_, **__: json.dumps(rows))
    data = svamp(folder=tmp_path)
    assert columns(data) == {
        "prompts": ["Each costs 76 dollars. How much?", "Dan had $ 3 left Why?"],
        "answers": ["51", "1.5"],
    }
    assert data.groups == {"operation": ["sum", "common-division"]}
