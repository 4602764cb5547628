"""The table of simulated coverage, false alarms and power."""

from __future__ import annotations

from collections.abc import Sequence

from simulation.framework import Result

_HEAD = """# Simulated coverage, false alarms and power

Written by `make simulation`, with seed {seed}; `tests/simulation/framework.py` says how. Each line is one world.
`measured` is the share of data sets whose 95 % interval holds the truth, or whose p is at most .05, with what their
number leaves open (exact, 95 %). `above` counts misses whose truth lies above the interval; `width` is the median.
`withheld` counts data sets for which the method gives no interval.
"""
_COLUMNS = ("statistic", "world", "measure", "measured", "limits", "above", "width", "withheld", "data sets", "verdict")


def markdown(results: Sequence[Result], seed: int) -> str:
    """The results as a Markdown page."""
    lines = [_HEAD.format(seed=seed), _line(_COLUMNS), _line(["---"] * len(_COLUMNS))]
    return "\n".join([*lines, *(_line(_cells(result)) for result in results)]) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cells(result: Result) -> list[str]:
    case, (least, most) = result.case, result.case.limits
    low, high = result.interval(0.95)
    misses = result.counted - result.hits
    return [
        case.statistic,
        case.world,
        f"{case.measure}, conservative" if case.conservative else case.measure,
        f"{result.share:.3f} [{low:.3f}, {high:.3f}]" if result.counted else "",
        f"{least:g} to {most:g}",
        f"{result.above} of {misses}" if case.measure == "coverage" else "",
        "" if result.width is None else f"{result.width:.3g}",
        str(result.withheld) if result.withheld else "",
        str(result.counted + result.withheld),
        result.verdict,
    ]
