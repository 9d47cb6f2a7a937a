"""Kept scores as an answer: probabilities, band, drivers in plain words."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.attrition.meanings import MEANINGS
from features.attrition.population import NAMES
from serving.attrition.answers import (
    Band,
    BandAnswer,
    Basis,
    Cause,
    Driver,
    Horizon,
    Point,
    Probability,
    Reasons,
)
from serving.attrition.kept import Packed
from serving.attrition.wording import in_words
from serving.models.answering import LoadedModel

HORIZONS = tuple(int(horizon) for horizon in Horizon)
MOST_DRIVERS = 6
SEASON = ("season_sine", "season_cosine")
PERSONAL = Basis(kind="personal", words="this person's own records")
COHORT = Basis(
    kind="cohort_base_rate",
    words="here for less than 90 days: what came of new hires before, not a personal score",
)


def probabilities_of(scores: Packed, model: LoadedModel, cause: Cause) -> list[Probability]:
    """Return the probability of a cause at every horizon; its interval for the first cause alone."""
    causes: list[str] = model.scorer.causes
    place, width = causes.index(cause.value), len(causes)
    level = float(model.scorer.model["interval_level"])
    found = []
    for number, horizon in enumerate(HORIZONS):
        low, high = scores.interval[2 * number : 2 * number + 2] if place == 0 else (None, None)
        value = scores.probabilities[number * width + place]
        found.append(Probability(horizon_days=horizon, value=value, low=low, high=high, level=level))
    return found


def cut_points(model: LoadedModel, horizon: int) -> list[float]:
    """Return where the bands above the lowest begin, at a horizon."""
    found: list[float] = model.scorer.model["bands"]["cut_points"][HORIZONS.index(horizon)]
    return found


def named_cuts(model: LoadedModel, horizon: int) -> dict[str, float]:
    """Return where each band above the lowest begins, by name."""
    names = [band.value for band in Band][1:]
    return dict(zip(names, cut_points(model, horizon), strict=True))


def band_of(model: LoadedModel, horizon: int, voluntary: float) -> BandAnswer:
    """Return the band of a voluntary probability."""
    place = int(np.searchsorted(cut_points(model, horizon), voluntary, side="right"))
    return BandAnswer(name=list(Band)[place], cut_points=named_cuts(model, horizon))


def curve_of(scores: Packed, model: LoadedModel) -> list[Point]:
    """Return the survival curve."""
    period = float(model.scorer.model["period"])
    return [
        Point(after_days=round(number * period, 1), stays_probability=stays)
        for number, stays in enumerate(scores.curve)
    ]


def reasons_of(scores: Packed, count: int = MOST_DRIVERS) -> Reasons:
    """Return the largest drivers; with the average and the rest they add up."""
    parts = np.asarray(scores.contributions)
    own, average = parts[:-1], float(parts[-1])
    shown = [
        index
        for index in np.argsort(-np.abs(own), kind="stable")
        if NAMES[index] not in SEASON and own[index] != 0
    ]
    drivers = [driver_of(NAMES[index], float(own[index]), scores.values[index]) for index in shown[:count]]
    listed = sum(driver.size for driver in drivers)
    total = float(parts.sum())
    return Reasons(
        drivers=drivers,
        average_log_odds=average,
        rest_log_odds=total - average - listed,
        total_log_odds=total,
    )


def driver_of(name: str, size: float, value: float | None) -> Driver:
    """Return one driver in plain words."""
    meaning = MEANINGS[name]
    direction: Any = "raises" if size > 0 else "lowers"
    shown = "not recorded" if value is None else in_words(value, meaning.unit)
    return Driver(
        feature=name,
        words=f"{meaning.words} ({shown}) {direction} it",
        direction=direction,
        size=size,
        value=value,
        unit=meaning.unit,
        actionable=meaning.is_actionable,
    )


def basis_of(scores: Packed) -> Basis:
    """Return what the scores rest on."""
    return PERSONAL if scores.is_personal else COHORT
