"""A person's own expected effect as a line of what is known of them: kept where a gate of its own stands open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from training.impact.estimators.individual import Individual, gate
from training.impact.estimators.linear import ridge
from training.impact.table import ComparisonTable, Floats


def personal_line(
    measured: ComparisonTable, columns: Floats, names: Sequence[str], each: Individual
) -> dict[str, Any] | None:
    """Return the line by which anybody's own effect is expected; None where it does not tell people apart.

    Parameters
    ----------
    measured : ComparisonTable
        Every outcome measured.
    columns : (n, q) float
        Covariates without gaps.
    names : sequence of str
        Of the columns.
    each : Individual
        Scores, and what lines say out of fold: the gate is asked of what is served, not of the trees beside it.

    Returns
    -------
    dict or None
        ``names, centre, spread, weights`` (q each), ``base`` (the average effect in the unit of the outcome) and ``covariance``
        (1 + q, 1 + q) of base and weights: the effect of a person with standardised columns z is base + z · weights.

    Notes
    -----
    Weights are drawn in by the calibration slope where it is below 1: predictions that spread too far are believed so much less.
    The covariance is robust and counts rows as independent draws.
    """
    opened = gate(each.by_line, measured.cluster)
    if not opened.is_open:
        return None
    fitted = ridge(columns, each.score)
    shrink = float(np.clip(opened.calibration_slope.value, 0.0, 1.0))
    scaled = fitted.scale(columns)
    rest = each.score - fitted(columns)
    pulls = np.column_stack([np.full(len(rest), 1 / len(rest)), shrink * (scaled @ fitted.inverse)])
    return {
        "names": list(names),
        "centre": fitted.scale.centre.tolist(),
        "spread": fitted.scale.spread.tolist(),
        "weights": (shrink * fitted.weights).tolist(),
        "base": fitted.centre,
        "covariance": ((pulls * rest[:, None]).T @ (pulls * rest[:, None])).tolist(),
        "qini": opened.qini.value,
        "calibration_slope": opened.calibration_slope.value,
    }
