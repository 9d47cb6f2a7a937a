"""The references beside every figure: base rate, logistic regression, default LightGBM, Cox, random survival forest."""

from __future__ import annotations

import warnings
from collections.abc import Collection

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from training.attrition.judging.survival import kaplan_meier
from training.attrition.scorer import Floats

Bools = NDArray[np.bool_]
MOST_ROWS = 20_000
MOST_ROWS_OF_A_FOREST = 5_000
DATES_OF_A_FOREST = 200
ROWS_AT_ONCE = 10_000


class Plain:
    """Features as a plain method takes them: numbers standardised, gaps filled and flagged, codes one-hot.

    Parameters
    ----------
    features : (n, n_features) float
        Of the rows learnt from.
    categorical : collection of int
        Features that are codes.
    """

    def __init__(self, features: Floats, categorical: Collection[int]) -> None:
        self.numbers = [index for index in range(features.shape[1]) if index not in categorical]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a column may be empty
            self.mean = np.nan_to_num(np.nanmean(features[:, self.numbers], axis=0))
            self.scale = np.nan_to_num(np.nanstd(features[:, self.numbers], axis=0))
        self.scale[self.scale == 0] = 1.0
        self.gaps = [index for index in self.numbers if np.isnan(features[:, index]).any()]
        self.codes = [(index, code) for index in categorical for code in np.unique(features[:, index])[1:]]

    def __call__(self, features: Floats) -> Floats:
        """Return rows as plain columns."""
        numbers = np.nan_to_num((features[:, self.numbers] - self.mean) / self.scale)
        flags = np.isnan(features[:, self.gaps])
        hot = [features[:, index] == code for index, code in self.codes if not np.isnan(code)]
        columns = [numbers, flags, *([np.column_stack(hot)] if hot else [])]
        return np.hstack(columns).astype(np.float64)


def logistic(
    features: Floats,
    left: Bools,
    asked: Floats,
    categorical: Collection[int],
    weight: Floats | None = None,
) -> Floats:
    """Return the probabilities of a plain logistic regression."""
    from sklearn.linear_model import LogisticRegression

    plain = Plain(features, categorical)
    model = LogisticRegression(max_iter=2000).fit(plain(features), left, sample_weight=weight)
    return np.asarray(model.predict_proba(plain(asked))[:, 1])


def boosted(
    features: Floats,
    left: Bools,
    asked: Floats,
    categorical: Collection[int],
    threads: int,
    weight: Floats | None = None,
) -> Floats:
    """Return the probabilities of LightGBM as it comes: 100 trees of 31 leaves."""
    threads = threads if len(features) > 20_000 else 1
    settings = {"objective": "binary", "num_threads": threads, "verbosity": -1, "deterministic": True,
                "force_row_wise": True, "seed": 1}  # fmt: skip
    data = lgb.Dataset(
        features, left.astype(np.float64), weight=weight, categorical_feature=list(categorical) or "auto"
    )
    return np.asarray(lgb.train(settings, data, 100).predict(asked, num_threads=threads))


def base_curve(duration: Floats, left: Bools, times: Floats, count: int) -> Floats:
    """Return Kaplan–Meier's curve at some times, the same for everybody, (count, n_times)."""
    return np.tile(kaplan_meier(duration, left).at(times), (count, 1))


def cox(
    features: Floats,
    duration: Floats,
    left: Bools,
    asked: Floats,
    times: Floats,
    categorical: Collection[int],
) -> tuple[Floats, Floats]:
    """Return the risk and the survival curves of a Cox model with a little ridge."""
    from sksurv.linear_model import CoxPHSurvivalAnalysis
    from sksurv.util import Surv

    step = len(features) // MOST_ROWS + 1
    rows = slice(None, None, step)
    plain = Plain(features[rows], categorical)
    design = plain(features[rows])
    kept = design.std(axis=0) > 0
    model = CoxPHSurvivalAnalysis(alpha=0.1).fit(
        design[:, kept], Surv.from_arrays(left[rows], duration[rows])
    )
    wanted = plain(asked)[:, kept]
    baseline = model.cum_baseline_hazard_
    place = np.searchsorted(baseline.x, times, side="right") - 1
    hazard = np.where(place >= 0, baseline.y[np.maximum(place, 0)], 0.0)
    risk = np.asarray(model.predict(wanted))
    return risk, np.exp(-np.exp(np.clip(risk, -30, 30))[:, None] * hazard)


def forest(
    features: Floats, duration: Floats, left: Bools, asked: Floats, times: Floats, trees: int
) -> tuple[Floats, Floats]:
    """Return the risk and the survival curves of a random survival forest, of a large table on a sample."""
    from sksurv.ensemble import RandomSurvivalForest
    from sksurv.util import Surv

    rows = slice(None, None, len(features) // MOST_ROWS_OF_A_FOREST + 1)
    filled = np.nan_to_num(features, nan=-1.0)
    # weeks of a follow-up of years: each time that differs costs every leaf a number
    dated = np.ceil(duration * DATES_OF_A_FOREST / duration.max()) * duration.max() / DATES_OF_A_FOREST
    model = RandomSurvivalForest(trees, min_samples_leaf=10, n_jobs=1, random_state=0)
    model.fit(filled[rows], Surv.from_arrays(left[rows], dated[rows]))
    wanted = np.nan_to_num(asked, nan=-1.0)
    place = np.searchsorted(model.unique_times_, times, side="right") - 1
    risks, curves = [], []
    for start in range(0, len(wanted), ROWS_AT_ONCE):
        steps = model.predict_survival_function(wanted[start : start + ROWS_AT_ONCE], return_array=True)
        risks.append(-np.log(np.maximum(steps, 1e-9)).sum(axis=1))
        curves.append(np.where(place >= 0, steps[:, np.maximum(place, 0)], 1.0))
    return np.concatenate(risks), np.concatenate(curves)
