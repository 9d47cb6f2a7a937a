"""Judge a saved scorer beside its references on the same people: who had left by a horizon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.attrition.dataset import Dataset
from training.attrition.judging import peers
from training.attrition.judging.metrics import Fold, log_likelihood, measure
from training.attrition.scorer import Floats
from training.evaluation import Interval

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
OURS = "skillpath"


@dataclass(frozen=True)
class Labelled:
    """What each method said of the same people, and who left by the horizon.

    Parameters
    ----------
    person : (n,) int
        Whose row it is.
    left : (n,) bool
        Who had left by the horizon.
    said : mapping of str to (n,) float
        Each method's probability.
    weight : (n,) float, optional
        Inverse probability of having been followed so long, 0 where somebody was lost before; ones by default.
    rows : (n,) int, optional
        Rows of the table they stand in; the persons themselves by default.
    """

    person: Ints
    left: Bools
    said: Mapping[str, Floats]
    weight: Floats | None = None
    rows: Ints | None = None

    def fold(self, method: str) -> Fold:
        """Return one method's part."""
        return Fold(self.person, self.left, self.said[method], self.weight)

    def placed(self) -> Ints:
        """Return the rows of the table they stand in."""
        return self.person if self.rows is None else self.rows


def judge_labels(dataset: Dataset, scorer: Any, horizon: int, with_peers: bool) -> Labelled:
    """Return what the scorer and the plain methods say of the last block, for one horizon.

    Parameters
    ----------
    dataset : Dataset
        With its test people, all of whom were followed until the horizon.
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
    return Labelled(test.person, (test.cause == 1) & (test.duration <= until), said, rows=test.rows)


def plain_methods(dataset: Dataset, until: float) -> dict[str, Floats]:
    """Return what base rate, logistic regression and default LightGBM say, learnt from earlier people."""
    past, asked = dataset.past, dataset.test.features
    step = 1.0 if dataset.units == "periods" else until  # a panel's rows are periods, to be compounded
    rows = (past.duration >= step - 1.5) | (past.cause > 0)
    if (
        past.followed is not None
    ):  # of moments too late to see who stays so long, there would be leavers alone
        rows &= past.followed >= step - 1.5
    left = ((past.cause == 1) & (past.duration <= step))[rows]
    features = past.features[rows]
    base = np.full(len(asked), left.mean())
    found = {"base_rate": base, "logistic": peers.logistic(features, left, asked, dataset.categorical)}
    found["lightgbm"] = peers.boosted(features, left, asked, dataset.categorical, dataset.threads)
    periods = until / step
    return {name: 1.0 - (1.0 - np.clip(said, 0, 1 - 1e-9)) ** periods for name, said in found.items()}


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


def units_of(person: Ints, values: Floats, weight: Floats | None = None) -> Floats:
    """Return the mean of values per person, people in ascending order; 0 for people of no weight."""
    _, place = np.unique(person, return_inverse=True)
    counts = np.ones(len(values)) if weight is None else weight
    found: Floats = np.bincount(place, values * counts) / np.maximum(np.bincount(place, counts), 1e-12)
    return found


def label_units(parts: Sequence[Labelled]) -> dict[str, Floats]:
    """Return each method's log-likelihood per person."""
    person = np.concatenate([part.person for part in parts])
    return {
        name: units_of(person, np.concatenate([log_likelihood(part.left, part.said[name]) for part in parts]))
        for name in parts[0].said
    }
