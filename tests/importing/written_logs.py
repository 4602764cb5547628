"""Logs as other tools write them, made up by hand from their documented fields."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

N = 220
DATE = "2026-01-21T03-44-18.458309"


def question(i: int) -> str:
    return f"What is {i} + {i}?"


def lines(objects: Sequence[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(each) + "\n" for each in objects)


def lm_eval_line(i: int, right: Any, **more: Any) -> dict[str, Any]:
    line = {
        "doc_id": i,
        "doc": {"question": question(i), "subject": "ab"[i % 2]},
        "target": str(2 * i),
        "arguments": {"gen_args_0": {"arg_0": f"Q: {question(i)}\nA:", "arg_1": {"until": ["\n"]}}},
        "resps": [[f" {2 * i}"]],
        "filtered_resps": [str(2 * i) if right else "no"],
        "filter": "none",
        "metrics": ["exact_match"],
        "doc_hash": "0",
        "exact_match": right,
    }
    return {**line, **more}


def lm_eval_log(folder: Path, rights: Sequence[Any], task: str = "sums", model: str = "org/a") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"samples_{task}_{DATE}.jsonl"
    path.write_text(lines([lm_eval_line(i, right) for i, right in enumerate(rights)]), encoding="utf-8")
    about = {"model_name": model, "higher_is_better": {task: {"exact_match": True}}}
    (folder / f"results_{DATE}.json").write_text(json.dumps(about), encoding="utf-8")
    return path


def inspect_sample(i: int, right: Any, epoch: int = 1) -> dict[str, Any]:
    return {
        "id": i + 1,
        "epoch": epoch,
        "input": [{"role": "system", "content": "Sum."}, {"role": "user", "content": question(i)}],
        "target": str(2 * i),
        "output": {"choices": [{"message": {"role": "assistant", "content": [{"type": "text", "text": "4"}]}}]},
        "scores": {"match": {"value": right, "answer": "4"}},
        "metadata": {"level": "easy"},
    }


def inspect_header(status: str = "success", task: str = "sums", model: str = "org/b") -> dict[str, Any]:
    return {"version": 2, "status": status, "eval": {"task": task, "model": model}}


def inspect_archive(path: Path, samples: Sequence[Mapping[str, Any]], header: Mapping[str, Any] | None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_journal/start.json", "{}")
        for sample in samples:
            archive.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", json.dumps(sample))
        if header is not None:
            archive.writestr("header.json", json.dumps(header))
    return path


def with_zstandard(path: Path) -> Path:
    """The same archive with its files packed by Zstandard (method 93), as zipfile before 3.14 cannot write it."""
    import pyarrow as pa

    packed: dict[str, bytes] = {}
    with zipfile.ZipFile(path) as archive:
        originals = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name, content in originals.items():
            packed[name] = pa.compress(content, codec="zstd", asbytes=True)
            archive.writestr(name, packed[name])
    content = bytearray(made.getvalue())
    with zipfile.ZipFile(io.BytesIO(bytes(content))) as archive:
        entries = archive.infolist()
        central = archive.start_dir
    for entry in entries:
        whole = originals[entry.filename]
        crc, size = zlib.crc32(whole), len(whole)
        for start, method, sums in ((entry.header_offset, 8, 14), (central, 10, 16)):
            content[start + method : start + method + 2] = (93).to_bytes(2, "little")
            content[start + sums : start + sums + 4] = crc.to_bytes(4, "little")
            content[start + sums + 8 : start + sums + 12] = size.to_bytes(4, "little")
        central += 46 + len(entry.filename.encode()) + len(entry.extra) + len(entry.comment)
    path.write_bytes(bytes(content))
    return path


def garak_report(path: Path, hits: Sequence[float], *, ended: bool = True) -> Path:
    entries: list[dict[str, Any]] = [{"entry_type": "start_run setup", "plugins.target_name": "org/g"}]
    for i, hit in enumerate(hits):
        attempt = {
            "entry_type": "attempt",
            "uuid": str(i),
            "seq": i,
            "probe_classname": "dan.Dan_11_0",
            "prompt": {"turns": [{"role": "user", "content": {"text": f"attack {i}"}}]},
            "outputs": [{"text": "yes"}, {"text": "no"}],
            "detector_results": {},
        }
        done = {"status": 2, "detector_results": {"dan.DAN": [hit, 0.0]}}
        entries += [{**attempt, "status": 1}, {**attempt, **done}]
    entries += [{"entry_type": "completion"}] if ended else []
    path.write_text(lines(entries), encoding="utf-8")
    return path


def every_eval_ever_line(i: int, score: Any, **more: Any) -> dict[str, Any]:
    line = {
        "schema_version": "0.3.0",
        "evaluation_id": "sums/org/1",
        "model_id": "org/e",
        "evaluation_name": "sums",
        "sample_id": str(i),
        "interaction_type": "single_turn",
        "input": {"raw": question(i), "reference": [str(2 * i)]},
        "output": {"raw": ["4"]},
        "answer_attribution": [],
        "evaluation": {"score": score, "is_correct": score == 1},
    }
    return {**line, **more}


def auto_attack_state(path: Path, flags: Sequence[Any], run: Sequence[str] = ("apgd-ce", "square")) -> Path:
    state = {
        "_attacks_to_run": ["apgd-ce", "square"],
        "path": str(path),
        "_run_attacks": list(run),
        "_robust_flags": list(flags),
        "_last_saved": "2026-01-01 00:00:00",
        "_SAVE_TIMEOUT": 60,
        "_clean_accuracy": 0.9,
    }
    path.write_text(json.dumps(state), encoding="utf-8")
    return path
