"""Several earlier outcomes as one placebo: their mean shows a hidden cause that the noise of one alone would hide.

A cause that lasts moved all of them, their noise is their own: three halve what goes unnoticed, nearly. What moved one of them
alone (a dip just before the training) is looked for in each, at a level corrected for their number.

References
----------
Hartman, Hidalgo, Am. J. Polit. Sci. 62 (2018) 1000, doi:10.1111/ajps.12387 (what a placebo that passes does not show).
Ashenfelter, Rev. Econ. Stat. 60 (1978) 47, doi:10.2307/1924332 (the dip before a training).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.impact.estimators.aipw import Effect, critical_value

LEVEL = 0.05  # of all single placebos together (Bonferroni)


def furthest(each: Sequence[Effect]) -> tuple[float, float] | None:
    """Return the interval, widened for their number, of the single placebo furthest from 0; None where fewer than two."""
    told = [one for one in each if one.standard_error > 0]
    if len(told) < 2:
        return None
    one = max(told, key=lambda placebo: abs(placebo.value) / placebo.standard_error)
    reach = one.standard_error * critical_value(one.freedom, LEVEL / len(told))
    return one.value - reach, one.value + reach


def error_alone(placebo: Effect | None, each: Sequence[Effect]) -> float:
    """Return the standard error of a placebo of one outcome: the mean where there are several; 0 without any."""
    if placebo is None:
        return 0.0
    return float(np.mean([one.standard_error for one in each])) if each else placebo.standard_error
