"""Score attrition: features of people to exit probabilities, with interval and contributions.

Self-contained: numpy, LightGBM and the files beside this one. The hazard of leaving within the next period is a
blend, in log-odds, of boosted trees and a small logistic model, one per cause; a calibration moves its level; periods
compound to a survival curve and to the probability of each cause by each horizon. Features are held at their present
values while periods compound, but for the season and the clocks of ``model.json``; what they tell may fade.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
LINEAR, HINGE, MISSING, CATEGORY = 0, 1, 2, 3
TINY, ROWS_AT_ONCE = 1e-9, 20_000
SMALL_ROWS = 2_000  # below, threads wait for each other longer than they work


def sigmoid(log_odds: Floats) -> Floats:
    """Return probabilities of log-odds."""
    found: Floats = np.clip(-log_odds, -35.0, 35.0)
    np.exp(found, out=found)
    found += 1.0
    return np.reciprocal(found, out=found)


def months_of(features: Floats, season: Sequence[int]) -> NDArray[np.int64]:
    """Return the calendar month of rows, 0–11, by the features sine and cosine of the season; 12 where they are unknown."""
    if not season:
        return np.full(len(features), 12)
    month = np.round(np.arctan2(*(features[:, index] for index in season)) * 6 / np.pi) % 12
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

    feature: Ints
    kind: Ints
    knot: Floats
    centre: Floats
    scale: Floats
    low: Floats
    high: Floats

    @cached_property
    def groups(self) -> list[tuple[int, Ints]]:
        """Each feature that has columns, and the places of these."""
        return [(int(each), np.flatnonzero(self.feature == each)) for each in np.unique(self.feature)]

    def parts(self, features: Floats) -> Iterator[tuple[int, Ints, Floats]]:
        """Yield each feature, the places of its columns and their values, (k, n): so few stay in the cache."""
        for feature, places in self.groups:
            inside = np.clip(features[:, feature], self.low[feature], self.high[feature])
            missing, values = np.isnan(inside), np.empty((len(places), len(features)))
            for row, kind, knot in zip(values, self.kind[places], self.knot[places], strict=True):
                if kind == HINGE:
                    np.maximum(np.subtract(inside, knot, out=row), 0.0, out=row)
                elif kind == CATEGORY:
                    np.equal(inside, knot, out=row)
                else:
                    row[:] = missing if kind == MISSING else inside
            values -= self.centre[places, None]
            values /= self.scale[places, None]
            if missing.any():
                values[np.ix_(self.kind[places] != MISSING, missing)] = 0.0
            yield feature, places, values

    def design(self, features: Floats, kind: type[np.floating[Any]] = np.float64) -> NDArray[Any]:
        """Return the columns of some rows, (n, n_columns)."""
        found = np.empty((len(self.feature), len(features)), dtype=kind)
        for _, places, values in self.parts(features):
            found[places] = values
        return found.T

    def log_odds(self, features: Floats, coefficients: Floats) -> Floats:
        """Return what sets of coefficients, (k, n_columns + 1), say of some rows, (k, n)."""
        found = np.repeat(coefficients[:, -1:], len(features), axis=1)
        for _, places, values in self.parts(features):
            found += coefficients[:, places] @ values
        return found


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
        self.months: Floats = np.asarray(model.get("months") or np.zeros((len(self.causes), 13)))
        self.threads = int(os.environ.get("OMP_NUM_THREADS") or 1)

    @classmethod
    def load(cls, folder: Path) -> Scorer:
        """Read a payload's files."""
        model = json.loads((folder / "model.json").read_text("utf-8"))
        with np.load(folder / "arrays.npz", allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
        basis = Basis(*(arrays[f"basis_{field.name}"] for field in fields(Basis)))
        both = ([read_blend(folder, entry, arrays) for entry in model[kind]] for kind in ("blends", "bags"))
        return cls(model, basis, *both)

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
        return self.by_block(features, "incidence", lambda rows: self.incidence(self.next_period(rows), rows))

    def curve(self, features: Floats) -> Floats:
        """Return the probability of still being here after 0, 1, 2 … periods, (n, n_periods + 1)."""
        return self.by_block(features, "curve", lambda rows: np.cumprod(
            np.column_stack([np.ones(len(rows)), 1.0 - self.hazards(rows).sum(axis=2)]), axis=1
        ))  # fmt: skip

    def interval(self, features: Floats) -> Floats:
        """Return low and high of the first cause's probability by each horizon, (n, n_horizons * 2).

        Notes
        -----
        At the level in ``model.json``: spread of refits on people drawn with replacement, and the error of the
        recalibrated level. It says how sure the probability is, not what one person will do.
        """
        return self.by_block(features, "interval", self.bounds)

    def by_block(self, features: Floats, name: str, answer: Callable[[Floats], Floats]) -> Floats:
        """Return what is answered of rows, a block of bounded memory at a time; new hires are told their cohort's."""
        rows = np.asarray(features, dtype=np.float64)
        starts = range(0, max(len(rows), 1), ROWS_AT_ONCE)
        found = np.concatenate([answer(rows[start : start + ROWS_AT_ONCE]) for start in starts])
        if self.model["new_hire"]:
            found[~self.is_personal(rows)] = np.asarray(self.model["new_hire"][name])
        return found.reshape(len(found), int(np.prod(found.shape[1:])))

    def is_personal(self, features: Floats) -> NDArray[np.bool_]:
        """Return where the score is the person's own, and not the base rate of new hires."""
        cohort = self.model["new_hire"] or {"feature": 0, "days": -np.inf}
        tenure = np.asarray(features, dtype=np.float64)[:, int(cohort["feature"])]
        return ~(tenure < float(cohort["days"]))

    def log_odds(self, features: Floats) -> Floats:
        """Return the log-odds of leaving in the next period before recalibration, (n, n_causes)."""
        return self.next_period(np.asarray(features, dtype=np.float64)).T

    def contributions(self, features: Floats) -> Floats:
        """Return what each feature adds to the first cause's log-odds of the next period, before recalibration.

        Returns
        -------
        (n, n_features + 1) float
            The last column is the level of the average person; a row adds up to `log_odds`.
        """
        rows, blend = np.asarray(features, dtype=np.float64), self.blends[0]
        found = np.zeros((len(rows), len(self.features) + 1))
        for feature, places, values in self.basis.parts(rows):
            found[:, feature] = (1.0 - blend.weight) * (blend.coefficients[places] @ values)
        found[:, -1] = blend.coefficients[-1] * (1.0 - blend.weight)
        if blend.trees is not None and len(rows):
            shap = blend.trees.predict(
                rows[:, self.tree_columns], pred_contrib=True, num_threads=self.threads
            )
            found[:, [*self.tree_columns, -1]] += blend.weight * np.asarray(shap)
        if self.model["season"]:
            found[:, self.model["season"][0]] += self.months[0, months_of(rows, self.model["season"])]
        return found

    def bounds(self, rows: Floats) -> Floats:
        """Return low and high of each horizon, (n, n_horizons, 2)."""
        spread = np.zeros(len(rows))
        if len(self.bags) > 1:
            spread = np.std(self.blended(self.bags, rows), axis=0, ddof=1)
        half = self.model["multiplier"] * np.sqrt(spread**2 + self.model["level_error"] ** 2)
        middle = self.next_period(rows)
        shift = np.zeros_like(middle)
        shift[0] = half
        return np.stack(
            [self.incidence(ends, rows)[:, :, 0] for ends in (middle - shift, middle + shift)], axis=2
        )

    def hazards(self, features: Floats) -> Floats:
        """Return the recalibrated hazards of each future period and cause, (n, n_periods, n_causes)."""
        rows = np.asarray(features, dtype=np.float64)
        return np.stack([*self.ahead(self.next_period(rows), rows)]).transpose(2, 0, 1)

    def next_period(self, rows: Floats) -> Floats:
        """Return the log-odds of each cause in the next period before recalibration, (n_causes, n)."""
        return self.blended(self.blends, rows) + self.months[:, months_of(rows, self.model["season"])]

    def blended(self, blends: Sequence[Blend], rows: Floats) -> Floats:
        """Return what blends say of rows, in log-odds, (n_blends, n); the season aside."""
        found = self.basis.log_odds(rows, np.stack([blend.coefficients for blend in blends]))
        columns = rows[:, self.tree_columns]
        threads = self.threads if len(rows) > SMALL_ROWS else 1
        for place, blend in enumerate(blends):
            if blend.trees is not None and len(rows):
                raw = blend.trees.predict(columns, raw_score=True, num_threads=threads)
                found[place] = blend.weight * np.asarray(raw) + (1.0 - blend.weight) * found[place]
        return found

    def ahead(self, log_odds: Floats, rows: Floats) -> Iterator[Floats]:
        """Yield the recalibrated hazards of each future period, (n_causes, n), given the log-odds of the next one."""
        for said in self.with_time(log_odds, rows) if self.model["clock"] else self.held(log_odds, rows):
            hazards = np.empty_like(said)
            for place, by in enumerate(self.model["calibration"]):
                hazards[place] = calibrated(said[place], by)
            hazards /= np.maximum(hazards.sum(axis=0) / (1.0 - TINY), 1.0)
            yield hazards

    def with_time(self, log_odds: Floats, rows: Floats) -> Iterator[Floats]:
        """Yield the log-odds of each future period where clocks move on; `log_odds` may differ from what the rows say."""
        shift = log_odds - self.next_period(rows)
        steps = np.zeros(rows.shape[1])
        steps[[index for index, _ in self.model["clock"]]] = [step for _, step in self.model["clock"]]
        for period in range(self.model["periods"]):
            yield self.next_period(rows + steps * period) + shift

    def held(self, log_odds: Floats, rows: Floats) -> Iterator[Floats]:
        """Yield the log-odds of each future period where features are held: months go on, and what is known may fade."""
        month = months_of(rows, self.model["season"])
        told = log_odds[0] - self.months[0, month]
        for period in range(self.model["periods"]):
            later = np.append((np.arange(12) + period) % 12, 12)
            said = log_odds + (self.months[:, later] - self.months)[:, month]
            if self.model.get("fade"):
                share, middle = self.model["fade"][period]
                said[0] += (share - 1.0) * (told - middle)
            yield said

    def incidence(self, log_odds: Floats, rows: Floats) -> Floats:
        """Return the cumulative incidence of each cause by each horizon, (n, n_horizons, n_causes)."""
        return cumulative_incidence(self.ahead(log_odds, rows), self.horizons)


def cumulative_incidence(hazards: Iterable[Floats], horizons: Sequence[float]) -> Floats:
    """Compound hazards per period and cause to the probability of each cause by each horizon.

    Parameters
    ----------
    hazards : (n_periods, n_causes, n) float
        Probability of leaving for a cause within a period, given one is here at its start; period by period.
    horizons : sequence of float
        In periods; the last part of a period counts as the same share of its exposure.

    Returns
    -------
    (n, n_horizons, n_causes) float
    """
    found: dict[float, Floats] = {}
    here, gone = np.ones(1), np.zeros((1, 1))
    for period, each in enumerate(hazards):
        total = each.sum(axis=0)
        for horizon in horizons:
            part = horizon - period
            if TINY < part < 1.0 - TINY:
                left = here * (1.0 - (1.0 - total) ** part) / np.maximum(total, TINY)
                found[horizon] = gone + left * each
        gone = gone + here * each
        here = here * (1.0 - total)
        found |= {horizon: gone for horizon in horizons if abs(horizon - period - 1) <= TINY}
    return np.stack([found[horizon] for horizon in horizons]).transpose(2, 0, 1)


def calibrated(log_odds: Floats, calibration: list[Any]) -> Floats:
    """Return probabilities after beta calibration ``a, b, c``, and bent where log-odds of knots before and after follow.

    References
    ----------
    Kull, Silva Filho, Flach: Beta calibration, AISTATS 2017: log-odds = a ln p - b ln(1 - p) + c.
    """
    (a, b, c), bounded = calibration[:3], np.clip(log_odds, -35.0, 35.0)
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
