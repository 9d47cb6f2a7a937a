"""By how much each course would raise each skill that is asked for, over the levels on record: found once, used twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from features.recommendation.catalogue import Catalogue, Floats
from features.recommendation.closing import ClosingByCourse, Lessons
from features.recommendation.gap_value import Needs


@dataclass(eq=False)  # not frozen: made for every answer
class Raises:
    """Pairs of a course and a needed skill that it teaches, those of one course together.

    Parameters
    ----------
    lessons : Lessons
        The pairs, and what does not depend on who asks.
    margins : (p,) float
        Level taught, nothing beyond the required one counting, less the level held; below 0 where more is held.
    """

    lessons: Lessons
    margins: Floats

    @property
    def taught(self) -> ClosingByCourse:
        """The pairs."""
        return self.lessons.taught

    def on_record(self) -> Floats:
        """Return what each pair is worth by the levels on record, (p,) float; 0 where nothing is missing."""
        found: Floats = self.lessons.weights * np.maximum(self.margins, 0.0)
        return found

    def by_course(self, values: Floats) -> Floats:
        """Return the sum over each course's pairs, (m,) float."""
        found: Any = np.bincount(self.lessons.taught.row, weights=values)  # whole numbers, by its stubs
        return cast(Floats, found)


def raises_of(catalogue: Catalogue, needs: Needs) -> Raises:
    """Return what courses would raise for somebody with these needs."""
    lessons = lessons_of(catalogue, needs)
    return Raises(lessons, lessons.levels - needs.held.take(lessons.taught.place))


def lessons_of(catalogue: Catalogue, needs: Needs) -> Lessons:
    """Return what courses teach of what is needed, kept for the next who needs the same."""
    key = (needs.skills.tobytes(), needs.required.tobytes(), needs.importance.tobytes())
    found = catalogue.lessons.get(key)
    if found is None:
        taught = catalogue.closing(needs.skills).by_course
        is_among = np.zeros(catalogue.size, dtype=bool)
        is_among[taught.courses] = True
        found = catalogue.lessons[key] = Lessons(
            taught,
            needs.importance[taught.place] * taught.coverage,
            np.minimum(taught.level, needs.required[taught.place]),
            is_among,
        )
    return found
