"""Score attrition: features of people to exit probabilities, with interval and contributions.

Self-contained: numpy, LightGBM and the files beside this one. The hazard of leaving within the next period is a
blend, in log-odds, of boosted trees and a small logistic model, one per cause; a calibration moves its level; periods
compound to a survival curve and to the probability of each cause by each horizon. Features are held at their present
values while periods compound, but for the season and the clocks of ``model.json``; what they tell may fade.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LINEAR, HINGE, MISSING, CATEGORY = 0, 1, 2, 3
TINY, ROWS_AT_ONCE = 1e-9, 20_000
SMALL_ROWS = 2_000  # below, threads wait for each other longer than they work


def sigmoid(log_odds: Floats) -> Floats:
    """Return probabilities of log-odds."""
    bounded: Floats = np.clip(log_odds, -35.0, 35.0)
    return 1.0 / (1.0 + np.exp(-bounded))


def months_of(features: Floats, season: Sequence[int]) -> NDArray[np.int64]:
    """Return the calendar month of rows, 0–11, by the features sine and cosine of the season; 12 where they are unknown."""
    if not season:
        return np.full(len(features), 12)
    sine, cosine = (features[:, index] for index in season)
    month = np.round(np.arctan2(sine, cosine) * 6 / np.pi) % 12
    return np.where(np.isnan(month), 12, month).astype(np.int64)


@dataclass(frozen=True)
class Basis:
    """How features become columns of the logistic model; each column belongs to one feature.

    Parameters
    ----------
    feature, kind : (n_columns,) int
        Which feature, and LINEAR, HINGE (above `knot`), MISSING, or CATEGORY (equal to `knot`).
    knot, centre, scale : (n_columns,) float
        A column is ``(raw - centre) / scale``; 0 where the feature is missing.
    low, high : (n_features,) float
        Range seen in training; what lies outside is taken as its end.
    """

    feature: NDArray[np.int64]
    kind: NDArray[np.int64]
    knot: Floats
    centre: Floats
    scale: Floats
    low: Floats
    high: Floats

    def design(self, features: Floats) -> Floats:
        """Return the columns of some rows, (n, n_columns)."""
        found = np.empty((len(self.feature), len(features)))  # a column at a time stays in the cache
        before, missing, inside = -1, np.zeros(0, dtype=bool), np.zeros(0)
        for place, feature in enumerate(self.feature):
            if feature != before:
                missing, before = np.isnan(features[:, feature]), int(feature)
                inside = np.clip(features[:, feature], self.low[feature], self.high[feature])
                has_gaps = bool(missing.any())
            kind, knot = self.kind[place], self.knot[place]
            raw = missing if kind == MISSING else inside
            if kind in (HINGE, CATEGORY):
                raw = np.maximum(inside - knot, 0.0) if kind == HINGE else inside == knot
            np.subtract(raw, self.centre[place], out=found[place])
            found[place] /= self.scale[place]
            if has_gaps and kind != MISSING:
                found[place, missing] = 0.0
        return found.T


@dataclass(frozen=True)
class Blend:
    """The hazard of one cause, before recalibration: trees and a logistic part, added in log-odds.

    Parameters
    ----------
    trees : lightgbm.Booster, optional
        None where there are too few exits of the cause.
    weight : float
        Of the trees, 0-1.
    coefficients : (n_columns + 1,) float
        Of the basis; the last one is the intercept.
    """

    trees: lgb.Booster | None
    weight: float
    coefficients: Floats


class Scorer:
    """Exit probabilities of people, by horizon and cause.

    Parameters
    ----------
    model : dict
        ``model.json``.
    basis : Basis
        Of the logistic part.
    blends : list of Blend
        One per cause.
    bags : list of Blend
        Refits for the first cause on people drawn with replacement; their spread makes the interval.
    """

    def __init__(self, model: dict[str, Any], basis: Basis, blends: list[Blend], bags: list[Blend]) -> None:
        self.model, self.basis, self.blends, self.bags = model, basis, blends, bags
        self.features: list[str] = model["features"]
        self.causes: list[str] = model["causes"]
        self.horizons: list[float] = model["horizons"]
        self.tree_columns = np.array(model["tree_columns"], dtype=np.int64)
        self.months = np.asarray(model.get("months") or np.zeros((len(self.causes), 13)))
        self.threads = int(os.environ.get("OMP_NUM_THREADS") or 1)

    @classmethod
    def load(cls, folder: Path) -> Scorer:
        """Read a payload's files."""
        model = json.loads((folder / "model.json").read_text("utf-8"))
        with np.load(folder / "arrays.npz", allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
        names = ("feature", "kind", "knot", "centre", "scale", "low", "high")
        basis = Basis(*(arrays[f"basis_{name}"] for name in names))
        return cls(
            model,
            basis,
            [read_blend(folder, entry, arrays) for entry in model["blends"]],
            [read_blend(folder, entry, arrays) for entry in model["bags"]],
        )

    def scores(self, features: Floats) -> Floats:
        """Return the probability of leaving by each horizon for each cause.

        Parameters
        ----------
        features : (n, n_features) float
            In the order of ``model.json``; NaN where unknown.

        Returns
        -------
        (n, n_horizons * n_causes) float
            Horizon by horizon, its causes in order; for new hires their cohort's rate.
        """
        found = np.concatenate([self.incidence(self.log_odds(rows), rows) for rows in blocks(features)])
        cohort = self.model["new_hire"]
        if cohort:
            found[~self.is_personal(features)] = np.asarray(cohort["incidence"])
        return found.reshape(len(found), found.shape[1] * found.shape[2])

    def is_personal(self, features: Floats) -> NDArray[np.bool_]:
        """Return where the score is the person's own, and not the base rate of new hires."""
        cohort = self.model["new_hire"]
        if not cohort:
            return np.ones(len(features), dtype=bool)
        tenure = np.asarray(features, dtype=np.float64)[:, int(cohort["feature"])]
        return ~(tenure < float(cohort["days"]))

    def curve(self, features: Floats) -> Floats:
        """Return the probability of still being here after 0, 1, 2 … periods, (n, n_periods + 1)."""
        cohort = self.model["new_hire"]
        features = np.asarray(features, dtype=np.float64)
        found = np.concatenate([self.survival(self.hazards(rows)) for rows in blocks(features)])
        if cohort:
            found[~self.is_personal(features)] = np.asarray(cohort["curve"])
        return found

    def log_odds(self, features: Floats) -> Floats:
        """Return the log-odds of leaving in the next period before recalibration, (n, n_causes)."""
        rows = np.asarray(features, dtype=np.float64)
        design = self.basis.design(rows)
        said = np.column_stack([self.blended(each, rows, design) for each in self.blends])
        return said + self.seasonal(rows)

    def contributions(self, features: Floats) -> Floats:
        """Return what each feature adds to the first cause's log-odds of the next period, before recalibration.

        Returns
        -------
        (n, n_features + 1) float
            The last column is the level of the average person; a row adds up to `log_odds`.
        """
        rows = np.asarray(features, dtype=np.float64)
        blend = self.blends[0]
        found = np.zeros((len(rows), len(self.features) + 1))
        parts = self.basis.design(rows) * blend.coefficients[:-1] * (1.0 - blend.weight)
        np.add.at(found.T, self.basis.feature, parts.T)
        found[:, -1] += blend.coefficients[-1] * (1.0 - blend.weight)
        if blend.trees is not None and len(rows):
            columns = rows[:, self.tree_columns]
            shap = blend.trees.predict(columns, pred_contrib=True, num_threads=self.threads)
            found[:, [*self.tree_columns, -1]] += blend.weight * np.asarray(shap)
        if self.model["season"]:
            found[:, self.model["season"][0]] += self.seasonal(rows)[:, 0]
        return found

    def interval(self, features: Floats) -> Floats:
        """Return low and high of the first cause's probability by each horizon, (n, n_horizons * 2).

        Notes
        -----
        At the level in ``model.json``: spread of refits on people drawn with replacement, and the error of the
        recalibrated level. It says how sure the probability is, not what one person will do.
        """
        found = np.concatenate([self.bounds(rows) for rows in blocks(features)])
        cohort = self.model["new_hire"]
        if cohort:
            found[~self.is_personal(features)] = np.asarray(cohort["interval"])
        return found.reshape(len(found), found.shape[1] * found.shape[2])

    def bounds(self, rows: Floats) -> Floats:
        """Return low and high of each horizon, (n, n_horizons, 2)."""
        design = self.basis.design(rows)
        spread = np.zeros(len(rows))
        if len(self.bags) > 1:
            spread = np.std([self.blended(bag, rows, design) for bag in self.bags], axis=0, ddof=1)
        half = self.model["multiplier"] * np.sqrt(spread**2 + self.model["level_error"] ** 2)
        middle = self.log_odds(rows)
        shifts, ends = np.zeros_like(middle), []
        for sign in (-1.0, 1.0):
            shifts[:, 0] = sign * half
            ends.append(self.incidence(middle + shifts, rows)[:, :, 0])
        return np.stack(ends, axis=2)

    def hazards(self, features: Floats) -> Floats:
        """Return the recalibrated hazards of each future period and cause, (n, n_periods, n_causes)."""
        return self.periods(self.log_odds(features), np.asarray(features, dtype=np.float64))

    def periods(self, log_odds: Floats, rows: Floats) -> Floats:
        """Return the hazards of each future period, given the log-odds of the next one."""
        n_periods = self.model["periods"]
        if self.model["clock"]:
            steps = np.zeros(rows.shape[1])
            steps[[index for index, _ in self.model["clock"]]] = [step for _, step in self.model["clock"]]
            moved = [self.log_odds(rows + steps * period) for period in range(1, n_periods)]
            shift = log_odds - self.log_odds(rows)
            every = np.stack([log_odds, *(found + shift for found in moved)], axis=1)
        else:
            share, middle = np.asarray(self.model.get("fade") or [[1.0, 0.0]] * n_periods).T
            now, every = self.seasonal(rows), np.repeat(log_odds[:, None, :], n_periods, axis=1)
            known = every[:, :, 0] - now[:, :1] - middle
            every[:, :, 0] += (share - 1) * known  # what is known of people fades, months do not
            every += self.season_ahead(rows)
        said = [calibrated(every[:, :, c], by) for c, by in enumerate(self.model["calibration"])]
        hazards: Floats = np.stack(said, axis=2)
        found: Floats = hazards / np.maximum(hazards.sum(axis=2, keepdims=True) / (1.0 - TINY), 1.0)
        return found

    def seasonal(self, rows: Floats) -> Floats:
        """Return what the calendar month adds to the log-odds of each cause, (n, n_causes)."""
        return np.asarray(self.months[:, months_of(rows, self.model["season"])].T)

    def season_ahead(self, rows: Floats) -> Floats:
        """Return how the calendar month moves the log-odds from the next period on, (n, n_periods, n_causes)."""
        now, later = np.arange(13), range(self.model["periods"])
        ahead = [self.months[:, np.where(now < 12, (now + each) % 12, 12)] - self.months for each in later]
        table: Floats = np.stack(ahead).transpose(2, 0, 1)
        return table[months_of(rows, self.model["season"])]

    def blended(self, blend: Blend, rows: Floats, design: Floats) -> Floats:
        """Return the log-odds of one cause before recalibration, (n,)."""
        linear: Floats = design @ blend.coefficients[:-1] + blend.coefficients[-1]
        if blend.trees is None or not len(rows):
            return linear
        threads = self.threads if len(rows) > SMALL_ROWS else 1
        raw = blend.trees.predict(rows[:, self.tree_columns], raw_score=True, num_threads=threads)
        return blend.weight * np.asarray(raw, dtype=np.float64) + (1.0 - blend.weight) * linear

    def survival(self, hazards: Floats) -> Floats:
        """Return the probability of being here at the start of each period and at the end of the last."""
        stays = np.cumprod(1.0 - hazards.sum(axis=2), axis=1)
        return np.concatenate([np.ones((len(stays), 1)), stays], axis=1)

    def incidence(self, log_odds: Floats, rows: Floats) -> Floats:
        """Return the cumulative incidence of each cause by each horizon, (n, n_horizons, n_causes)."""
        return cumulative_incidence(self.periods(log_odds, rows), self.horizons)


def cumulative_incidence(hazards: Floats, horizons: list[float]) -> Floats:
    """Compound hazards per period and cause to the probability of each cause by each horizon.

    Parameters
    ----------
    hazards : (n, n_periods, n_causes) float
        Probability of leaving for a cause within a period, given one is here at its start.
    horizons : list of float
        In periods; the last part of a period counts as the same share of its exposure.

    Returns
    -------
    (n, n_horizons, n_causes) float
    """
    total = hazards.sum(axis=2)
    stays = np.cumprod(1.0 - total, axis=1)
    here = np.concatenate([np.ones((len(stays), 1)), stays], axis=1)
    by_period = np.cumsum(here[:, :-1, None] * hazards, axis=1)
    found = np.zeros((len(hazards), len(horizons), hazards.shape[2]))
    for place, horizon in enumerate(horizons):
        whole, part = int(horizon), horizon - int(horizon)
        if whole:
            found[:, place] = by_period[:, whole - 1]
        if part > TINY and whole < hazards.shape[1]:
            left = 1.0 - (1.0 - total[:, whole]) ** part
            share = hazards[:, whole] / np.maximum(total[:, whole, None], TINY)
            found[:, place] += (here[:, whole] * left)[:, None] * share
    return found


def calibrated(log_odds: Floats, calibration: list[Any]) -> Floats:
    """Return probabilities after beta calibration ``a, b, c``, and bent where log-odds of knots before and after follow.

    References
    ----------
    Kull, Silva Filho, Flach: Beta calibration, AISTATS 2017: log-odds = a ln p - b ln(1 - p) + c.
    """
    a, b, c = calibration[:3]
    bounded = np.clip(log_odds, -35.0, 35.0)
    moved = b * bounded + c
    if a != b:
        moved -= (a - b) * np.log1p(np.exp(-bounded))
    return sigmoid(bent(moved, *calibration[3:]) if len(calibration) > 3 else moved)


def bent(log_odds: Floats, found: list[float], corrected: list[float]) -> Floats:
    """Return log-odds corrected between knots, and moved like the last one beyond them."""
    inside = np.clip(log_odds, found[0], found[-1])
    return np.asarray(np.interp(inside, found, corrected) + (log_odds - inside))


def read_blend(folder: Path, entry: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Blend:
    """Read one blend of trees and logistic part."""
    trees = lgb.Booster(model_file=str(folder / entry["trees"])) if entry["trees"] else None
    return Blend(trees, float(entry["weight"]), arrays[entry["coefficients"]])


def blocks(features: Floats) -> list[Floats]:
    """Return rows in blocks of bounded memory; of no rows, one empty block."""
    rows = np.asarray(features, dtype=np.float64)
    return [rows[start : start + ROWS_AT_ONCE] for start in range(0, max(len(rows), 1), ROWS_AT_ONCE)]
