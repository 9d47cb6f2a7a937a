"""What two columns do together, where neither does it alone: trees, which split by one column at a time, look past it.

The product of every pair of columns is held against what a linear model leaves over out of fold. Those that stand out beyond
chance, counted over all pairs, join the columns of linear model and trees; where none does, nothing changes.

References
----------
Fan, Lv, J. R. Stat. Soc. B 70 (2008) 849, doi:10.1111/j.1467-9868.2008.00674.x (screening by marginal correlation).
Hao, Zhang, J. Am. Stat. Assoc. 109 (2014) 1285, doi:10.1080/01621459.2014.881741 (screening of interactions).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.impact.estimators.bins import Part
from training.impact.estimators.linear import Scale, scale_of
from training.impact.table import Floats

LEVEL = 0.05  # of all pairs together (Bonferroni)
MOST = 10
FEWEST = 30  # so many rows, counted by how evenly they carry it, must stand behind a product
FURTHEST = 3.0  # standardised columns are drawn in, so that no product hangs on a few far values
REACH = 5.0  # so are products: in its own spreads, normal columns' product stays within for 99.8 % of rows


@dataclass(frozen=True)
class Products:
    """Pairs of columns whose product counts; called with columns it returns them with the products beside.

    Parameters
    ----------
    scale : Scale
        Of the columns they were found in.
    pairs : tuple of (int, int)
        Places of the columns.
    within : Scale
        Of the products themselves, where they were found.

    Notes
    -----
    Two rare things that hardly met among those who teach may meet in a row to predict, dozens of spreads away from anything
    seen; a line would make certainty of it. Products are drawn in where they are taught and where they are used.
    """

    scale: Scale
    pairs: tuple[tuple[int, int], ...]
    within: Scale

    def __call__(self, columns: Floats) -> Floats:
        """Return columns with the products beside them, each in its own spreads."""
        if not self.pairs:
            return columns
        found = multiplied(self.scale, columns, self.pairs)
        return np.column_stack([columns, np.clip(self.within(found), -REACH, REACH)])

    def part(self, columns: Part) -> Part:
        """Return the same of rows that are binned; binned anew where there are products."""
        return Part.of(self(columns.values)) if self.pairs else columns


def multiplied(scale: Scale, columns: Floats, pairs: tuple[tuple[int, int], ...]) -> Floats:
    """Return the products of pairs of standardised columns, far values drawn in, (n, k) float."""
    drawn = np.clip(scale(columns), -FURTHEST, FURTHEST)
    return np.column_stack([drawn[:, first] * drawn[:, second] for first, second in pairs])


def standing_out(columns: Floats, left: Floats) -> Products:
    """Return the pairs of columns whose product goes with what is left over, beyond chance; the strongest few.

    Parameters
    ----------
    columns : (n, q) float
        Without gaps.
    left : (n,) float
        What a linear model of the columns leaves over out of fold.
    """
    from scipy.stats import norm

    scale = scale_of(columns)
    drawn = np.clip(scale(columns), -FURTHEST, FURTHEST)
    first, second = np.triu_indices(columns.shape[1], 1)
    if first.size == 0:
        return Products(scale, (), scale)
    strength = np.abs(ratios(drawn, left))[first, second]
    least = float(norm.isf(LEVEL / (2 * first.size)))
    best = [place for place in np.argsort(-strength, kind="stable")[:MOST] if strength[place] > least]
    pairs = tuple((int(first[place]), int(second[place])) for place in best)
    return Products(scale, pairs, scale_of(multiplied(scale, columns, pairs)) if pairs else scale)


def ratios(drawn: Floats, left: Floats) -> Floats:
    """Return the t-ratio of each pair's product with what is left over, (q, q) float.

    Notes
    -----
    0 where a product does not vary, or where fewer than 30 rows carry it, n (Σp²/n)² / (Σp⁴/n): two rare things that met in
    three people say nothing of what they do together.
    """
    n = len(left)
    rest = left - left.mean()
    together = (drawn * rest[:, None]).T @ drawn / n
    mean, second, fourth = ((drawn**power).T @ drawn**power / n for power in (1, 2, 4))
    spread = np.sqrt(np.maximum(second - mean**2, 0.0))
    is_carried = n * second**2 >= FEWEST * fourth
    error = spread * max(float(rest.std()), 1e-300) / np.sqrt(n)
    return np.asarray(
        np.where((spread > 1e-9) & is_carried, together / np.maximum(error, 1e-300), 0.0), dtype=np.float64
    )
