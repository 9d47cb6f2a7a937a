"""Which columns tell who leaves, beyond chance: what is lost on people held out when a column is shuffled among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import norm

from training.attrition.dataset import Dataset
from training.attrition.judging.metrics import log_likelihood
from training.attrition.scorer import Floats
from training.multiplicity import holm

SIGNIFICANT = 0.05
MOST_ROWS = 5_000  # of a fold
SHOWN = 15


@dataclass
class Shuffled:
    """What shuffling each column cost, over folds.

    Parameters
    ----------
    lost : mapping of str to list of (n,) float
        Log-likelihood per row with the column as it is, less that with it shuffled; positive where it tells something.
    """

    lost: dict[str, list[Floats]] = field(default_factory=dict)

    def add(self, dataset: Dataset, scorer: Any, horizon: int, rng: np.random.Generator) -> None:
        """Shuffle each column among the people held out of one fold."""
        rows = dataset.test.features[:MOST_ROWS]
        left = ((dataset.test.cause == 1) & (dataset.test.duration <= dataset.horizons[horizon]))[:MOST_ROWS]
        width = len(dataset.causes)

        def told(features: Floats) -> Floats:
            return log_likelihood(left, np.asarray(scorer.scores(features))[:, horizon * width])

        before = told(rows)
        for index, name in enumerate(dataset.schema):
            moved = rows.copy()
            moved[:, index] = rng.permutation(moved[:, index])
            self.lost.setdefault(name, []).append(before - told(moved))

    def reported(self) -> dict[str, Any]:
        """Return the columns by what they tell, those beyond chance marked, as plain values."""
        found = {name: judged_gain(parts) for name, parts in self.lost.items()}
        if not found:
            return {}
        adjusted = holm([p for _, p in found.values()])
        rows: list[dict[str, Any]] = [
            {"column": name, "gain": gain, "p_adjusted": p, "is_significant": bool(p < SIGNIFICANT)}
            for (name, (gain, _)), p in zip(found.items(), adjusted, strict=True)
        ]
        rows.sort(key=lambda row: -float(row["gain"]))
        return {
            "drivers": rows[:SHOWN],
            "drivers_significant": [str(row["column"]) for row in rows if row["is_significant"]],
        }


def judged_gain(parts: Sequence[Floats]) -> tuple[float, float]:
    """Return the mean loss over rows and the one-sided p-value that it is none."""
    lost = np.concatenate(parts)
    error = float(lost.std(ddof=1)) / np.sqrt(len(lost)) if len(lost) > 1 else 0.0
    return float(lost.mean()), float(norm.sf(lost.mean() / error)) if error > 0 else 1.0


def ranked_alike(planted: Mapping[str, float], found: Mapping[str, float]) -> float:
    """Return Spearman's correlation between planted and found sizes of the same drivers."""
    from scipy.stats import spearmanr

    names = sorted(planted)
    return float(spearmanr([planted[name] for name in names], [found[name] for name in names]).statistic)
