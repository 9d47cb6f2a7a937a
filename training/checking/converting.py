"""Somebody's hazard model into a bundle like ours: LightGBM trees, a linear model or an ONNX graph behind our own scorer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from features.errors import BadInputError
from training.attrition.dataset import Dataset
from training.attrition.fit import as_payload
from training.attrition.fitting.calibration import UNCHANGED, fit_calibration, level_error
from training.attrition.fitting.cohort import new_hire_rule
from training.attrition.fitting.describing import bands_of, frame
from training.attrition.scorer import LINEAR, MISSING, Basis, Blend, Floats, Scorer
from training.checking import onnx_scorer
from training.checking.graphs import Graph, with_graph
from training.payload import Payload

LOG_ODDS = "binary sigmoid:1"  # the objective whose raw score is the log-odds


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
            hint="Other pipelines: training.checking.graphs.graph_of makes an ONNX graph of them.",
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
    model : Linear, Graph or lightgbm.Booster
        Log-odds (of a booster its raw score, of a graph those of its chance) of leaving voluntarily within the next month.

    Raises
    ------
    BadInputError
        If it asks for what is no feature, or a booster's raw score is no log-odds.

    Notes
    -----
    The level is calibrated on the latest months before the last block. A model that has learnt from those very months
    is calibrated on what it has seen: leave them out when fitting, or read the calibration gate with that in mind.
    """
    columns = columns_of(model, list(dataset.schema))
    typical = typical_of(dataset, columns)
    basis, blend = parts_of(dataset, model, typical)
    others = [constant(dataset, cause, len(basis.feature)) for cause in range(1, len(dataset.causes))]
    panel = dataset.panel.take(dataset.folds[-1][1])
    seen = [] if isinstance(model, Linear) else columns.tolist()
    choice = {"shape": "brought", "weight": blend.weight, "penalty": None, "losses": {}}
    described = {**frame(dataset, seen), "choice": choice}
    raw = Scorer(described, basis, [blend, *others], []).log_odds(panel.features)[:, 0]
    left = panel.cause == 1
    first = fit_calibration(raw, left)
    described["calibration"] = [list(first), *([list(UNCHANGED)] * (len(dataset.causes) - 1))]
    described["level_error"] = level_error(raw, left, first)
    described["new_hire"] = new_hire_rule(dataset, described) if dataset.tenure is not None else None
    described["bands"] = bands_of(
        dataset, Scorer({**described, "new_hire": None}, basis, [blend, *others], [])
    )
    if not isinstance(model, Graph):
        return as_payload(dataset, Scorer(described, basis, [blend, *others], []))
    empty = replace(blend, trees=None, weight=0.0)
    return with_graph(as_payload(dataset, Scorer(described, basis, [empty, *others], [])), model, typical)


def columns_of(model: Any, names: Sequence[str]) -> np.ndarray[Any, Any]:
    """Return which features a model sees; raise BadInputError for a booster that does not tell log-odds."""
    if isinstance(model, Linear | Graph):
        return places_of(model.features, names)
    text = model.model_to_string(num_iteration=1)
    objective = next((line[10:] for line in text.splitlines() if line.startswith("objective=")), "none")
    if objective != LOG_ODDS or "average_output" in text.splitlines():
        raise BadInputError(
            "The booster's raw score is no log-odds.", found=objective, allowed=f"{LOG_ODDS}, boosted",
            hint="Fit it with objective=binary to whether a person left voluntarily within the next month.",
        )  # fmt: skip
    return places_of(model.feature_name(), names)


def typical_of(dataset: Dataset, columns: np.ndarray[Any, Any]) -> Floats:
    """Return the median of each column as it is known today; 0 where nothing is."""
    rows = dataset.panel.features[dataset.final_rows][:, columns]
    known = [column[~np.isnan(column)] for column in rows.T]
    return np.array([float(np.median(each)) if each.size else 0.0 for each in known])


def parts_of(dataset: Dataset, model: Any, typical: Floats) -> tuple[Basis, Blend]:
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
    nothing, none = np.zeros(0), np.zeros(0, dtype=np.int64)
    basis = Basis(none, none, nothing, nothing, nothing, *unbounded(len(names)))
    is_graph = isinstance(model, Graph)
    trees = onnx_scorer.Graph(model.content, model.output, typical) if is_graph else model
    return basis, Blend(cast(Any, trees), 1.0, np.zeros(1))


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
