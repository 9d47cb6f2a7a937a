"""Fit the attrition model: a hazard per cause, its level recalibrated, its uncertainty, its bands."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from training.attrition.dataset import Dataset
from training.attrition.fitting.bags import fit_bags
from training.attrition.fitting.bending import with_bend
from training.attrition.fitting.calibration import fit_calibration, latest_level
from training.attrition.fitting.causes import as_first, choose_first
from training.attrition.fitting.choosing import Candidates, Folds
from training.attrition.fitting.cohort import new_hire_rule
from training.attrition.fitting.describing import LEVEL, bands_of, description
from training.attrition.fitting.fading import fading_of
from training.attrition.fitting.hazard import (
    SHAPES,
    Choice,
    Table,
    blend_log_odds,
    columns_of,
    fit_blend,
    season_of,
    seasonal,
)
from training.attrition.fitting.linear import build_basis
from training.attrition.fitting.origins import thinned
from training.attrition.fitting.season import MONTHS, clock_of
from training.attrition.fitting.writing import as_payload
from training.attrition.scorer import Basis, Blend, Floats, Scorer
from training.limits import among, within
from training.payload import Payload

__all__ = ["LEVEL", "Parameters", "as_payload", "bands_of", "fit"]


@dataclass(frozen=True)
class Parameters:
    """What may be set when fitting; the defaults are what ships.

    Parameters
    ----------
    shapes : tuple of str
        Candidate shapes of the trees; validation chooses.
    weights : tuple of float
        Candidate weights of the trees in the blend; validation chooses.
    penalties : tuple of float
        Candidate ridge penalties of the logistic part; validation chooses.
    bags : int
        Refits on people drawn with replacement, for the interval; 0 or 1 leaves the level's error alone.
    bag_people : int
        Most people drawn into one bag.
    tune : int
        Trials of a search of the trees' shape inside the folds, beside the shapes that ship; 0 searches nothing.
    """

    shapes: tuple[str, ...] = field(default=tuple(SHAPES), metadata=among(SHAPES))
    weights: tuple[float, ...] = field(default=(0.3, 0.5, 0.7, 0.9), metadata=within(0, 1))
    penalties: tuple[float, ...] = field(default=(10.0, 100.0, 1000.0), metadata=within(1e-9))
    bags: int = field(default=5, metadata=within(0))
    bag_people: int = field(default=10_000, metadata=within(1))
    tune: int = field(default=0, metadata=within(0))


@dataclass(frozen=True)
class Fitted:
    """What was fitted for one cause.

    Parameters
    ----------
    chosen : Choice
        By validation.
    blend : Blend
        Of all rows learnt from.
    calibration : tuple
        Of its log-odds.
    months : (13,) float
        What each calendar month adds to them.
    """

    chosen: Choice
    blend: Blend
    calibration: tuple[Any, ...]
    months: Floats


def fit(dataset: Dataset, parameters: Parameters, rng: np.random.Generator) -> Payload:
    """Return the payload of the attrition model.

    Parameters
    ----------
    dataset : Dataset
        Person-periods before the last block.
    parameters : Parameters
        What may be set.
    rng : numpy.random.Generator
        Seeds LightGBM and draws the bags.
    """
    seed = int(rng.integers(1, 2**31 - 1))
    basis = build_basis(dataset.final_features, dataset.categorical, dataset.season)
    table = table_of(dataset, basis, parameters)
    causes = fit_causes(dataset, table, parameters, seed)
    first = causes[0]
    bags = fit_bags(
        dataset, table, (first.blend, first.chosen), (parameters.bags, parameters.bag_people), rng
    )
    calibrations, choices = [each.calibration for each in causes], [each.chosen for each in causes]
    model = description(dataset, table, calibrations, choices, len(bags))
    model["months"] = [each.months.tolist() for each in causes] if dataset.season else None
    model["fade"] = fading_of(dataset, first.chosen, first.calibration, model["periods"])
    blends = [each.blend for each in causes]
    scorer = Scorer({**model, "new_hire": None}, basis, blends, bags)
    model["new_hire"] = new_hire_rule(dataset, scorer.model) if dataset.tenure is not None else None
    model["bands"] = bands_of(dataset, scorer)
    return as_payload(dataset, Scorer(model, basis, blends, bags))


def fit_causes(dataset: Dataset, table: Table, parameters: Parameters, seed: int) -> list[Fitted]:
    """Return what was fitted for each cause, in their order."""
    candidates = Candidates(parameters.shapes, parameters.weights, parameters.penalties)
    folds = Folds.of(table, thinned(dataset.folds, dataset.panel.person))
    final = table.take(dataset.final_rows)
    found: list[Fitted] = []
    for number in range(len(dataset.causes)):
        left = dataset.panel.cause == number + 1
        about = folds.about(left)
        chosen = (
            as_first(about, found[0].chosen, seed)
            if found
            else choose_first(dataset, table, about, candidates, seed, parameters.tune)
        )
        rows = replace(final, left=left[dataset.final_rows])
        found.append(fit_cause(rows, about, chosen, seed, dataset.is_by_time))
    return found


def fit_cause(rows: Table, folds: Folds, chosen: Choice, seed: int, is_by_time: bool) -> Fitted:
    """Fit one cause to all rows learnt from, and recalibrate it by what was said of rows left out."""
    blend = fit_blend(rows, chosen, seed)
    months = np.zeros(MONTHS + 1) if chosen.season is None else season_of(rows, blend.coefficients)
    found = fit_calibration(chosen.log_odds, folds.left)
    if not is_by_time:
        return Fitted(chosen, blend, with_bend(found, chosen.log_odds, folds.left), months)
    latest = folds.parts[-1][1]
    said = blend_log_odds(blend, latest) + seasonal(latest, months)
    return Fitted(chosen, blend, latest_level(said, latest.left, found), months)


def table_of(dataset: Dataset, basis: Basis, parameters: Parameters) -> Table:
    """Return what the hazard of the first cause is fitted to."""
    features = dataset.panel.features
    columns = [index for index in range(features.shape[1]) if index not in dataset.season]
    return Table(features, dataset.panel.cause == 1, basis, np.array(columns, dtype=np.int64), dataset.categorical,
                 parameters.penalties[0], dataset.threads, columns_of(basis, features),
                 clock_of(features, dataset.season, dataset.panel.period))  # fmt: skip
