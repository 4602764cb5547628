"""What scoring documents costs beside a bare loop of the same model, and beside lm-evaluation-harness.

Run with `make benchmarks`. Nothing here fails on a slow machine: the ratio is printed and stored, never asserted; that
both sides find the same likelihood is.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import language_scoring as scoring

HERE = Path(scoring.__file__)
PAIRS = 5


@pytest.fixture
def timed(benchmark: Any) -> Any:
    """The benchmark fixture, where timings are wanted."""
    if benchmark.disabled:
        pytest.skip("a timing only; see make benchmarks")
    return benchmark


def test_the_bare_loop_finds_the_same() -> None:
    model, texts = scoring.SmallGPT(width=32, layers=1), scoring.documents(6000)
    assert sum(map(len, texts)) == 6000
    assert scoring.by_core(model, texts, 8) == pytest.approx(scoring.by_bare_loop(model, texts, 3), rel=1e-6)


def test_seconds_of_200_kb(timed: Any) -> None:
    """CPU seconds of the whole task, with encoding and records, against a loop sorted by length, in pairs."""
    torch.set_num_threads(1)
    model, texts = scoring.SmallGPT(width=64, layers=2), scoring.documents(200_000)
    ratios = []
    for _ in range(PAIRS):
        clock = time.process_time()
        bare = scoring.by_bare_loop(model, texts, 128)
        middle = time.process_time()
        ours = scoring.by_core(model, texts, 128)
        ratios.append((time.process_time() - middle) / (middle - clock))
        assert ours == pytest.approx(bare, rel=1e-6)
    timed.extra_info["ratio to a bare loop"] = statistics.median(ratios)
    print(f"\nscoring 200 KB: {statistics.median(ratios):.3f} x a bare loop, {[round(ratio, 3) for ratio in ratios]}")
    timed.pedantic(scoring.by_core, args=(model, texts, 128), rounds=1)


def process(side: str, folder: Path) -> tuple[dict[str, Any], float]:
    """What a side found in a process of its own, and the seconds from start to end."""
    clock = time.perf_counter()
    done = subprocess.run([sys.executable, HERE, side, folder], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1]), time.perf_counter() - clock


def test_peak_memory_with_50_thousand_tokens(timed: Any, tmp_path: Path) -> None:
    """The largest resident size of a process, whole and above one that only imports, against a loop in chunks."""
    told = {side: [process(side, tmp_path)[0] for _ in range(3)] for side in ("import", "bare", "core")}
    assert told["core"][0]["nats"] == pytest.approx(told["bare"][0]["nats"], rel=1e-6)
    found = {side: statistics.median(each["peak"] for each in processes) for side, processes in told.items()}
    whole = found["core"] / found["bare"]
    above = (found["core"] - found["import"]) / (found["bare"] - found["import"])
    assert found["core"] > found["import"]
    timed.extra_info.update({"peak": whole, "peak above imports": above})
    print(f"\npeak memory: {whole:.3f} x a loop in chunks, {above:.3f} x above the imports; KiB {found}")
    timed.pedantic(process, args=("core", tmp_path), rounds=1)


def test_a_thousand_short_documents_against_lm_eval(timed: Any, tmp_path: Path) -> None:
    """Whole processes, pair by pair, at batch 16."""
    for name in ("transformers", "lm_eval", "accelerate"):
        pytest.importorskip(name, reason=f"{name} is not installed; it comes with the extras `language` and `anchors`")
    scoring.save_gpt2(tmp_path, scoring.documents(100_000))
    ratios = []
    for _ in range(3):
        theirs, their_seconds = process("lm_eval", tmp_path)
        ours, our_seconds = process("harness", tmp_path)
        assert ours["nats"] == pytest.approx(theirs["nats"], rel=1e-5)
        ratios.append(their_seconds / our_seconds)
    timed.extra_info["times faster than lm-eval"] = statistics.median(ratios)
    print(f"\n1,000 short documents: {statistics.median(ratios):.2f} x faster than lm-eval, {ratios}")
    timed.pedantic(process, args=("harness", tmp_path), rounds=1)
