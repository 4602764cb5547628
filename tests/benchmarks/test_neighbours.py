"""Precision, recall, density and coverage against the `prdc` package: time of the processor and memory, as ratios.

Run with `make benchmarks`. Each side runs in a process of its own on one thread, since its peak of memory is read from
the system. HARNESS_BENCHMARK_SAMPLES sets the number of samples, 10000 by default. Nothing here is asserted of timings.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

WIDTH, K = 2048, 5

PROGRAM = """
import json, re, sys, time
from pathlib import Path
import numpy as np
# Not ru_maxrss, in which a process begins with the peak of the one that started it.
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
n, width, k = map(int, sys.argv[2:])
rng = np.random.default_rng(0)
real, fake = (rng.standard_normal((n, width), dtype=np.float32) for _ in range(2))
if sys.argv[1] == "prdc":
    from prdc import compute_prdc
    run = lambda n: compute_prdc(real[:n], fake[:n], k)
else:
    from harness_generative.metrics.manifold import reach
    def run(n):
        found = reach(generated=fake[:n], reference=real[:n], k=k)
        return {"precision": (found.holders > 0).mean(), "recall": found.reached.mean(),
                "density": found.holders.mean() / k, "coverage": found.covered.mean()}
run(50)
before, clock = peak(), time.process_time()
values = {name: float(value) for name, value in run(n).items()}
cpu = time.process_time() - clock
print(json.dumps({**values, "cpu": cpu, "kib": peak() - before}))
"""


def measured(side: str, n: int) -> dict[str, float]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, "-c", PROGRAM, side, str(n), str(WIDTH), str(K)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    values: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return values


def test_four_metrics_against_prdc(benchmark) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("prdc")
    if not Path("/proc/self/status").is_file():
        pytest.skip("the peak of memory is read from /proc")
    n = int(os.environ.get("HARNESS_BENCHMARK_SAMPLES", "10000")) if benchmark.enabled else 300
    theirs = measured("prdc", n)
    ours = benchmark.pedantic(measured, args=("harness", n), rounds=1)
    # The same numbers on both sides, or the ratio means nothing; theirs in float32 miss a pair in ten thousand.
    for name in ("precision", "recall", "density", "coverage"):
        assert ours[name] == pytest.approx(theirs[name], abs=2e-4)
    ratios = {what: ours[what] / max(theirs[what], 1e-9) for what in ("cpu", "kib")}
    benchmark.extra_info.update(n=n, cpu_ratio=ratios["cpu"], memory_ratio=ratios["kib"])
    print(
        f"\n{n} + {n} samples x {WIDTH}: {ours['cpu']:.1f} of {theirs['cpu']:.1f} s, {ratios['cpu']:.3f} x prdc; "
        f"{ours['kib'] / 1024:.0f} of {theirs['kib'] / 1024:.0f} MiB, {ratios['kib']:.3f} x prdc"
    )
