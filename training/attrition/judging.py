"""Judge a saved scorer beside its references on the same people: exits by a horizon, or whole survival curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.attrition import peers
from training.attrition.dataset import Dataset
from training.attrition.metrics import Fold, interval_of, log_likelihood, measure, redrawn
from training.attrition.scorer import Floats
from training.attrition.survival import Concordance, brier_contributions, censoring_curve, concordance
from training.evaluation import Interval

Bools = NDArray[np.bool_]
OURS = "skillpath"
MOST_PAIRS = 20_000
DRAWS = 300


@dataclass(frozen=True)
class Labelled:
    """What each method said of the same people, and who left by the horizon."""

    person: NDArray[np.int64]
    left: Bools
    said: Mapping[str, Floats]

    def fold(self, method: str) -> Fold:
        """Return one method's part."""
        return Fold(self.person, self.left, self.said[method])


@dataclass(frozen=True)
class Curves:
    """How far each method ordered the exits, and its squared error over time, of the same people."""

    person: NDArray[np.int64]
    pairs: Mapping[str, Concordance]
    squared: Mapping[str, Floats]
    expected: Floats
    left: Bools


def judge_labels(dataset: Dataset, scorer: Any, horizon: int, with_peers: bool) -> Labelled:
    """Return what the scorer and the plain methods say of the last block, for one horizon.

    Parameters
    ----------
    dataset : Dataset
        With its test people.
    scorer : Scorer
        As loaded from the written payload.
    horizon : int
        Which one of the dataset's horizons.
    with_peers : bool
        False leaves the references out.
    """
    test, until = dataset.test, dataset.horizons[horizon]
    scores = scorer.scores(test.features).reshape(len(test.features), len(dataset.horizons), -1)
    said = {OURS: scores[:, horizon, 0]}
    if with_peers:
        said |= plain_methods(dataset, until)
    return Labelled(test.person, (test.cause == 1) & (test.duration <= until), said)


def plain_methods(dataset: Dataset, until: float) -> dict[str, Floats]:
    """Return what base rate, logistic regression and default LightGBM say, learnt from earlier people."""
    past, asked = dataset.past, dataset.test.features
    step = 1.0 if dataset.units == "periods" else until  # a panel's rows are periods, to be compounded
    rows = (past.duration >= step - 1.5) | (past.cause > 0)
    left = ((past.cause == 1) & (past.duration <= step))[rows]
    features = past.features[rows]
    base = np.full(len(asked), left.mean())
    found = {"base_rate": base, "logistic": peers.logistic(features, left, asked, dataset.categorical)}
    found["lightgbm"] = peers.boosted(features, left, asked, dataset.categorical, dataset.threads)
    periods = until / step
    return {name: 1.0 - (1.0 - np.clip(said, 0, 1 - 1e-9)) ** periods for name, said in found.items()}


def judge_curves(dataset: Dataset, scorer: Any, with_peers: bool) -> Curves:
    """Return how the scorer and the survival methods order and date the exits of the test people."""
    test, past = dataset.test, dataset.past
    left, past_left = test.cause == 1, past.cause == 1
    censoring = censoring_curve(past.duration, past_left)
    last = min(float(test.duration.max()), float(past.duration.max())) * (1 - 1e-9)
    grid = np.linspace(float(test.duration.min()), last, 100)
    grid = grid[censoring.at(grid) > 0.02]
    said = {OURS: curve_of(dataset, scorer, grid)}
    features = past.features
    asked = test.features[:, : features.shape[1]]
    if with_peers:
        codes, count = dataset.categorical, len(test.features)
        said["kaplan_meier"] = (np.zeros(count), peers.base_curve(past.duration, past_left, grid, count))
        said["cox"] = peers.cox(features, past.duration, past_left, asked, grid, codes)
        if dataset.tenure is None:
            said["random_survival_forest"] = peers.forest(
                features, past.duration, past_left, asked, grid, dataset.threads
            )
    rows = slice(None, MOST_PAIRS)
    pairs = {
        name: concordance(test.duration[rows], left[rows], risk[rows], censoring, float(grid[-1]))
        for name, (risk, _) in said.items()
    }
    squared = {
        name: brier_contributions(test.duration, left, curves, grid, censoring)
        for name, (_, curves) in said.items()
    }
    own = said[OURS][1]
    place = np.clip(np.searchsorted(grid, test.duration, side="right") - 1, 0, len(grid) - 1)
    expected = -np.log(np.maximum(own[np.arange(len(own)), place], 1e-9))
    return Curves(test.person, pairs, squared, expected, left)


def curve_of(dataset: Dataset, scorer: Any, times: Floats) -> tuple[Floats, Floats]:
    """Return the scorer's risk and its probability of not having left for the first cause, at some times."""
    scores = scorer.scores(dataset.test.features).reshape(
        len(dataset.test.features), len(dataset.horizons), -1
    )
    known = np.concatenate([[0.0], np.asarray(dataset.horizons, dtype=np.float64)])
    hazard = -np.log1p(-np.clip(scores[:, :, 0], 0.0, 1 - 1e-9))
    hazard = np.concatenate([np.zeros((len(hazard), 1)), hazard], axis=1)
    curves = np.exp(-np.stack([np.interp(times, known, row) for row in hazard]))
    return hazard[:, 1:].mean(axis=1), curves


def label_metrics(
    parts: Sequence[Labelled], rng: np.random.Generator
) -> tuple[dict[str, Interval], dict[str, dict[str, Interval]]]:
    """Return every metric of ours and of each reference, averaged over folds, people redrawn alike."""
    seed = int(rng.integers(2**31))
    found = {
        name: measure([part.fold(name) for part in parts], np.random.default_rng(seed))
        for name in parts[0].said
    }
    return found.pop(OURS), found


def curve_metrics(
    parts: Sequence[Curves], rng: np.random.Generator
) -> tuple[dict[str, Interval], dict[str, dict[str, Interval]]]:
    """Return Uno's C and the integrated Brier score of ours and of each reference, averaged over folds."""
    people, weights = redrawn(np.concatenate([part.person for part in parts]), rng, DRAWS)
    places = [np.searchsorted(people, part.person) for part in parts]

    def averaged(values: list[float]) -> float:
        known = [value for value in values if np.isfinite(value)]
        return float(np.mean(known)) if known else float("nan")

    found: dict[str, dict[str, Interval]] = {}
    for name in parts[0].pairs:

        def uno(weight: Floats, name: str = name) -> float:
            return averaged([part.pairs[name].value(weight[place][:MOST_PAIRS])
                             for part, place in zip(parts, places, strict=True)])  # fmt: skip

        def squared(weight: Floats, name: str = name) -> float:
            return averaged([float(np.average(part.squared[name], weights=weight[place]))
                             for part, place in zip(parts, places, strict=True)])  # fmt: skip

        found[name] = {"uno_c": interval_of(uno, weights), "ibs": interval_of(squared, weights)}

    def observed(weight: Floats) -> float:
        return averaged([float((part.left * weight[place]).sum() / max((part.expected * weight[place]).sum(), 1e-9))
                         for part, place in zip(parts, places, strict=True)])  # fmt: skip

    found[OURS]["o_e"] = interval_of(observed, weights)
    return found.pop(OURS), found


def units_of(person: NDArray[np.int64], values: Floats) -> Floats:
    """Return the mean of values per person, people in ascending order."""
    _, place = np.unique(person, return_inverse=True)
    found: Floats = np.bincount(place, values) / np.bincount(place)
    return found


def label_units(parts: Sequence[Labelled]) -> dict[str, Floats]:
    """Return each method's log-likelihood per person."""
    person = np.concatenate([part.person for part in parts])
    return {
        name: units_of(person, np.concatenate([log_likelihood(part.left, part.said[name]) for part in parts]))
        for name in parts[0].said
    }


def curve_units(parts: Sequence[Curves]) -> dict[str, Floats]:
    """Return each method's integrated squared error per person, negative, so that higher is better."""
    person = np.concatenate([part.person for part in parts])
    return {
        name: units_of(person, -np.concatenate([part.squared[name] for part in parts]))
        for name in parts[0].squared
    }
