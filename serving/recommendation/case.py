"""Everything that is known of one person's ranking, whatever the policy it is ranked by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.recommendation.catalogue import Catalogue, Floats, Integers
from features.recommendation.gap_value import Needs
from features.recommendation.person_state import PersonState
from features.recommendation.reasons import Cause
from serving.recommendation.person_rows import Assignment

NO_CAUSE = Cause()


@dataclass(
    eq=False
)  # not frozen, as those below: made for every answer, and a frozen one takes thrice as long to make
class Causes:
    """What the scores of a model rest on; looked up for the courses that are listed, not for all.

    Parameters
    ----------
    position : (n_courses,) int
        One more than where a course stands in `kinds` and `pointed`; 0 where it has no score of its own.
    kinds, pointed : (n_scores,) int
        What a score rests on (`features.recommendation.reasons`), and the course it points to, as the model counts courses.
    courses : (n_known,) int
        The catalogue's index of each course the model knows; -1 where it is gone.
    """

    position: NDArray[np.int32]
    kinds: NDArray[Any]
    pointed: NDArray[Any]
    courses: Integers

    def of_each(self, courses: Sequence[int]) -> list[Cause]:
        """Return what the score of each of some courses rests on; nothing in particular where one has none of its own."""
        if not self.kinds.size:
            return [NO_CAUSE] * len(courses)
        kind, pointed, position, known = (
            self.kinds.item,
            self.pointed.item,
            self.position.item,
            self.courses.item,
        )
        places = [position(course) - 1 for course in courses]
        return [
            NO_CAUSE
            if place < 0
            else Cause(kind(place), known(at) if (at := pointed(place)) >= 0 else NO_CAUSE.course)
            for place in places
        ]


NOTHING = np.empty(0, dtype=np.int64)
NO_CAUSES = Causes(NOTHING.astype(np.int32), NOTHING, NOTHING, NOTHING)


@dataclass(eq=False)
class Candidates:
    """A model's part, over the whole catalogue.

    Parameters
    ----------
    scores : (n_courses,) float
        Standardised per person; 0 is an average course.
    gap_weight : float
        What closing the whole gap would add.
    kept : (n_kept,) int
        Courses that have a score of their own.
    causes : Causes
        What scores rest on.
    is_new : bool
        True where the person had no history to learn from.
    """

    scores: Floats
    gap_weight: float
    kept: Integers
    causes: Causes = NO_CAUSES
    is_new: bool = False


@dataclass(eq=False)
class Case:
    """Everything that is known of one person's ranking, whatever the policy.

    Parameters
    ----------
    catalogue : Catalogue
        The courses.
    needs : Needs
        Of the target job.
    candidates : Candidates
        The model's part.
    state : PersonState
        What was completed, what is held.
    assigned : sequence of Assignment
        Open ones; they come first, mandatory before others, the earliest due date first.
    """

    catalogue: Catalogue
    needs: Needs
    candidates: Candidates
    state: PersonState
    assigned: Sequence[Assignment] = ()
