"""Fit the attrition model: a hazard per cause, its level recalibrated, its uncertainty, its bands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.attrition.dataset import Dataset
from training.attrition.fitting.bending import fit_bend
from training.attrition.fitting.calibration import UNCHANGED, fit_calibration, level
from training.attrition.fitting.choosing import Candidates, Folds, choose
from training.attrition.fitting.cohort import new_hire_rule
from training.attrition.fitting.describing import LEVEL, bands_of, description
from training.attrition.fitting.fading import fade_of, kept_share
from training.attrition.fitting.hazard import (
    Choice,
    Ints,
    Table,
    blend_log_odds,
    columns_of,
    fit_blend,
    fit_trees,
    season_of,
    seasonal,
    tree_log_odds,
)
from training.attrition.fitting.linear import build_basis
from training.attrition.fitting.searching import search_shape
from training.attrition.fitting.season import MONTHS, clock_of
from training.attrition.scorer import Basis, Blend, Floats, Scorer, calibrated
from training.payload import Payload, json_bytes, npz_bytes

__all__ = ["LEVEL", "Parameters", "as_payload", "bands_of", "fit"]

MOST_ROWS_CHOOSING = 200_000
THREADS = re.compile(r"\[num_threads: \d+\]")  # of the fit, noted in its text: no part of the model


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

    shapes: tuple[str, ...] = ("few stumps", "stumps", "pairs", "medium", "wide", "deep")
    weights: tuple[float, ...] = (0.3, 0.5, 0.7, 0.9)
    penalties: tuple[float, ...] = (10.0, 100.0, 1000.0)
    bags: int = 5
    bag_people: int = 10_000
    tune: int = 0


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
    basis = build_basis(dataset.panel.features[dataset.final_rows], dataset.categorical, dataset.season)
    first = table_of(dataset, basis, parameters)
    folds, final = Folds.of(first, dataset.folds), taken(first, dataset.final_rows)
    choices: list[Choice] = []
    blends: list[Blend] = []
    calibrations: list[tuple[Any, ...]] = []
    months: list[Floats] = []
    for number in range(len(dataset.causes)):
        left = dataset.panel.cause == number + 1
        about = folds.about(left)
        chosen = (
            as_first(about, choices[0], seed)
            if choices
            else choose_first(dataset, first, about, parameters, seed)
        )
        rows = replace(final, left=left[dataset.final_rows])
        blends.append(fit_blend(rows, chosen, seed))
        months.append(
            np.zeros(MONTHS + 1) if chosen.season is None else season_of(rows, blends[-1].coefficients)
        )
        found = fit_calibration(chosen.log_odds, about.left)
        latest = about.parts[-1][1]
        calibrations.append(
            latest_level(blend_log_odds(blends[-1], latest) + seasonal(latest, months[-1]), latest, found)
            if dataset.is_by_time else with_bend(found, chosen, about.left)
        )  # fmt: skip
        choices.append(chosen)
    bags = fit_bags(dataset, first, (blends[0], choices[0]), parameters, rng)
    model = description(dataset, first, calibrations, choices, len(bags))
    model["months"] = [effects.tolist() for effects in months] if dataset.season else None
    model["fade"] = fading_of(dataset, choices[0], calibrations[0], model["periods"])
    scorer = Scorer({**model, "new_hire": None}, basis, blends, bags)
    model["new_hire"] = new_hire_rule(dataset, scorer.model) if dataset.tenure is not None else None
    model["bands"] = bands_of(dataset, scorer)
    return as_payload(dataset, Scorer(model, basis, blends, bags))


def table_of(dataset: Dataset, basis: Basis, parameters: Parameters) -> Table:
    """Return what the hazard of the first cause is fitted to."""
    features = dataset.panel.features
    columns = [index for index in range(features.shape[1]) if index not in dataset.season]
    return Table(features, dataset.panel.cause == 1, basis, np.array(columns, dtype=np.int64), dataset.categorical,
                 parameters.penalties[0], dataset.threads, columns_of(basis, features),
                 clock_of(features, dataset.season, dataset.panel.period))  # fmt: skip


def taken(table: Table, rows: Ints) -> Table:
    """Return some rows of a table; the table itself, and no copy, where they are all of them in order."""
    return table if np.array_equal(rows, np.arange(len(table.left))) else table.take(rows)


def choose_first(dataset: Dataset, table: Table, folds: Folds, parameters: Parameters, seed: int) -> Choice:
    """Choose by validation for the first cause; the others take its choice, for their exits are few."""
    found = choose_shape(dataset, table, folds, parameters, seed)
    if not parameters.tune:
        return found
    best = search_shape(folds, found, parameters.tune, seed)
    if best is None:
        return found
    losses = {**found.losses, f"tuned {best.weight:g}": best.loss}
    return replace(
        found,
        shape="tuned",
        weight=best.weight,
        settings=best.settings,
        log_odds=best.log_odds,
        losses=losses,
    )


def as_first(folds: Folds, first: Choice, seed: int) -> Choice:
    """Return the first cause's choice for another cause, with what it says of that cause out of fold."""
    is_tuned = bool(first.settings)
    same = Candidates([first.shape] if first.weight and not is_tuned else [], [first.weight], [first.penalty])
    found = choose(folds, same, seed)
    if not is_tuned:
        return found
    grown = [tree_log_odds(fit_trees(fit, first.settings, seed), check) for fit, check in folds.parts]
    if any(part is None for part in grown):
        return found
    trees = np.concatenate([part for part in grown if part is not None])
    trees = trees if found.season is None else trees + found.season
    blended = first.weight * trees + (1 - first.weight) * found.linear
    return replace(found, shape="tuned", weight=first.weight, settings=first.settings, log_odds=blended)


def choose_shape(dataset: Dataset, table: Table, folds: Folds, parameters: Parameters, seed: int) -> Choice:
    """Choose among the shapes that ship; of many rows on a sample of the people first."""
    every = Candidates(parameters.shapes, parameters.weights, parameters.penalties)
    if len(dataset.panel) <= MOST_ROWS_CHOOSING or len(parameters.shapes) * len(parameters.penalties) == 1:
        return choose(folds, every, seed)
    step = len(dataset.panel) // MOST_ROWS_CHOOSING + 1
    kept = dataset.panel.person % step == 0
    small = [(fit[kept[fit]], check[kept[check]]) for fit, check in dataset.folds]
    found = choose(Folds.of(table, small), every, seed)
    chosen = Candidates([found.shape] if found.weight else [], [found.weight], [found.penalty])
    return choose(folds, chosen, seed)


def with_bend(
    calibration: tuple[float, float, float], chosen: Choice, left: NDArray[np.bool_]
) -> tuple[Any, ...]:
    """Return a calibration with the bend that rows checked out of fold call for."""
    if calibration == UNCHANGED:
        return calibration
    moved = calibrated(chosen.log_odds, list(calibration))
    bend = fit_bend(np.log(moved / (1 - moved)), left)
    return calibration if bend is None else (*calibration, *bend)


def fading_of(
    dataset: Dataset, first: Choice, calibration: tuple[Any, ...], periods: int
) -> list[list[float]] | None:
    """Return how the first cause's differences fade with the periods ahead; None where there is no time, or they do not."""
    if not dataset.is_by_time or dataset.clock:
        return None
    rows, panel = first.rows, dataset.panel
    said = first.log_odds if first.season is None else first.log_odds - first.season
    odds = calibrated(said, list(calibration))
    share = kept_share(
        np.log(odds / (1 - odds)), panel.cause[rows] == 1, panel.person[rows], panel.period[rows]
    )
    return None if share == 1.0 else fade_of(share, said, calibration, periods)


def latest_level(
    final: Floats, latest: Table, calibration: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Return a calibration with its level moved to what came in the latest period.

    Parameters
    ----------
    final : (n_latest,) float
        Log-odds that the final fit gives the rows of the latest period, the season in them.
    latest : Table
        These rows.
    calibration : (a, b, c)
        Of months that the chosen blend had not learnt from.

    Notes
    -----
    The final fit has learnt from the latest period too, and so needs another level than the chosen blend: the one under
    which it expects as many exits of it as came.
    """
    if calibration == UNCHANGED:
        return UNCHANGED
    a, b, _ = calibration
    return a, b, level(-a * np.logaddexp(0.0, -final) + b * np.logaddexp(0.0, final), latest.left)


def fit_bags(
    dataset: Dataset,
    table: Table,
    fitted: tuple[Blend, Choice],
    parameters: Parameters,
    rng: np.random.Generator,
) -> list[Blend]:
    """Return refits for the first cause on people drawn with replacement.

    Notes
    -----
    Of more than `bag_people` people only so many are drawn: the spread is then wider than that of the whole.
    """
    blend, chosen = fitted
    rows = dataset.final_rows
    person = dataset.panel.person[rows]
    order = np.argsort(person, kind="stable")
    people, starts = np.unique(person[order], return_index=True)
    ends = np.append(starts[1:], len(order))
    bags = []
    for _ in range(parameters.bags):
        drawn = rng.integers(0, len(people), min(len(people), parameters.bag_people))
        taken = np.concatenate([order[starts[number] : ends[number]] for number in drawn])
        seed = int(rng.integers(1, 2**31 - 1))
        bags.append(fit_blend(table.take(rows[taken]), chosen, seed, blend.coefficients))
    return bags


def as_payload(dataset: Dataset, scorer: Scorer) -> Payload:
    """Return the model as plain files."""
    arrays: dict[str, Any] = {
        f"basis_{name}": getattr(scorer.basis, name)
        for name in ("feature", "kind", "knot", "centre", "scale", "low", "high")
    }
    files: dict[str, bytes] = {}
    entries = {}
    for kind, blends in (("blends", scorer.blends), ("bags", scorer.bags)):
        entries[kind] = [
            entry_of(f"{kind[:-1]}_{number}", blend, files, arrays) for number, blend in enumerate(blends)
        ]
    model = {**scorer.model, **entries}
    files |= {"model.json": json_bytes(model), "arrays.npz": npz_bytes(arrays)}
    example = synthetic_people(dataset)
    return Payload(
        question="attrition",
        files=files,
        golden_inputs={"features": example},
        feature_schema=dataset.schema,
        input_example={name: example[:5, index] for index, name in enumerate(dataset.schema)},
    )


def entry_of(name: str, blend: Blend, files: dict[str, bytes], arrays: dict[str, Any]) -> Mapping[str, Any]:
    """Put a blend into files and arrays, and return how the scorer finds it."""
    arrays[name] = blend.coefficients
    if blend.trees is not None:
        files[f"{name}.txt"] = THREADS.sub("[num_threads: 0]", blend.trees.model_to_string()).encode()
    return {
        "trees": f"{name}.txt" if blend.trees is not None else "",
        "weight": blend.weight,
        "coefficients": name,
    }


def synthetic_people(dataset: Dataset, count: int = 16) -> Floats:
    """Return made-up rows: each column drawn by itself between its deciles, so that no row is anybody's."""
    rng = np.random.default_rng(20)
    rows = dataset.panel.features
    found = np.full((count, rows.shape[1]), np.nan)
    for index in range(rows.shape[1]):
        column = rows[~np.isnan(rows[:, index]), index]
        if not column.size:
            continue
        if index in dataset.categorical:
            codes, counts = np.unique(column, return_counts=True)
            found[:, index] = rng.choice(codes[np.argsort(-counts)[:3]], count)
        else:
            low, high = (float(np.quantile(column, share)) for share in (0.1, 0.9))
            found[:, index] = np.round(rng.uniform(low, high, count), 2)
    return found
