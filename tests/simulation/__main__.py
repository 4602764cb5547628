"""Write the table of all simulations: `make simulation`, or `PYTHONPATH=tests python -m simulation`."""

from __future__ import annotations

import argparse
import os
import secrets
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from simulation.framework import FIXED_SEED, all_cases, chosen, simulate
from simulation.table import markdown

TABLE = Path(__file__).parent / "table.md"


def main() -> int:
    """Run the cases on all cores; exit 1 if a share lies outside its limits."""
    parser = argparse.ArgumentParser(prog="simulation", description=__doc__)
    parser.add_argument(
        "--fresh", action="store_true", help="take a new seed and print the table instead of writing it"
    )
    parser.add_argument("--seed", type=int, default=FIXED_SEED)
    parser.add_argument("--only", default="", help="cases whose name contains this; prints the table")
    parser.add_argument("--repetitions", type=int, help="data sets per case; prints the table")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    seed = secrets.randbelow(2**31) if options.fresh else options.seed
    cases = chosen(all_cases(), options.only)
    with ProcessPoolExecutor(options.processes) as pool:
        jobs = [pool.submit(simulate, case, options.repetitions or case.repetitions, seed) for case in cases]
        results = [job.result() for job in jobs]
    text = markdown(results, seed)
    if options.only or options.repetitions or seed != FIXED_SEED:
        print(text)
    else:
        TABLE.write_text(text, encoding="utf-8")
    wrong = [result for result in results if result.verdict.startswith("too")]
    for result in wrong:
        print(f"{result.case.name}: {result.share:.3f} is {result.verdict} for {result.case.limits}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
