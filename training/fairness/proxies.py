"""How well the features that a model sees predict what it must not see: its protected attributes' proxies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from training.fairness.report import SMALLEST, banded

Floats = NDArray[np.float64]
FOLDS = 2
MOST_PEOPLE = 3_000
TREES = 40
SHOWN = 3
FEWEST = 30  # people of a group, and of the others


def proxies(
    features: Floats, names: Sequence[str], attributes: Mapping[str, Sequence[Any]], rng: np.random.Generator
) -> dict[str, Any]:
    """Return how well each group of each attribute is told from the others by the features alone.

    Parameters
    ----------
    features : (n, n_features) float
        What the model sees.
    names : sequence of str
        Of the features.
    attributes : mapping of str to (n,) values
        Protected attributes; None where not known.
    rng : numpy.random.Generator
        Draws people and folds.

    Returns
    -------
    dict
        Per attribute: ``auc`` (the group told best; .5 is neutral, 1 means that the features give it away), its
        ``group``, and the features that tell the most. Attributes with no two groups of thirty people are left out.
    """
    chosen = rng.permutation(len(features))[:MOST_PEOPLE]
    found: dict[str, Any] = {}
    for attribute, values in attributes.items():
        groups = np.array(["" if value is None else str(value) for value in banded(values)])[chosen]
        rows = chosen[groups != ""]
        known = groups[groups != ""]
        told = [told_apart(features[rows], known == group, names, rng) | {"group": group}
                for group in sorted(set(known)) if FEWEST <= (known == group).sum() <= len(known) - FEWEST]  # fmt: skip
        if told:
            best = max(told, key=lambda one: float(one["auc"]))
            found[attribute] = {**best, "people": len(rows)}
    return found


def told_apart(
    features: Floats, inside: NDArray[np.bool_], names: Sequence[str], rng: np.random.Generator
) -> dict[str, Any]:
    """Return the out-of-fold AUC of a group against the others, and the features that tell the most."""
    fold = rng.permutation(len(inside)) % FOLDS
    said, gain = np.zeros(len(inside)), np.zeros(features.shape[1])
    settings = {"objective": "binary", "num_leaves": 15, "min_data_in_leaf": SMALLEST, "verbosity": -1, "seed": 1,
                "deterministic": True, "force_row_wise": True, "num_threads": 1, "max_bin": 63}  # fmt: skip
    for number in range(FOLDS):
        fit = fold != number
        model = lgb.train(
            settings, lgb.Dataset(features[fit], inside[fit].astype(np.float64), params=settings), TREES
        )
        said[~fit] = model.predict(features[~fit], num_threads=1)
        gain += model.feature_importance("gain")
    order = np.argsort(-gain, kind="stable")[:SHOWN]
    return {"auc": area(inside, said), "features": [names[index] for index in order if gain[index] > 0]}


def area(inside: NDArray[np.bool_], said: Floats) -> float:
    """Return the probability that somebody of the group is scored above somebody of the others; ties count half."""
    from scipy.stats import rankdata

    ranks, count = rankdata(said), int(inside.sum())
    return float((ranks[inside].sum() - count * (count + 1) / 2) / (count * (len(inside) - count)))
