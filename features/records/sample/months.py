"""The calendar of the sample: whole months that end on a fixed day, so that nothing depends on today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

END = date(2026, 1, 1)  # the first day that is not in the data
EPOCH = date(1970, 1, 1)
FAR = 2_000_000_000  # a day that never comes


@dataclass(frozen=True)
class Months:
    """The simulated months.

    Parameters
    ----------
    starts : (n_months + 1,) int
        First day of each month and of the one after the last, in days since 1970.
    numbers : (n_months,) int
        Calendar month, 1-12.
    """

    starts: Array
    numbers: Array

    @property
    def count(self) -> int:
        """How many months are simulated."""
        return len(self.numbers)

    @property
    def first_day(self) -> int:
        """First day of the data, in days since 1970."""
        return int(self.starts[0])

    @property
    def end_day(self) -> int:
        """First day after the data, in days since 1970."""
        return int(self.starts[-1])

    def month_of(self, days: Array) -> Array:
        """Return the month index of days; `count` where a day lies after the data."""
        return np.searchsorted(self.starts, days, side="right") - 1


def months_of(years: int) -> Months:
    """Return the months of the last `years` years before the end of the data."""
    first = np.datetime64(date(END.year - years, 1, 1), "M")
    stamps = first + np.arange(years * 12 + 1)
    starts = stamps.astype("datetime64[D]").astype(np.int64)
    return Months(starts, np.tile(np.arange(1, 13), years))


def iso(day: int) -> str:
    """Return days since 1970 as an ISO date."""
    return str(np.datetime64(day, "D"))
