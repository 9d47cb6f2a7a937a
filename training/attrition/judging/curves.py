"""Judge a saved scorer beside survival methods on the same people: in which order they leave, and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.attrition.dataset import Dataset, Landmark
from training.attrition.judging import peers
from training.attrition.judging.horizons import OURS, Bools, Ints, Labelled, units_of
from training.attrition.judging.metrics import interval_of, redrawn
from training.attrition.judging.survival import (
    Concordance,
    DatedRanking,
    StepFunction,
    brier_contributions,
    censoring_curve,
    concordance,
    dated_ranking,
)
from training.attrition.scorer import Floats
from training.evaluation import Interval

MOST_PAIRS = 20_000
DRAWS = 300
GRID = 100
TREES = 200  # of the random survival forest
LEAST_FOLLOWED = 0.02  # beyond the time until which so few were followed, errors would be weighted fiftyfold
DATES = (0.15, 0.3, 0.5, 0.7, 0.85)  # quantiles of the exits at whose times rankings are judged
Said = Mapping[str, tuple[Floats, Floats]]


@dataclass(frozen=True)
class Curves:
    """How far each method ordered and dated the exits of the same people.

    Parameters
    ----------
    person : (n,) int
        Whose row it is.
    left : (n,) bool
        Whose exit was seen.
    pairs, dated : mapping of str to Concordance, DatedRanking
        Of each method.
    squared : mapping of str to (n,) float
        Each row's part of the integrated Brier score.
    expected : mapping of str to (n,) float
        Exits expected of each row while it was followed: the cumulative hazard.
    reached, followed : (n,) float
        Our probability of having left by the time of the exit, or by the end; and the weight of whom it is known of.
    """

    person: Ints
    left: Bools
    pairs: Mapping[str, Concordance]
    dated: Mapping[str, DatedRanking]
    squared: Mapping[str, Floats]
    expected: Mapping[str, Floats]
    reached: Floats
    followed: Floats


def judge_curves(
    dataset: Dataset, scorer: Any, with_peers: bool, until: float | None = None
) -> tuple[Curves, Labelled | None]:
    """Return how the scorer and the survival methods order and date the exits of the test people.

    Parameters
    ----------
    dataset : Dataset
        Its `dated` people where it has some, else its test people.
    scorer : Scorer
        As loaded from the written payload.
    with_peers : bool
        False leaves the references out.
    until : float, optional
        Also judge who had left by then, whoever was lost before counting for nobody and the others for more.
    """
    test, past = dataset.dated or (dataset.test, dataset.past)
    past_left = past.cause == 1
    censoring = censoring_curve(past.duration, past_left)
    grid = grid_of(test, past, censoring)
    said = {OURS: curve_of(dataset, test, scorer, grid)}
    if with_peers:
        said |= survival_methods(dataset, test, past, grid)
    found = compared(test, said, grid, censoring)
    if until is None:
        return found, None
    weight = followed_weights(test, until, censoring)
    place = max(int(np.searchsorted(grid, until, side="right")) - 1, 0)
    probabilities = {name: 1.0 - curves[:, place] for name, (_, curves) in said.items()}
    if with_peers:
        probabilities |= weighted_methods(dataset, test, past, until, censoring)
    left = (test.cause == 1) & (test.duration <= until)
    return found, Labelled(test.person, left, probabilities, weight, test.rows)


def grid_of(test: Landmark, past: Landmark, censoring: StepFunction) -> Floats:
    """Return the times at which curves are judged: as long as enough people were followed."""
    last = min(float(test.duration.max()), float(past.duration.max())) * (1 - 1e-9)
    grid = np.linspace(float(test.duration.min()), last, GRID)
    return grid[censoring.at(grid) > LEAST_FOLLOWED]


def survival_methods(
    dataset: Dataset, test: Landmark, past: Landmark, grid: Floats
) -> dict[str, tuple[Floats, Floats]]:
    """Return risk and curves of Kaplan–Meier, Cox and a random survival forest, learnt from earlier people."""
    left, codes, count = past.cause == 1, dataset.categorical, len(test.features)
    asked = test.features[:, : past.features.shape[1]]
    learnt = (past.features, past.duration, left)
    trees = TREES if dataset.tenure is None else TREES // 4  # beside every training, a smaller one
    return {
        "kaplan_meier": (np.zeros(count), peers.base_curve(past.duration, left, grid, count)),
        "cox": peers.cox(*learnt, asked, grid, codes),
        "random_survival_forest": peers.forest(*learnt, asked, grid, trees),
    }


def weighted_methods(
    dataset: Dataset, test: Landmark, past: Landmark, until: float, censoring: StepFunction
) -> dict[str, Floats]:
    """Return what logistic regression and default LightGBM say of leaving by a time, the lost weighted for."""
    weight = followed_weights(past, until, censoring)
    rows = weight > 0
    left = ((past.cause == 1) & (past.duration <= until))[rows]
    if left.all() or not left.any():
        return {}
    features, asked = past.features[rows], test.features[:, : past.features.shape[1]]
    codes = dataset.categorical
    return {
        "logistic": peers.logistic(features, left, asked, codes, weight[rows]),
        "lightgbm": peers.boosted(features, left, asked, codes, dataset.threads, weight[rows]),
    }


def followed_weights(people: Landmark, until: float, censoring: StepFunction) -> Floats:
    """Return the inverse probability of being followed until a time or one's exit; 0 for whoever was lost before.

    References
    ----------
    Graf, Schmoor, Sauerbrei, Schumacher, Statistics in Medicine 1999.
    """
    gone = (people.cause > 0) & (people.duration <= until)
    here = people.duration > until * (1 - 1e-9)
    at = np.where(gone, censoring.before(people.duration), censoring.at(np.full(len(gone), until)))
    return np.where(gone | here, 1.0 / np.maximum(at, LEAST_FOLLOWED), 0.0)


def compared(test: Landmark, said: Said, grid: Floats, censoring: StepFunction) -> Curves:
    """Return each method's order and dates beside what came."""
    left, rows = test.cause == 1, slice(None, MOST_PAIRS)
    seen = test.duration[left & (test.duration <= grid[-1])]
    dates = np.unique(np.quantile(seen, DATES)) if len(seen) else grid[-1:]
    place = np.clip(np.searchsorted(grid, test.duration, side="right") - 1, 0, len(grid) - 1)
    here = np.arange(len(left))
    return Curves(
        person=test.person,
        left=left & (test.duration <= grid[-1]),
        pairs={
            name: concordance(test.duration[rows], left[rows], risk[rows], censoring, float(grid[-1]))
            for name, (risk, _) in said.items()
        },
        dated={
            name: dated_ranking(test.duration, left, risk, censoring, dates)
            for name, (risk, _) in said.items()
        },
        squared={
            name: brier_contributions(test.duration, left, curves, grid, censoring)
            for name, (_, curves) in said.items()
        },
        reached=1.0 - said[OURS][1][here, place],
        followed=followed_weights(test, float(grid[-1]), censoring),
        expected={name: -np.log(np.maximum(curves[here, place], 1e-9)) for name, (_, curves) in said.items()},
    )


def curve_of(dataset: Dataset, test: Landmark, scorer: Any, times: Floats) -> tuple[Floats, Floats]:
    """Return the scorer's risk and its probability of not having left for the first cause, at some times."""
    scores = scorer.scores(test.features).reshape(len(test.features), len(dataset.horizons), -1)
    known = np.concatenate([[0.0], np.asarray(dataset.horizons, dtype=np.float64)])
    hazard = -np.log1p(-np.clip(scores[:, :, 0], 0.0, 1 - 1e-9))
    hazard = np.concatenate([np.zeros((len(hazard), 1)), hazard], axis=1)
    curves = np.exp(-np.stack([np.interp(times, known, row) for row in hazard]))
    return hazard[:, 1:].mean(axis=1), curves


def curve_metrics(
    parts: Sequence[Curves], rng: np.random.Generator
) -> tuple[dict[str, Interval], dict[str, dict[str, Interval]]]:
    """Return Uno's C, time-dependent AUC, integrated Brier score and observed/expected of ours and of each reference.

    Notes
    -----
    Averaged over folds; the same people are redrawn for every method.
    """
    people, weights = redrawn(np.concatenate([part.person for part in parts]), rng, DRAWS)
    places = [np.searchsorted(people, part.person) for part in parts]

    def over(one: Callable[[Curves, Floats], float]) -> Interval:
        return interval_of(
            lambda weight: averaged(
                [one(part, weight[place]) for part, place in zip(parts, places, strict=True)]
            ),
            weights,
        )

    found: dict[str, dict[str, Interval]] = {}
    for name in parts[0].pairs:
        found[name] = {
            "uno_c": over(lambda part, counts, name=name: part.pairs[name].value(counts[:MOST_PAIRS])),  # type: ignore[misc]
            "td_auc": over(lambda part, counts, name=name: part.dated[name].value(counts)),  # type: ignore[misc]
            "ibs": over(lambda part, counts, name=name: float(np.average(part.squared[name], weights=counts))),  # type: ignore[misc]
            "o_e": over(lambda part, counts, name=name: per_expected(part, name, counts)),  # type: ignore[misc]
        }  # fmt: skip
    return found.pop(OURS), found


def per_expected(part: Curves, name: str, counts: Floats) -> float:
    """Return exits observed per exit expected over all that was followed; 1 is neutral."""
    return float((part.left * counts).sum() / max(float((part.expected[name] * counts).sum()), 1e-9))


def averaged(values: Sequence[float]) -> float:
    """Return the mean of the values that are numbers."""
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def curve_units(parts: Sequence[Curves]) -> dict[str, Floats]:
    """Return each method's integrated squared error per person, negative, so that higher is better."""
    person = np.concatenate([part.person for part in parts])
    return {
        name: units_of(person, -np.concatenate([part.squared[name] for part in parts]))
        for name in parts[0].squared
    }
