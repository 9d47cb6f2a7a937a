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


@dataclass(frozen=True)
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
    position : (n_courses,) int
        Where a course stands in `causes` and `because`; -1 where it has no score of its own.
    causes, because : (n_scores,) int
        What a score rests on (`features.recommendation.reasons`), and the course it points to.
    is_new : bool
        True where the person had no history to learn from.
    """

    scores: Floats
    gap_weight: float
    kept: Integers
    position: NDArray[np.int32]
    causes: NDArray[Any]
    because: NDArray[Any]
    is_new: bool = False

    def causes_of(self, courses: Integers) -> list[Cause]:
        """Return what the scores of some courses rest on; nothing in particular where one has none of its own."""
        if not self.causes.size:
            return [NO_CAUSE] * courses.size
        places = self.position[courses]
        is_own = places >= 0
        kinds = np.where(is_own, self.causes[places], NO_CAUSE.kind).tolist()
        pointed = np.where(is_own, self.because[places], NO_CAUSE.course).tolist()
        return list(map(Cause, kinds, pointed))


@dataclass(frozen=True)
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
