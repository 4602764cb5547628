"""Plots of how often adversarial examples made on one model fool another."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.api import Estimate, Row, figures

_INCHES_OF_AN_INTERVAL = 0.7
_MOST_LETTERS = 22


class TransferMatrix:
    """A heat map for each setting of the attack `transfer`: made on the model of the row, judged on that of the column.

    The number is the attack success rate with its interval; a cell without a number was not measured.
    """

    def report(self, rows: Sequence[Row], folder: Path) -> Iterable[Path]:
        """Write transfer-<n>.png, or transfer.png if there is one setting."""
        settings: dict[str, list[Row]] = {}
        for row in rows:
            if row.status.is_measured and not row.derived and _surrogate(row) is not None:
                settings.setdefault(_setting(row), []).append(row)
        for number, (setting, own) in enumerate(settings.items(), 1):
            name = "transfer.png" if len(settings) == 1 else f"transfer-{number}.png"
            yield _draw(setting, own, folder / name)


def _use(row: Row) -> Mapping[str, Any]:
    attack = row.components.get("attack")
    return attack if isinstance(attack, Mapping) else {}


def _surrogate(row: Row) -> str | None:
    """The identity of the surrogate, of a row attacked by transfer that has a success rate; None for others."""
    rate = row.estimates.get("attack_success_rate")
    surrogate = (_use(row).get("parameters") or {}).get("surrogate")
    if surrogate is None or rate is None or rate.value is None:
        return None
    return json.dumps(_essence(surrogate), sort_keys=True)


def _essence(use: Any) -> Any:
    """The name and parameters of a model, without its label or the name of its split."""
    if not isinstance(use, Mapping):
        return use
    return {key: use[key] for key in ("name", "parameters") if key in use}


def _setting(row: Row) -> str:
    parameters = {k: v for k, v in (_use(row).get("parameters") or {}).items() if k != "surrogate"}
    given = ", ".join(f"{k} {v:g}" for k, v in parameters.items() if k in ("eps", "steps", "momentum", "diversity"))
    rest = json.dumps({**parameters, "data": row.labels.get("data", ""), "seed": row.seed}, sort_keys=True, default=str)
    return f"{given}\n{rest}"


def _draw(setting: str, rows: Sequence[Row], path: Path) -> Path:
    all_models = list(dict.fromkeys(row.labels["model"] for row in rows))
    models = all_models[: figures.MOST_PANELS]
    names = {
        json.dumps(_essence(row.components.get("model")), sort_keys=True): row.labels["model"] for row in rows
    }  # the surrogate is called as the same model is called elsewhere in the suite
    made_on = list(dict.fromkeys(_name(row, names) for row in rows))
    made_on.sort(key=lambda name: models.index(name) if name in models else len(models))
    made_on = made_on[: figures.MOST_PANELS]
    rates = {(_name(row, names), row.labels["model"]): row.estimates["attack_success_rate"] for row in rows}
    shares = np.array([[_value(rates.get((one, other))) for other in models] for one in made_on])
    width = min(figures.WIDTH, 2.0 + 1.15 * len(models))
    figure, axes = figures.panels(1, 1, (width, 1.2 + 0.55 * len(made_on)), (0.0, 0.0))
    axis = axes[0, 0]
    has_intervals = (width - 2.0) / len(models) > _INCHES_OF_AN_INTERVAL
    image = axis.imshow(shares, vmin=0, vmax=1, cmap="cividis", aspect="auto")
    for i, one in enumerate(made_on):
        for j, other in enumerate(models):
            estimate = rates.get((one, other))
            if estimate is not None and estimate.value is not None:
                colour = "white" if estimate.value < 0.55 else "black"
                axis.text(
                    j,
                    i,
                    _text(estimate, has_interval=has_intervals),
                    ha="center",
                    va="center",
                    fontsize=7.5,
                    color=colour,
                )
    short = [[figures.shortened(name, _MOST_LETTERS) for name in names] for names in (models, made_on)]
    axis.set_xticks(range(len(models)), short[0], rotation=20, ha="right", rotation_mode="anchor")
    axis.set_yticks(range(len(made_on)), short[1])
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    axis.set_xlabel("judged on")
    axis.set_ylabel("made on")
    figures.title(axis, setting.partition("\n")[0])
    figures.left_out(figure, len(all_models) - len(models), "models")
    bar = figure.colorbar(image, ax=axis)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8)
    bar.set_label("attack success rate", size=8.5)
    return figures.save(figure, path)


def _name(row: Row, names: Mapping[str, str]) -> str:
    identity = _surrogate(row) or ""
    # A surrogate that no row evaluates is called as the attack is, which tells several apart.
    return names.get(identity, row.labels["attack"])


def _value(estimate: Estimate | None) -> float:
    return float("nan") if estimate is None or estimate.value is None else estimate.value


def _text(estimate: Estimate, *, has_interval: bool) -> str:
    text = f"{estimate.value:.2f}"
    if has_interval and estimate.low is not None and estimate.high is not None:
        text += f"\n{estimate.low:.2f} to {estimate.high:.2f}"
    return text
