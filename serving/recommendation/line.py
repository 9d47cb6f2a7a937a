"""Courses in an order that can be followed: none before its prerequisites, not too many of a kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from features.recommendation.catalogue import Bools, Catalogue
from features.recommendation.prerequisites import chain_to

Cap = tuple[Sequence[str | None], int]  # what each course belongs to, and the most of one such


class Line:
    """Courses placed one after another.

    Parameters
    ----------
    catalogue : Catalogue
        The courses.
    allowed : (n_courses,) bool
        Which may be placed.
    ready : set of int
        Prerequisites that are met; grows with what is placed.
    most : int
        How many are wanted.
    caps : sequence of Cap
        The most courses of one provider, of one modality; a course of which that is unknown counts towards none.
    """

    def __init__(
        self, catalogue: Catalogue, allowed: Bools, ready: set[int], most: int, caps: Sequence[Cap] = ()
    ) -> None:
        self.catalogue, self.allowed, self.ready, self.most = catalogue, allowed, ready, most
        self.prerequisites = catalogue.prerequisites
        self.caps = [(kinds, limit, Counter[str]()) for kinds, limit in caps]
        self.courses: list[int] = []
        self.placed: set[int] = set()
        self.opens: dict[int, int] = {}
        self.capped = 0

    @property
    def is_full(self) -> bool:
        """True once as many are placed as were asked for."""
        return len(self.courses) >= self.most

    def add(self, course: int, *, is_capped: bool = True) -> list[int]:
        """Place a course after its unmet prerequisites; return what was placed, nothing where that cannot be."""
        if course in self.placed or not self.allowed.item(course):
            return []
        new = [course]
        if self.prerequisites[course]:
            chain = chain_to(self.catalogue, course, self.ready, self.allowed)
            new = [one for one in chain if one not in self.placed]
        if self.caps and not self.fits(new, is_capped):
            return []
        for one in new:
            self.courses.append(one)
            self.placed.add(one)
            self.ready.add(one)
        if len(new) > 1:
            self.opens.update(dict.fromkeys(new[:-1], course))
        return new

    def fits(self, new: Sequence[int], is_capped: bool) -> bool:
        """Count what is placed towards the caps, and return whether it may be; what must be done always may."""
        more = [Counter(kind for one in new if (kind := kinds[one])) for kinds, _, _ in self.caps]
        pairs = list(zip(self.caps, more, strict=True))
        if is_capped and any(
            counts[kind] + count > limit
            for (_, limit, counts), added in pairs
            for kind, count in added.items()
        ):
            self.capped += 1
            return False
        for (_, _, counts), added in pairs:
            counts.update(added)
        return True
