"""By how much each course would raise each skill that is asked for, over the levels on record: found once, used twice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.recommendation.catalogue import Catalogue, ClosingByCourse, Floats
from features.recommendation.gap_value import Needs


@dataclass(frozen=True)
class Raises:
    """Pairs of a course and a needed skill that it teaches, those of one course together.

    Parameters
    ----------
    taught : ClosingByCourse
        The pairs.
    weights : (p,) float
        Importance of the skill × how sure the course teaches it, 0–1.
    margins : (p,) float
        Level taught, nothing beyond the required one counting, less the level held; below 0 where more is held.
    """

    taught: ClosingByCourse
    weights: Floats
    margins: Floats

    def on_record(self) -> Floats:
        """Return what each pair is worth by the levels on record, (p,) float; 0 where nothing is missing."""
        found: Floats = self.weights * np.maximum(self.margins, 0.0)
        return found

    def by_course(self, values: Floats) -> Floats:
        """Return the sum over each course's pairs, (m,) float."""
        return np.add.reduceat(values, self.taught.starts) if values.size else values


def raises_of(catalogue: Catalogue, needs: Needs) -> Raises:
    """Return what courses would raise for somebody with these needs."""
    taught = catalogue.closing(needs.skills).by_course
    margins = np.minimum(taught.level, needs.required[taught.place]) - needs.held[taught.place]
    return Raises(taught, needs.importance[taught.place] * taught.coverage, margins)
