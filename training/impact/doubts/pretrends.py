"""How much the trends after training may break before a staggered estimate tells nothing.

References
----------
Rambachan, Roth, Rev. Econ. Stud. 90 (2023) 2555, doi:10.1093/restud/rdad018 (relative magnitudes).
"""

from __future__ import annotations

import numpy as np

from training.impact.estimators.staggered import StaggeredEffects


def breakdown(found: StaggeredEffects) -> float | None:
    """Return how many times the largest break before training one per period since would explain the effect away.

    Returns
    -------
    float or None
        0 where the interval includes 0 already; above 1 the effect withstands breaks as large as any seen before; None
        where no trend is seen before.

    Notes
    -----
    Bias of the mean effect ≤ M · (largest step before) · (mean number of periods since, counting the first as one); what
    is left of the interval's nearer end is 0 at the M returned. The largest step is taken as seen, noise included, which
    makes M cautious.
    """
    steps = [abs(effect.value) for age, effect in found.by_age.items() if age < 0]
    if not steps:
        return None
    effect = found.overall
    if not effect.excludes_zero:
        return 0.0
    since = [cell.period - cell.first + 1 for cell in found.cells if not cell.is_before]
    largest = max(steps) * float(np.mean(since))
    nearer = min(abs(effect.low), abs(effect.high))
    return float("inf") if largest == 0 else nearer / largest
