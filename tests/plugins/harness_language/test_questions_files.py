"""Questions from files: what is read, and what is told of a file that cannot be."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.api import Examples, InvalidOutput, MissingData
from harness_language.questions.files import gsm8k, questions, svamp
from harness_language.tasks.answer_extraction import as_number


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
    data = questions(path, prompts="q", answers="a", groups=["level"])
    assert columns(data) == {
        "prompts": ["2+2?", "half?", "is\u2028it?", "who?", "the king of Mars?"],
        "answers": ["4", "0.5", "true", ["Ann", "Anne"], None],
    }
    assert list(data.ids) == [f"row-{i:05d}" for i in range(1, 6)]
    assert data.groups == {"level": ["1", "1", "2", "2", "3"]}
    assert data.facts == {"answer_kind": "text"}


@pytest.mark.parametrize(
    ("kind", "answers", "told"),
    [
        ("number", ["1", "two"], "line 3: 'answer' is 'two', as `answer_kind: number` no number"),
        ("number", ["", "3,5"], "line 3: 'answer' is '3,5', as `answer_kind: number` no number; write one with a"),
        ("boolean", ["yes", "False", "1"], "line 4: 'answer' is '1', as `answer_kind: boolean` no yes, no, true or"),
    ],
)
def test_an_answer_that_nothing_can_equal_is_refused(tmp_path: Path, kind: Any, answers: list[str], told: str) -> None:
    rows = "".join(f'q,"{answer}"\n' for answer in answers)
    with pytest.raises(InvalidOutput, match=told):
        questions(written(tmp_path, "q.csv", f"prompt,answer\n{rows}"), answer_kind=kind)


def test_numbers_as_answers(tmp_path: Path) -> None:
    path = written(tmp_path, "q.csv", 'prompt,answer\na,"1,000"\nb,$5\nc,2.0\nd,\n')
    assert columns(questions(path, answer_kind="number"))["answers"] == ["1,000", "$5", "2.0", None]
    path = written(tmp_path, "q.jsonl", '{"prompt": "a", "answer": ["12", "a dozen"]}')
    assert columns(questions(path, answer_kind="number"))["answers"] == [["12", "a dozen"]]


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.decimal128(9, 2)])
def test_numbers_of_parquet_as_answers(tmp_path: Path, kind: pa.DataType) -> None:
    values = (
        [Decimal("0.10"), Decimal("-3.00")]
        if pa.types.is_decimal(kind)
        else np.array([0.1, -3], kind.to_pandas_dtype())
    )
    pq.write_table(pa.table({"prompt": ["a", "b"], "answer": pa.array(values, kind)}), tmp_path / "q.parquet")
    answers = columns(questions(tmp_path / "q.parquet", answer_kind="number"))["answers"]
    assert answers == (["0.10", "-3.00"] if pa.types.is_decimal(kind) else ["0.1", "-3.0"])


def test_choices_by_text_and_questions_without_choices(tmp_path: Path) -> None:
    """White space around a text does not matter, and an empty field says that nothing is right."""
    path = written(
        tmp_path,
        "q.csv",
        'id,prompt,answer,options,goal\na,"the sky, is", blue,"["" green"", "" blue""]",Sure\n'
        'b,one,1,"["" 2"", "" 1""]",\nc,two,x,"["" x"", "" y""]",\nd,free,text,,\ne,none,,"["" x"", "" y""]",\n',
    )
    data = questions(path, choices="options", goals="goal", ids="id")
    found = columns(data)
    assert list(data.ids) == list("abcde")
    assert found["answers"] == [1, 1, 0, "text", None]
    assert found["choices"][0] == [" green", " blue"]
    assert found["choices"][3] is None
    assert found["goals"] == ["Sure", None, None, None, None]


def asked(folder: Path, answers: list[Any], offered: list[str], *, form: str = "csv", **how: Any) -> list[Any]:
    """The right choices of questions that all offer the same."""
    path = folder / f"q.{form}"
    if form == "csv":
        listed = json.dumps(offered).replace('"', '""')
        lines = [f'x,"{listed}","{answer}"' for answer in answers]
        path.write_text("prompt,options,answer\n" + "\n".join(lines) + "\n")
    elif form == "parquet":
        pq.write_table(
            pa.table({"prompt": ["x"] * len(answers), "options": [offered] * len(answers), "answer": answers}), path
        )
    else:
        rows = [{"prompt": "x", "options": offered, "answer": answer} for answer in answers]
        path.write_text("\n".join(map(json.dumps, rows)))
    found: list[Any] = columns(questions(path, choices="options", **how))["answers"]
    return found


DIGITS = ["4", "2", "0", "1"]


def test_a_column_that_only_positions_explain_is_one_of_positions(tmp_path: Path) -> None:
    """Rows 1, 3 and 4 could be texts as well; "3" is none."""
    assert asked(tmp_path, ["0", "3", "1", "2"], DIGITS) == [0, 3, 1, 2]
    assert asked(tmp_path, ["0", "4", "1", "2"], DIGITS) == [2, 0, 3, 1]


def test_a_column_that_can_be_read_in_two_ways_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidOutput) as caught:
        asked(tmp_path, ["2", "1", "0"], ["0", "1", "3", "2"])
    assert str(caught.value) == (
        "q.csv, line 2: '2' ('answer') is the text of choice 3 and the position of choice 2, counted from 0; say which "
        "with `answers_are: position` or `answers_are: text`"
    )
    assert asked(tmp_path, ["2", "1", "0"], ["0", "1", "3", "2"], answers_are="position") == [2, 1, 0]
    assert asked(tmp_path, ["2", "1", "0"], ["0", "1", "3", "2"], answers_are="text") == [3, 1, 0]
    # Both readings say the same.
    assert asked(tmp_path, ["1", "0"], ["0", "1", "x"]) == [1, 0]


def test_white_space_around_a_text_makes_it_no_position(tmp_path: Path) -> None:
    with pytest.raises(InvalidOutput, match=r"'2' .* is the text of choice 0 and the position of choice 2"):
        asked(tmp_path, ["2", "1"], [" 2", " 3", " 1"])
    assert asked(tmp_path, ["2", "3"], [" 2", " 3", " 1"]) == [0, 1]
    assert asked(tmp_path, ["2 ", " 3"], [" 2", " 3", " 1"], answers_are="text") == [0, 1]
    assert asked(tmp_path, [" 2", "1 "], [" 2", " 3", " 1"], answers_are="position") == [2, 1]
    with pytest.raises(InvalidOutput, match="must be the text of one of the choices"):
        asked(tmp_path, ["a"], [" a", "a "], answers_are="text")


def test_groups_are_those_of_all_tables(tmp_path: Path) -> None:
    """A code for missing values is no group of its own until it is declared as one."""
    path = written(tmp_path, "q.csv", "prompt,answer,country\na,b,DE\nc,d,NA\ne,f,\n")
    with pytest.raises(InvalidOutput, match=r"line 3: 'country' holds 'NA': is it a value, or is none known\?"):
        questions(path, groups=["country"])
    assert questions(path, groups=["country"], unknown="not stated").groups == {
        "country": ["DE", "not stated", "not stated"]
    }
    assert questions(path, groups=["country"], unknown="none", values={"country": ["NA", "DE"]}).groups == {
        "country": ["DE", "NA", "none"]
    }
    with pytest.raises(InvalidOutput, match="`values:` names 'land', which is not among the groups"):
        questions(path, groups=["country"], values={"land": "text"})


def test_a_truth_value_is_the_choice_that_names_it(tmp_path: Path) -> None:
    for choices in (["true", "false"], [" False", " True"]):
        right = choices.index(next(choice for choice in choices if choice.strip().lower() == "true"))
        assert asked(tmp_path, [True, False], choices, form="jsonl") == [right, 1 - right]
        assert asked(tmp_path, ["TRUE", "false"], choices) == [right, 1 - right]
    with pytest.raises(InvalidOutput, match=r"must be the text of one of the choices|no choice|not True"):
        asked(tmp_path, [True], ["true", "TRUE"], form="jsonl")


def test_rows_that_need_two_readings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InvalidOutput, match="line 3: 'answer' is '0', the text of no choice, and 'blue' on line 2 no position; say whi"
    ):
        asked(tmp_path, ["blue", "0"], ["green", "blue"])
    with pytest.raises(InvalidOutput, match=r"line 3: .* the text of one of the choices or .* 0 to 1, not 'red'"):
        asked(tmp_path, ["blue", "red"], ["green", "blue"])


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_numbers_are_positions_and_texts_are_texts(tmp_path: Path, form: str) -> None:
    assert asked(tmp_path, [0, None, 3, 1, 2], DIGITS, form=form) == [0, None, 3, 1, 2]
    assert asked(tmp_path, [0.0, None, 3.0], DIGITS, form=form) == [0, None, 3]
    assert asked(tmp_path, [0, 4], DIGITS, form=form, answers_are="text") == [2, 0]
    assert asked(tmp_path, [0.0, None, 4.0], DIGITS, form=form, answers_are="text") == [2, None, 0]
    assert asked(tmp_path, ["0", "4"], DIGITS, form=form) == [2, 0]
    with pytest.raises(InvalidOutput, match=r"q.* 2: 'answer' must be the position of a choice, from 0 to 3, not 4"):
        asked(tmp_path, [0, 4], DIGITS, form=form)


def test_numbers_beside_texts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidOutput, match="line 2: 'answer' is '1', and a number on line 1; say which with `answers"):
        asked(tmp_path, [0, "1"], DIGITS, form="jsonl")
    assert asked(tmp_path, [0, "1"], DIGITS, form="jsonl", answers_are="position") == [0, 1]
    with pytest.raises(InvalidOutput, match="not True"):
        asked(tmp_path, [True], DIGITS, form="jsonl")


def test_a_long_prompt_is_asked(tmp_path: Path) -> None:
    path = written(tmp_path, "q.csv", f"prompt,answer\n{'long ' * 60_000},yes\n")
    assert len(columns(questions(path))["prompts"][0]) == 300_000


def test_the_line_in_a_message_is_that_of_the_file(tmp_path: Path) -> None:
    text = 'prompt,answer,options\n"one\ntwo\nthree",a,"[""a"", ""b""]"\n\nx,zzz,"[""a"", ""b""]"\n'
    with pytest.raises(InvalidOutput, match=r"q\.csv, line 6: 'answer' must be .*, not 'zzz'"):
        questions(written(tmp_path, "q.csv", text), choices="options")


def test_json_and_tab_separated(tmp_path: Path) -> None:
    as_json = written(tmp_path, "q.json", '[{"prompt": "x", "answer": "y"}]')
    as_tabs = written(tmp_path, "q.tsv", "prompt\tanswer\nx\ty\n")
    as_packed = written(tmp_path, "q.CSV.gz", gzip.compress(b"prompt,answer\r\nx,y\r\n"))
    assert columns(questions(as_json)) == columns(questions(as_tabs)) == {"prompts": ["x"], "answers": ["y"]}
    assert columns(questions(as_packed)) == columns(questions(as_tabs))
    other = written(tmp_path, "semicolons.csv", "prompt;answer\nx;y\n")
    assert columns(questions(other, separator=";")) == columns(questions(as_tabs))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("q.jsonl", '{"prompt": "x"}', r"q\.jsonl has no column 'answer' for answers; it has prompt"),
        ("q.jsonl", '{"prompt": "x", "answer": "y"}\n{"prompt"', r"q\.jsonl, line 2 is no JSON"),
        ("q.jsonl", "[1]", r"q\.jsonl, line 1: a row must be an object"),
        ("q.jsonl", "", "has no rows"),
        ("q.jsonl", b'{"prompt": "\xff"}', r"q\.jsonl, line 1 is not UTF-8"),
        ("q.jsonl", '{"prompt": ["x"], "answer": "y"}', "line 1: 'prompt' holds a list"),
        ("q.jsonl", '{"prompt": "", "answer": "y"}', "line 1: 'prompt' must be text that is not empty"),
        ("q.jsonl", '{"prompt": null, "answer": "y"}', "line 1: 'prompt' must be text that is not empty"),
        ("q.jsonl", '{"prompt": "x", "answer": {"y": 1}}', "line 1: 'answer' must be an answer"),
        ("q.jsonl", '{"prompt": "x\\ud83d", "answer": "y"}', "line 1: 'prompt' holds half of a surrogate pair"),
        ("q.json", '[{"prompt": "x", "answer": ["\\udc00"]}]', r"row 1: 'answer' holds '\\udc00', half of a"),
        ("q.json", '{"prompt": "x"}', "must hold a list of objects"),
        ("q.csv", "prompt,answer\nx\n", "line 2: 1 values for 2 columns"),
        ("q.csv", "prompt,answer\nx,y,z\n", "line 2: 3 values for 2 columns"),
        ("q.csv", 'prompt,answer\n"x,y\n', "line 2: a double quote opens a value and is not closed"),
        ("q.doc", "x", "what separates its values"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, name: str, text: str | bytes, message: str) -> None:
    with pytest.raises(InvalidOutput, match=message):
        questions(written(tmp_path, name, text))


def test_more_mistakes(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"gone\.jsonl is not there"):
        questions(tmp_path / "gone.jsonl")
    row = '{"prompt": "x", "answer": "z", "options": ["a", "b"], "id": 1}'
    path = written(tmp_path, "q.jsonl", f"{row}\n{row}")
    with pytest.raises(InvalidOutput, match=r"must be the text of one of the choices or the position .* 1, not 'z'"):
        questions(path, choices="options")
    with pytest.raises(InvalidOutput, match=r"q\.jsonl: the id '1' stands on line 1 and on line 2"):
        questions(path, ids="id")
    one = written(tmp_path, "one.jsonl", '{"prompt": "x", "answer": 0, "options": ["a"]}')
    with pytest.raises(InvalidOutput, match="line 1: 'options' must be a list of two or more texts"):
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


def test_known_wrong_answers_of_svamp_are_corrected_or_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also numbers of more than six digits, which a format of six would round."""
    published = {"chal-680": 1.0, "chal-50": 266.0, "chal-71": 22090603.0, "chal-161": 16.0}
    rows = [
        {"ID": name, "Body": "How", "Question": "many?", "Answer": answer, "Type": "Addition"}
        for name, answer in published.items()
    ]
    monkeypatch.setattr("harness_language.questions.files.read_pinned", lambda *_, **__: json.dumps(rows))
    assert columns(svamp(folder=tmp_path))["answers"] == ["5", None, "22090603", "1/16"]
    assert columns(svamp(folder=tmp_path, errors="as_published"))["answers"] == ["1", "266", "22090603", "16"]
    assert list(svamp(folder=tmp_path, errors="left_out").ids) == ["chal-71"]
    assert as_number("1/16") == Fraction(1, 16)


MMLU_LIKE = "subject,question,A,B,C,D,answer\nart,Who?,Ann,Bob,Cy,Di,B\nlaw,{A}?,x,y,z,,(c)\n"


def test_a_choice_in_each_column_and_a_letter_for_the_right_one(tmp_path: Path) -> None:
    path = written(tmp_path, "q.csv", MMLU_LIKE)
    data = questions(path, "On {subject}: {question}", choices=["A", "B", "C", "D"], answers_are="letter")
    assert columns(data) == {
        "prompts": ["On art: Who?", "On law: {A}?"],
        "choices": [["Ann", "Bob", "Cy", "Di"], ["x", "y", "z"]],
        "answers": [1, 2],
    }


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("art,Who?,Ann,,Cy,Di,A", "line 2: 'B' is empty, and a later choice is not"),
        ("art,Who?,Ann,Bob,,,C", "line 2: 'answer' must be the letter of a choice, from A to B, not 'C'"),
        ("art,Who?,Ann,Bob,,,Bob", "line 2: 'answer' must be the letter of a choice, from A to B, not 'Bob'"),
    ],
)
def test_letters_and_choices_that_do_not_fit(tmp_path: Path, line: str, told: str) -> None:
    path = written(tmp_path, "q.csv", f"subject,question,A,B,C,D,answer\n{line}\n")
    with pytest.raises(InvalidOutput, match=told):
        questions(path, "question", choices=["A", "B", "C", "D"], answers_are="letter")


def test_letters_are_to_be_declared(tmp_path: Path) -> None:
    path = written(tmp_path, "q.csv", MMLU_LIKE)
    with pytest.raises(InvalidOutput, match="not 'B'; letters are read with `answers_are: letter`"):
        questions(path, "question", choices=["A", "B", "C", "D"])


def test_a_prompt_of_a_column_that_is_not_there(tmp_path: Path) -> None:
    path = written(tmp_path, "q.csv", MMLU_LIKE)
    with pytest.raises(InvalidOutput, match="topic"):
        questions(path, "{topic}: {question}")
