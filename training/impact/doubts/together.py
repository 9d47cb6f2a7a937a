"""What pairs of columns do together alone, on tables that are left to forests: lines with their products, beside the estimate.

Forests split by one column at a time and see nothing where neither does anything by itself. Large tables look for products
themselves (`estimators/products.py`); on small ones the estimator stays as it was fixed, and what products would change is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.impact.estimators.aipw import Effect, Nuisances, average_effect
from training.impact.estimators.bins import Part
from training.impact.estimators.crossfit import cross_fit
from training.impact.estimators.linear import Predict, fold_numbers, logit, out_of_fold, ridge
from training.impact.estimators.products import standing_out
from training.impact.table import ComparisonTable, Floats

FOLDS = 5


@dataclass(frozen=True)
class Lines:
    """Ridge and L2-logit alone, with the products that stand out beside the columns, or without.

    Parameters
    ----------
    has_products : bool
        False leaves the products out, for contrast.
    """

    has_products: bool

    def propensity(self, columns: Part, trained: Any, held: Floats, seed: int) -> Floats:
        """Return the probability of being trained of the held-out rows, 0–1."""
        return self.predicted(logit, columns.values, trained, held, seed)

    def outcome(self, columns: Part, target: Floats, held: Floats, seed: int) -> Floats:
        """Return the expected outcome of the held-out rows."""
        return self.predicted(ridge, columns.values, target, held, seed)

    def predicted(
        self, fit: Callable[[Floats, Any], Predict], columns: Floats, target: Any, held: Floats, seed: int
    ) -> Floats:
        """Return predictions by a line of the columns, and of their products where they count."""
        if not self.has_products:
            return fit(columns, target)(held)
        folds = fold_numbers(np.zeros(len(target), bool), FOLDS, np.random.default_rng(seed))
        beside = standing_out(columns, target - out_of_fold(fit, columns, target, folds))
        return fit(beside(columns), target)(beside(held))


def moved_by_products(table: ComparisonTable, columns: Floats) -> tuple[Effect, Nuisances] | None:
    """Return the effect on the trained by lines with products, and its nuisances, where those move it by more than its error.

    Parameters
    ----------
    table : ComparisonTable
        Every outcome measured.
    columns : (n, q) float
        Its covariates without gaps.

    Returns
    -------
    (Effect, Nuisances) or None
        None where products change nothing, and for large tables, whose estimator looks for products itself.
    """
    part = Part.of(columns)
    if columns.shape[1] < 2 or part.is_of_large_table:
        return None
    folds = fold_numbers(table.trained, FOLDS, np.random.default_rng(0), table.cluster)
    found = []
    for has_products in (False, True):
        nuisances = cross_fit(table, part, folds, (Lines(has_products), 0, "att"))
        effect = average_effect(table.outcome, table.trained, nuisances, "att", table.cluster)
        found.append((effect, nuisances))
    (without, _), (beside, _) = found
    return found[1] if abs(beside.value - without.value) > beside.standard_error else None
