"""When a model can do something, and whether it comes suddenly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib.image
import numpy as np
import pyarrow as pa
import pytest
from scipy.special import expit

from anchors.size_sweeps_made_up import cell, cells
from harness.api import HarnessError, MeasuredCell, Records, Row, Status
from harness_language.emergence import Emergence
from harness_language.emergence_curve import EmergenceCurve
from harness_language.size_sweeps import size_sweeps


def gradual(x: float) -> float:
    return float(0.1 + 0.9 * expit(1.5 * (x - 4.5)))


def sudden(x: float) -> float:
    return float(0.1 + 0.89 * expit(6 * (x - 5.5)))


def rows(found: list[MeasuredCell], **parameters: object) -> list[Row]:
    return list(Emergence(**parameters).rows(found))  # type: ignore[arg-type]


def test_three_rows_that_say_what_they_are() -> None:
    exact, smooth, verdict = rows(cells(gradual))
    assert exact.labels == {"model": "gpt over width: exact match", "data": "sums", "attack": "none"}
    assert smooth.labels["model"] == "gpt over width: likelihood per token"
    assert list(exact.estimates) == list(smooth.estimates) == ["size_at_threshold", "rise_in_doubling"]
    assert list(verdict.estimates) == ["difference_in_rise"]
    assert len({row.key for row in (exact, smooth, verdict)}) == 3
    assert exact.protocol["emergence"]["seeds_by_size"]["8"] == [0, 1, 2]


def test_sizes_by_hand() -> None:
    """Without noise: half of the answers are right where p^4 = 1/2, the likelihood is 1/2 where p is."""
    n = 1000
    found = [
        cell(size, seed, np.arange(n) < gradual(np.log2(size)) ** 4 * n, np.full(n, gradual(np.log2(size))))
        for size in (8, 16, 32, 64, 128, 256)
        for seed in range(2)
    ]
    exact, smooth, _ = rows(found)
    expected = [2 ** (4.5 + np.log(share / (1 - share)) / 1.5) for share in ((0.5**0.25 - 0.1) / 0.9, 0.4 / 0.9)]
    values = [row.estimates["size_at_threshold"].value for row in (exact, smooth)]
    assert values == [pytest.approx(size, rel=0.05) for size in expected]


def test_a_jump_of_a_gradual_likelihood_does_not_survive() -> None:
    *_, verdict = rows(cells(gradual, spread=0.1))
    assert verdict.labels["model"].endswith("jump does not survive")
    assert verdict.estimates["difference_in_rise"].low > 0  # type: ignore[operator]


def test_a_jump_of_the_likelihood_itself_survives() -> None:
    *_, verdict = rows(cells(sudden, sudden, spread=0.02, n=500, seeds=4))
    assert verdict.labels["model"].endswith("jump survives")
    assert verdict.estimates["difference_in_rise"].high < 0.1  # type: ignore[operator]


def test_a_leap_between_two_sizes_may_be_anywhere_between_them() -> None:
    exact, *_ = rows(cells(lambda x: 0.05 if x < 5.5 else 0.999, spread=0.0))
    found = exact.estimates["size_at_threshold"]
    assert (found.low, found.high) == (pytest.approx(32), pytest.approx(64))
    assert found.value == pytest.approx(45.3, rel=0.03)


def test_few_noisy_answers_resolve_nothing() -> None:
    *_, verdict = rows(cells(sudden, sudden, spread=0.6, n=20, seeds=2))
    assert verdict.labels["model"].endswith("jump not resolved")


def test_one_seed_has_no_interval_and_no_verdict() -> None:
    exact, _, verdict = rows(cells(gradual, seeds=1))
    found = exact.estimates["size_at_threshold"]
    assert found.value is not None
    assert (found.low, found.high, found.method) == (None, None, "no interval for one seed")
    assert verdict.labels["model"].endswith("jump not resolved")


def test_what_is_not_reached_is_not_zero() -> None:
    exact, smooth, verdict = rows(cells(lambda x: 0.3 + 0.01 * x))
    assert "0.5 is not reached" in exact.estimates["size_at_threshold"].reason
    assert "there is no jump" in verdict.estimates["difference_in_rise"].reason
    assert verdict.labels["model"].endswith("not resolved")
    exact, smooth, _ = rows(cells(lambda x: 0.99))
    assert "already by the smallest size, 8" in smooth.estimates["size_at_threshold"].reason
    exact, *_ = rows(cells(gradual), threshold=0.98)
    assert exact.estimates["size_at_threshold"].high is None


def test_cells_that_are_not_ok_are_counted() -> None:
    found = cells(gradual)
    broken = [replace(each, row=replace(each.row, status=Status.FAILED)) for each in found]
    exact, *_ = rows([broken[0], *found[1:]])
    assert exact.estimates["size_at_threshold"].n_missing == 1
    (row,) = rows([*broken[:12], *found[12:]])
    assert row.status is Status.INVALID
    assert "12 of 18 cells gave no result; 3 sizes are needed" in row.reason


def test_other_questions_at_another_size_are_refused() -> None:
    found = [*cells(gradual, sizes=[8, 16]), *cells(gradual, sizes=[32], n=100)]
    with pytest.raises(HarnessError, match="different questions"):
        rows(found)


def row(name: str, label: str, attack: str = "none", **parameters: float) -> Row:
    components = {"model": {"name": name, "parameters": parameters}, "attack": attack}
    return Row("e", {"model": label, "attack": attack}, 0, Status.OK, components=components)


def test_which_rows_are_one_model_at_several_sizes() -> None:
    swept = [row("x/gpt", f"big width={w} fast", width=w, depth=2) for w in (8, 4, 16, 4)]
    attacked = [replace(each, components={**each.components, "attack": "typos"}) for each in swept]
    others = [row("x/ngram", "ngram", order=5), replace(swept[0], derived="over_seeds")]
    plain, noisy = size_sweeps([*swept, *others, *attacked], None)
    assert (plain.label, plain.parameter, dict(plain.members)) == ("big fast", "width", {4: [1, 3], 8: [0], 16: [2]})
    assert noisy.members[8] == [6]
    named = [row("x/gpt", name, width=w) for name, w in (("small", 4), ("middle", 8), ("large", 16))]
    assert size_sweeps(named, None)[0].label == "gpt"


def test_the_size_must_be_known() -> None:
    both = [row("x/gpt", f"w{w}", width=w, depth=w / 4) for w in (4, 8, 16)]
    with pytest.raises(HarnessError, match=r"several parameters vary \(depth, width\)"):
        size_sweeps(both, None)
    with pytest.raises(HarnessError, match="no model was run at 3 sizes"):
        size_sweeps(both, "width")
    with pytest.raises(HarnessError, match="sweep the parameter 'heads' of a model"):
        size_sweeps(both, "heads")


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_picture_with_and_without_intervals(tmp_path: Path, seeds: int) -> None:
    found = cells(gradual, seeds=seeds)
    derived = [replace(each, derived="emergence") for each in rows(found)]
    (path,) = EmergenceCurve().report([*(each.row for each in found), *derived], tmp_path)
    assert path.name == "emergence.png"
    pixels = matplotlib.image.imread(path)[..., :3]
    # Both colours are drawn: blue for exact match, vermillion for the likelihood.
    assert ((pixels[..., 2] > 0.6) & (pixels[..., 0] < 0.1)).sum() > 500
    assert ((pixels[..., 0] > 0.7) & (pixels[..., 2] < 0.1)).sum() > 500


def test_no_sweep_no_picture(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="no model was run"):
        list(EmergenceCurve().report([row("x/gpt", "gpt", width=8)], tmp_path))


SIZES = {"pythia-70m": 70.4e6, "pythia-160m": 162.3e6, "pythia-410m": 405.3e6, "pythia-1b": 1.01e9}


def published(**changes: object) -> list[MeasuredCell]:
    """Four different models, one seed each, of which the largest answers nine of ten prompts."""
    found = []
    for number, name in enumerate(SIZES):
        p = 0.52 + 0.12 * number
        labels = {"model": name, "data": "sums", "attack": "none"}
        components = {"model": {"name": "x/transformers", "parameters": {"path": name}}, "data": {"name": "sums"}}
        found.append(
            cell(1, 0, np.arange(100) < 100 * p**4, np.full(100, p), labels=labels, components=components, **changes)
        )
    return found


def test_published_families_by_declared_sizes(tmp_path: Path) -> None:
    exact, smooth, verdict = rows(published(), sizes=SIZES)
    assert exact.labels["model"] == "pythia over parameters: exact match"
    assert 405e6 < exact.estimates["size_at_threshold"].value < 1.1e9  # type: ignore[operator]
    assert smooth.estimates["size_at_threshold"].value is None
    assert exact.estimates["size_at_threshold"].method == "no interval for one seed"
    assert verdict.labels["model"].startswith("pythia over parameters: jump")
    table = [one.row for one in published()]
    (path,) = EmergenceCurve(sizes=SIZES, counted="FLOPs").report([*table, exact, smooth, verdict], tmp_path)
    assert matplotlib.image.imread(path).std() > 0


def test_declared_sizes_must_fit_the_models() -> None:
    with pytest.raises(HarnessError, match="`sizes` names 'pythia-12b', which is no model; there are pythia-160m, "):
        rows(published(), sizes={**SIZES, "pythia-12b": 12e9})
    with pytest.raises(HarnessError, match="`sizes` has 2 sizes; 3 or more are needed"):
        rows(published(), sizes=dict(list(SIZES.items())[:2]))
    with pytest.raises(HarnessError, match="not both"):
        Emergence("width", sizes=SIZES)


def test_a_family_with_several_tokenizers_has_no_curve() -> None:
    family = published()
    records = family[0].records()
    named = Records(records.table.append_column("tokenizer", pa.array(["other"] * len(records))))
    with pytest.raises(HarnessError, match="the sizes have different tokenizers"):
        rows([replace(family[0], records=lambda: named), *family[1:]], sizes=SIZES)
