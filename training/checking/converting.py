"""Somebody's hazard model into a bundle like ours: LightGBM trees or a linear model behind our own scorer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.errors import BadInputError
from training.attrition.dataset import Dataset
from training.attrition.fit import as_payload
from training.attrition.fitting.calibration import UNCHANGED, fit_calibration, level_error
from training.attrition.fitting.cohort import new_hire_rule
from training.attrition.fitting.describing import bands_of, frame
from training.attrition.scorer import LINEAR, MISSING, Basis, Blend, Floats, Scorer
from training.payload import Payload


@dataclass(frozen=True)
class Linear:
    """Log-odds of leaving within the next month, linear in standardised features.

    Parameters
    ----------
    features : sequence of str
        Of the question's feature schema.
    coefficients : (n_features,) float
        Per unit of the standardised feature.
    intercept : float
        At the centre.
    centre, scale : (n_features,) float
        A feature enters as ``(raw − centre) / scale``.
    if_missing : (n_features,) float
        What enters, in standardised units, where a feature is unknown.
    """

    features: Sequence[str]
    coefficients: Floats
    intercept: float
    centre: Floats
    scale: Floats
    if_missing: Floats


def linear_of(pipeline: Any, features: Sequence[str]) -> Linear:
    """Return the linear model inside a fitted scikit-learn pipeline: imputer and scaler where there are, and a classifier.

    Parameters
    ----------
    pipeline : sklearn.pipeline.Pipeline
        Of ``SimpleImputer``, ``StandardScaler`` (both may be left out) and ``LogisticRegression``, fitted to whether a
        person left within the next month.
    features : sequence of str
        Names of its columns.

    Raises
    ------
    BadInputError
        If a step is none of these: its arithmetic is unknown here.
    """
    n = len(features)
    known: dict[str, Any] = {type(step).__name__: step for _, step in pipeline.steps}
    strange = sorted(set(known) - {"SimpleImputer", "StandardScaler", "LogisticRegression"})
    if strange or "LogisticRegression" not in known or known["LogisticRegression"].coef_.shape != (1, n):
        raise BadInputError(
            "The pipeline cannot be converted.",
            found=", ".join(type(step).__name__ for _, step in pipeline.steps),
            allowed="SimpleImputer, StandardScaler, LogisticRegression of two classes, one column a feature",
        )
    scaler, imputer, last = (
        known.get("StandardScaler"),
        known.get("SimpleImputer"),
        known["LogisticRegression"],
    )
    centre = (
        np.zeros(n) if scaler is None or scaler.mean_ is None else np.asarray(scaler.mean_, dtype=np.float64)
    )
    scale = (
        np.ones(n) if scaler is None or scaler.scale_ is None else np.asarray(scaler.scale_, dtype=np.float64)
    )
    filled = centre if imputer is None else np.asarray(imputer.statistics_, dtype=np.float64)
    return Linear(
        features,
        last.coef_[0].astype(np.float64),
        float(last.intercept_[0]),
        centre,
        scale,
        (filled - centre) / scale,
    )


def bundle_of(dataset: Dataset, model: Any) -> Payload:
    """Return the payload of a hazard model: its own first cause, the base rate of every other cause, our level.

    Parameters
    ----------
    dataset : Dataset
        Of attrition: what its level is calibrated on, and its bands and new hires are taken from.
    model : Linear or lightgbm.Booster
        Log-odds (for a booster its raw score) of leaving voluntarily within the next month.

    Notes
    -----
    The level is calibrated on the latest months before the last block. A model that has learnt from those very months
    is calibrated on what it has seen: leave them out when fitting, or read the calibration gate with that in mind.
    """
    basis, blend = parts_of(dataset, model)
    blends = [
        blend,
        *(constant(dataset, cause, len(basis.feature)) for cause in range(1, len(dataset.causes))),
    ]
    rows = dataset.folds[-1][1]
    panel = dataset.panel.take(rows)
    described = description(dataset, model)
    raw = Scorer(described, basis, blends, []).log_odds(panel.features)[:, 0]
    left = panel.cause == 1
    first = fit_calibration(raw, left)
    described["calibration"] = [list(first), *([list(UNCHANGED)] * (len(dataset.causes) - 1))]
    described["level_error"] = level_error(raw, left, first)
    scorer = Scorer(described, basis, blends, [])
    described["new_hire"] = new_hire_rule(dataset, described) if dataset.tenure is not None else None
    described["bands"] = bands_of(dataset, scorer)
    return as_payload(dataset, Scorer(described, basis, blends, []))


def parts_of(dataset: Dataset, model: Any) -> tuple[Basis, Blend]:
    """Return the columns and the blend that answer as a model does."""
    names = list(dataset.schema)
    if isinstance(model, Linear):
        places = places_of(model.features, names)
        extra = model.coefficients * model.if_missing
        kinds = np.repeat([LINEAR, MISSING], len(places))
        zeros, ones = np.zeros(len(places)), np.ones(len(places))
        basis = Basis(
            np.tile(places, 2), kinds, np.zeros(2 * len(places)), np.concatenate([model.centre, zeros]),
            np.concatenate([model.scale, ones]), *unbounded(len(names)),
        )  # fmt: skip
        return basis, Blend(None, 0.0, np.concatenate([model.coefficients, extra, [model.intercept]]))
    nothing = np.zeros(0)
    none = np.zeros(0, dtype=np.int64)
    places_of(model.feature_name(), names)
    return Basis(none, none, nothing, nothing, nothing, *unbounded(len(names))), Blend(
        model, 1.0, np.zeros(1)
    )


def places_of(features: Sequence[str], names: Sequence[str]) -> np.ndarray[Any, Any]:
    """Return where features stand in the schema; raise BadInputError for one that is none."""
    strange = [name for name in features if name not in names]
    if strange:
        raise BadInputError(
            "The model asks for what is no feature.", found=", ".join(strange[:5]), allowed=", ".join(names)
        )
    return np.array([names.index(name) for name in features], dtype=np.int64)


def unbounded(count: int) -> tuple[Floats, Floats]:
    """Return bounds that bound nothing: somebody's model is not clipped to what ours has seen."""
    return np.full(count, -np.inf), np.full(count, np.inf)


def constant(dataset: Dataset, cause: int, columns: int) -> Blend:
    """Return the base rate of a cause that the model says nothing of."""
    rate = float(np.clip((dataset.panel.cause == cause + 1).mean(), 1e-6, 1 - 1e-6))
    return Blend(None, 0.0, np.concatenate([np.zeros(columns), [np.log(rate / (1 - rate))]]))


def description(dataset: Dataset, model: Any) -> dict[str, Any]:
    """Return what our scorer reads beside trees and arrays."""
    is_linear = isinstance(model, Linear)
    columns = [] if is_linear else places_of(model.feature_name(), list(dataset.schema)).tolist()
    weight = 0.0 if is_linear else 1.0
    choice = {"shape": "brought", "weight": weight, "penalty": None, "losses": {}}
    return {**frame(dataset, columns), "choice": choice}
