"""What else people learnt meanwhile: enrolling in one course is compared with what others did instead, not with nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.impact.months import HORIZON_DAYS
from training.impact.comparisons import Comparison, of_course
from training.impact.dataset import MICROS_PER_DAY, NEVER, Dataset
from training.impact.table import Bools, Floats, Ints


@dataclass(frozen=True)
class Completions:
    """All completions, in an order in which those of a person within a span of time can be counted.

    Parameters
    ----------
    times : (n_times,) int
        Different moments of completion, ascending, in microseconds.
    keys : (n,) int
        Person × (n_times + 1) + place of the moment in `times`, ascending.
    """

    times: Ints
    keys: Ints

    @classmethod
    def of(cls, dataset: Dataset) -> Completions:
        """Return the completions of a dataset."""
        at = np.asarray(dataset.enrolled["completed_at"], dtype=np.int64)
        done = at != NEVER
        times, place = np.unique(at[done], return_inverse=True)
        return cls(times, np.sort(dataset.enrolled["person"][done] * (times.size + 1) + place))

    def between(self, person: Ints, start: Ints, end: Ints) -> Ints:
        """Return how many courses each person completed from a start up to, not at, an end, (n,) int."""
        first, last = (
            np.searchsorted(self.keys, person * (self.times.size + 1) + np.searchsorted(self.times, moment))
            for moment in (start, end)
        )
        return np.asarray(last - first, dtype=np.int64)


def other_courses(dataset: Dataset, course: int, chosen: Comparison, completions: Completions) -> Floats:
    """Return how many other courses each row's person completed from the month compared to the horizon, (n,) float."""
    month = dataset.month_of_row[chosen.rows]
    person = dataset.person_of_row[chosen.rows]
    start, end = dataset.months[month], dataset.months[month + 1] + HORIZON_DAYS * MICROS_PER_DAY
    here = of_course(dataset.enrolled, course)
    own = np.full(dataset.n_people, NEVER)
    own[dataset.enrolled["person"][here]] = dataset.enrolled["completed_at"][here]
    is_own = (own[person] >= start) & (own[person] < end)
    return np.asarray(completions.between(person, start, end) - is_own, dtype=np.float64)


def learnt_meanwhile(count: Floats, trained: Bools, weights: Floats) -> dict[str, float]:
    """Return the mean number of other courses of the trained, and of the compared as they are weighted."""
    return {
        "trained": float(count[trained].mean()),
        "compared": float(np.average(count[~trained], weights=weights[~trained])),
    }
