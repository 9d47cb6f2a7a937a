"""Pictures, drawn only when asked for: overlap, balance (love plot), event study, forest plot over courses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from training.evaluation import Interval
from training.impact.doubts.overlap import BALANCED, Balance
from training.impact.doubts.sensitivity import Sensitivity, explained_away
from training.impact.estimate import Estimate
from training.impact.estimators.aipw import Effect
from training.impact.estimators.individual import Individual
from training.impact.table import Bools, Floats

Figure = Any
SHOWN = 20
MOST_COURSES = 40
TRAINED, COMPARED = "#1f6f8b", "#c8553d"


def canvas(width: float, height: float) -> tuple[Figure, Any]:
    """Return an empty picture that needs no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Empty

    figure = Empty(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def written(drawn: Mapping[str, Any], folder: Path) -> None:
    """Write every picture into a folder, as PNG and SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in drawn.items():
        picture = draw()
        for kind in ("png", "svg"):
            picture.savefig(folder / f"{name}.{kind}")


def of_estimate(estimate: Estimate, trained: Bools) -> dict[str, Any]:
    """Return the pictures of an observational estimate, to be drawn when asked for."""
    found: dict[str, Any] = {}
    if estimate.fitted is not None:
        found["overlap"] = partial(overlap, estimate.fitted.nuisances.propensity, trained)
    if estimate.balance is not None and estimate.balance.names:
        found["balance"] = partial(love, estimate.balance)
    if estimate.sensitivity is not None:
        effect = (estimate.effect.value, estimate.effect.standard_error)
        found["sensitivity"] = partial(contour, effect, estimate.sensitivity)
    return found


def contour(effect: tuple[float, float], sensitivity: Sensitivity) -> Figure:
    """Draw what would be left of an effect beside a hidden covariate of any strength; red is where nothing is."""
    edge = min(max(2.5 * sensitivity.robustness_value, 1.5 * sensitivity.strongest_value, 0.05), 0.9)
    grid = np.linspace(0.0, edge, 61)
    across, up = np.meshgrid(grid, grid)
    left = explained_away(effect, sensitivity.freedom, across, up)
    figure, axes = canvas(5.5, 4.5)
    lines = axes.contour(across, up, left, levels=9, colors=TRAINED, linewidths=0.8)
    axes.clabel(lines, fontsize=7)
    axes.contour(across, up, left, levels=[0.0], colors="red", linewidths=1.6)
    point = sensitivity.strongest_value
    axes.plot(point, point, "o", color=COMPARED, label=f"as strong as “{sensitivity.strongest_covariate}”")
    if sensitivity.hidden is not None and sensitivity.hidden.strength > 0:
        shown = sensitivity.hidden.strength
        axes.plot(shown, shown, "X", color="black", label="as strong as the placebo shows")
    axes.set_xlabel("partial R² of something hidden with being trained")
    axes.set_ylabel("partial R² with the outcome")
    axes.set_title("What a hidden cause would leave of the effect")
    axes.legend(fontsize=8)
    return figure


def overlap(propensity: Floats, trained: Bools) -> Figure:
    """Draw how probable training was for the trained and for the compared."""
    figure, axes = canvas(6, 3.5)
    bins = np.linspace(0, 1, 41).tolist()
    for side, colour, label in ((trained, TRAINED, "trained"), (~trained, COMPARED, "compared")):
        axes.hist(propensity[side], bins=bins, density=True, alpha=0.55, color=colour, label=label)
    axes.set_yscale("log")
    axes.set_xlabel("probability of being trained")
    axes.set_ylabel("density (log)")
    axes.set_title("Who could have been compared with whom")
    axes.legend()
    return figure


def love(balance: Balance) -> Figure:
    """Draw standardised differences before and after weighting."""
    names = balance.names[:SHOWN][::-1]
    rows = np.arange(len(names))
    figure, axes = canvas(6.5, 1.2 + 0.28 * len(names))
    axes.scatter(np.abs(balance.before[:SHOWN][::-1]), rows, color=COMPARED, label="before weighting")
    axes.scatter(np.abs(balance.after[:SHOWN][::-1]), rows, color=TRAINED, label="after weighting")
    axes.axvline(BALANCED, linestyle="--", color="grey", linewidth=1)
    axes.set_yticks(rows, names)
    axes.set_xlabel("difference between trained and compared, in standard deviations")
    axes.set_title("How alike the groups are")
    axes.legend()
    return figure


def event_study(by_age: Mapping[int, Effect | Interval]) -> Figure:
    """Draw effects by periods since training; those before should be 0."""
    ages = sorted(by_age)
    values = np.array([by_age[age].value for age in ages])
    reach = np.array([by_age[age].high - by_age[age].value for age in ages])
    figure, axes = canvas(6, 3.5)
    axes.errorbar(ages, values, yerr=reach, fmt="o", color=TRAINED, capsize=3)
    axes.axhline(0, color="grey", linewidth=1)
    axes.axvline(-0.5, linestyle="--", color="grey", linewidth=1)
    axes.set_xlabel("periods since training")
    axes.set_ylabel("effect, 95 % interval")
    return figure


def gain(found: Individual) -> Figure:
    """Draw what training the first q of all gains, chosen by predicted effect and by lot."""
    order = np.argsort(-found.predicted, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(found.score[order])]) / found.score.size
    share = np.linspace(0.0, 1.0, total.size)
    figure, axes = canvas(6, 3.5)
    axes.plot(share, total, color=TRAINED, label="the largest predicted effects first")
    axes.plot([0, 1], [0, total[-1]], "--", color="grey", label="by lot")
    axes.set_xlabel("share of people trained")
    axes.set_ylabel("gain per person")
    axes.legend()
    return figure


def forest(found: Sequence[Mapping[str, Any]], outcome: str) -> Figure:
    """Draw the effects of courses on one outcome, the largest first."""
    chosen = [one for one in found if one["outcome"] == outcome and one["status"] == "estimated"]
    chosen = sorted(chosen, key=lambda one: one["effect"]["value"])[-MOST_COURSES:]
    rows = np.arange(len(chosen))
    figure, axes = canvas(7, 1.2 + 0.22 * max(len(chosen), 4))
    for row, one in zip(rows, chosen, strict=True):
        colour = "grey" if one["verdict"]["code"] == "cannot_tell" else TRAINED
        effect = one["effect"]
        axes.plot([effect["low"], effect["high"]], [row, row], color=colour, linewidth=1.5)
        axes.plot(effect["value"], row, "o", color=colour, markersize=4)
    axes.axvline(0, color="black", linewidth=1)
    axes.set_yticks(rows, [one["course_id"] for one in chosen], fontsize=7)
    axes.set_xlabel(f"effect on {outcome}, 95 % interval (grey: cannot tell)")
    return figure
