"""The back-test: what was expected of each period before it began, beside what came, by band."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.attrition.dataset import Dataset
from training.attrition.fitting.hazard import Choice
from training.attrition.judging.alarms import level_alarms
from training.attrition.scorer import Floats, sigmoid

SMALLEST = 10  # cells of fewer people are not shown


def back_test(
    dataset: Dataset, chosen: Choice, names: Sequence[str], shares: Sequence[float]
) -> list[dict[str, Any]]:
    """Return predicted against actual voluntary exits of every period that was judged, by band.

    Parameters
    ----------
    dataset : Dataset
        With rolling origins.
    chosen : Choice
        What the chosen blend said of the rows checked, learnt from earlier periods alone and not recalibrated.
    names : sequence of str
        Of the bands.
    shares : sequence of float
        Of the people of a period below each band's beginning.

    Returns
    -------
    list of dict
        Per period: ``period``, ``people``, ``predicted``, ``actual``, ``o_e``, the alarm, and its ``bands``; cells of
        fewer than ten people are null. Empty where the table has no time.
    """
    if not dataset.is_by_time:
        return []
    said, left = sigmoid(chosen.log_odds), dataset.panel.cause[chosen.rows] == 1
    period = dataset.panel.period[chosen.rows]
    periods = np.unique(period)
    alarms = level_alarms(
        [int(left[period == each].sum()) for each in periods],
        [float(said[period == each].sum()) for each in periods],
    )
    found = []
    for each, alarm in zip(periods, alarms, strict=True):
        rows = np.flatnonzero(period == each)
        found.append({
            "period": dataset.period_names[each] if dataset.period_names else str(each),
            **cell(said[rows], left[rows]),
            "o_e": round(alarm.ratio, 4),
            "p_value": alarm.p_value,
            "level_has_moved": alarm.is_raised,
            "bands": by_band(said[rows], left[rows], names, shares),
        })  # fmt: skip
    return found


def by_band(
    said: Floats, left: NDArray[np.bool_], names: Sequence[str], shares: Sequence[float]
) -> list[dict[str, Any]]:
    """Return one period's bands, by shares of its people."""
    place = np.searchsorted(np.quantile(said, shares), said, side="right")
    return [
        {"band": name, **cell(said[place == number], left[place == number])}
        for number, name in enumerate(names)
    ]


def cell(said: Floats, left: NDArray[np.bool_]) -> dict[str, Any]:
    """Return people, exits predicted and exits that came; null for fewer than ten people."""
    if len(said) < SMALLEST:
        return {"people": None, "predicted": None, "actual": None}
    return {"people": len(said), "predicted": round(float(said.sum()), 3), "actual": int(left.sum())}


def drawing(rows: Sequence[dict[str, Any]]) -> Callable[[], Any]:
    """Return a function that draws predicted against actual exits per period, and per band over all periods."""

    def draw() -> Any:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9, 3.5))
        left, right = figure.subplots(1, 2)
        shown = [row for row in rows if row["people"]]
        places = np.arange(len(shown))
        left.bar(places, [row["actual"] for row in shown], color="lightgrey", label="came")
        left.plot(places, [row["predicted"] for row in shown], "o-", label="expected before")
        left.set_xticks(places, [row["period"] for row in shown], rotation=60, fontsize=6)
        left.legend(fontsize=7)
        left.set_title("Voluntary exits per period", fontsize=9)
        bands: dict[str, list[float]] = {}
        for row in shown:
            for band in row["bands"]:
                if band["people"]:
                    totals = bands.setdefault(band["band"], [0.0, 0.0])
                    totals[0], totals[1] = totals[0] + band["predicted"], totals[1] + band["actual"]
        spots = np.arange(len(bands))
        right.bar(spots - 0.2, [both[0] for both in bands.values()], 0.4, label="expected before")
        right.bar(spots + 0.2, [both[1] for both in bands.values()], 0.4, color="lightgrey", label="came")
        right.set_xticks(spots, list(bands))
        right.legend(fontsize=7)
        right.set_title("The same, per band", fontsize=9)
        figure.tight_layout()
        return figure

    return draw
