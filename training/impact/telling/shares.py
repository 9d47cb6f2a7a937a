"""A share with its interval.

References
----------
Wilson, J. Am. Stat. Assoc. 22 (1927) 209, doi:10.1080/01621459.1927.10502953.
"""

from __future__ import annotations

from math import sqrt

from training.evaluation import Interval
from training.impact.estimators.aipw import NORMAL_95


def wilson(hits: int, n: int) -> Interval:
    """Return a share with its 95 % Wilson interval.

    Examples
    --------
    >>> found = wilson(5, 10)
    >>> round(found.value, 2), round(found.low, 3), round(found.high, 3)
    (0.5, 0.237, 0.763)
    """
    z = NORMAL_95
    share = hits / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z * sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return Interval(share, max(middle - reach, 0.0), min(middle + reach, 1.0))
