"""Outcomes that could not be measured (leavers): how far they could move an estimate, and whether one side lacks more.

References
----------
Horowitz, Manski, J. Am. Stat. Assoc. 95 (2000) 77, doi:10.1080/01621459.2000.10473902 (bounds under missing outcomes).
"""

from __future__ import annotations

import numpy as np

from training.impact.estimators.aipw import NORMAL_95
from training.impact.table import ComparisonTable

TAIL = 0.05
NOTABLE_GAP = 0.05


def missing_bounds(table: ComparisonTable, value: float) -> tuple[float, float] | None:
    """Return how far missing outcomes could move the estimate; None where none is missing.

    Notes
    -----
    The missing are put at the 5th or 95th percentile of what was measured, the trained at one end, the compared at the other.
    """
    known = np.isfinite(table.outcome)
    if known.all():
        return None
    bottom, top = np.quantile(table.outcome[known], [TAIL, 1 - TAIL])
    if table.is_binary:
        bottom, top = 0.0, 1.0
    up, down = [], []
    for side in (table.trained, ~table.trained):
        share = float((~known[side]).mean())
        mean = float(table.outcome[side & known].mean())
        down.append(share * (bottom - mean))
        up.append(share * (top - mean))
    return value + down[0] - up[1], value + up[0] - down[1]


def missing_gap(counted: dict[str, int]) -> float:
    """Return by how much more of one side's outcomes are missing, 0–1; 0 where the gap is small or chance explains it."""
    sides = [(counted[side], counted.get(f"{side}_without_outcome", 0)) for side in ("trained", "compared")]
    if min(n for n, _ in sides) == 0:
        return 0.0
    shares = [gone / n for n, gone in sides]
    gap = abs(shares[0] - shares[1])
    error = float(np.sqrt(sum(share * (1 - share) / n for share, (n, _) in zip(shares, sides, strict=True))))
    return gap if gap >= NOTABLE_GAP and gap > NORMAL_95 * error else 0.0
