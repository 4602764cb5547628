"""Pictures show labels as they are written."""

from __future__ import annotations

from pathlib import Path

from harness.figures import empty_figure, png, save


def test_labels_with_dollar_signs_are_no_formulas(tmp_path: Path) -> None:
    """Else "$x^{$" cannot be drawn; powers of ten of a logarithmic axis stay formulas."""
    figure = empty_figure(3, 2)
    axes = figure.subplots()
    axes.plot([1, 2], [1, 1000], label="$x^{$")
    axes.set_title("a $ and $x^{$")
    axes.set_yscale("log")
    axes.set_xticks([1, 2], ["$x^{$", "b"])
    axes.legend()
    assert save(figure, tmp_path / "a.png").stat().st_size > 1000
    assert png(figure)
    powers = [label for label in axes.yaxis.get_ticklabels() if "mathdefault" in label.get_text()]
    assert powers
    assert all(label.get_parse_math() for label in powers)
