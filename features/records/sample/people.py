"""The state of every employment spell while the months pass, as one array per property."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.records.sample.months import FAR, Array

TYPES = ("permanent", "temporary", "contractor", "intern")
PERMANENT, TEMPORARY, CONTRACTOR, INTERN = range(4)
RECENT = 12  # months for which a completion counts for staying

# name: (type, value of an empty place)
COLUMNS: dict[str, tuple[type, float]] = {
    "identity": (np.int32, -1), "spell": (np.int8, 1), "contract": (np.int8, PERMANENT),
    "hired": (np.int32, 0), "left": (np.int32, FAR), "cause": (np.int8, -1), "active": (np.bool_, False),
    "place": (np.int8, 0), "job": (np.int16, 0), "team": (np.int32, -1), "leads": (np.int32, -1),
    "manager": (np.int32, -1), "manager_since": (np.int32, -FAR), "promoted": (np.int32, 0),
    "pay": (np.float64, 0), "fte": (np.float32, 1), "commute": (np.float32, 0), "overtime": (np.float32, 0),
    "leave_until": (np.int16, -1), "rating": (np.float32, np.nan),
    "ability": (np.float32, 0), "motivation": (np.float32, 0), "mood": (np.float32, 0),
    "frailty": (np.float32, 0), "taste": (np.int8, 0), "engagement": (np.float32, 60),
    "answered_motivation": (np.float32, np.nan), "seen_productivity": (np.float32, np.nan),
    "measured_productivity": (np.float32, np.nan), "year_sum": (np.float32, 0), "year_count": (np.int8, 0),
    "returned": (np.bool_, False),
}  # fmt: skip


@dataclass
class People:
    """One place per employment spell; places from `count` on are empty.

    Parameters
    ----------
    count : int
        Places in use.
    identity : int
        The person; a rehire has the identity of the earlier spell.
    hired, left, promoted, manager_since : int
        Days since 1970; `left` is far in the future while the spell lasts; `manager_since` is far in
        the past until the manager changes for the first time.
    job, place, team, leads, manager : int
        Codes of the catalogue, team of which one is a member, team one leads (-1: none), and the place
        of the manager in these arrays (-1: none).
    ability, motivation, mood, frailty, taste
        What no record shows: steady performance (in standard deviations), drive (likewise), the part
        of engagement that wanders, the log of the multiplier of the hazard, and the taste cluster.
    answered_motivation, seen_productivity
        What the records show: the last answer of the survey and the last known measurement.
    effect : (n, 3) float
        Sum of the effects of completed courses on each KPI.
    recent_exit, recent_count : (n, 12) float
        Per month of a year: sum of exit effects, and number, of completions.
    levels : (n, n_s) float
        True level of each skill.
    taken, done : (n, n_c) bool
        Courses enrolled in, and completed.
    certified : (n, n_mandatory) int
        Day of the last assignment or completion of each mandatory course.
    """

    count: int
    identity: Array
    spell: Array
    contract: Array
    hired: Array
    left: Array
    cause: Array
    active: Array
    place: Array
    job: Array
    team: Array
    leads: Array
    manager: Array
    manager_since: Array
    promoted: Array
    pay: Array
    fte: Array
    commute: Array
    overtime: Array
    leave_until: Array
    rating: Array
    ability: Array
    motivation: Array
    mood: Array
    frailty: Array
    taste: Array
    engagement: Array
    answered_motivation: Array
    seen_productivity: Array
    measured_productivity: Array
    year_sum: Array
    year_count: Array
    returned: Array
    effect: Array
    recent_exit: Array
    recent_count: Array
    levels: Array
    taken: Array
    done: Array
    certified: Array

    @property
    def capacity(self) -> int:
        """How many spells there is room for."""
        return len(self.identity)

    def places(self, count: int) -> Array:
        """Take the next empty places into use and return them; fewer where room ends."""
        taken = np.arange(self.count, min(self.count + count, self.capacity))
        self.count += len(taken)
        return taken

    def put(self, who: Array, **values: Array | float) -> None:
        """Set properties of some people."""
        for name, value in values.items():
            getattr(self, name)[who] = value

    def working(self) -> Array:
        """Return the places of everybody employed."""
        return np.flatnonzero(self.active)

    def standard_motivation(self, who: Array) -> Array:
        """Return the last recorded survey answer about motivation, standardised; 0 where there is none."""
        return np.nan_to_num((self.answered_motivation[who] - 3.4) / 0.7)

    def standard_productivity(self, who: Array) -> Array:
        """Return the last known productivity, standardised; 0 where there is none."""
        return np.nan_to_num((self.seen_productivity[who] - 100.0) / 9.0)


def room_for(capacity: int, skills: int, courses: int, mandatory: int) -> People:
    """Return empty places."""
    arrays: dict[str, Array] = {
        name: np.full(capacity, fill, dtype=kind) for name, (kind, fill) in COLUMNS.items()
    }
    arrays["effect"] = np.zeros((capacity, 3), np.float32)
    arrays["recent_exit"] = np.zeros((capacity, RECENT), np.float32)
    arrays["recent_count"] = np.zeros((capacity, RECENT), np.int8)
    arrays["levels"] = np.zeros((capacity, skills), np.float32)
    arrays["taken"] = np.zeros((capacity, courses), np.bool_)
    arrays["done"] = np.zeros((capacity, courses), np.bool_)
    arrays["certified"] = np.full((capacity, mandatory), -FAR, np.int32)
    return People(count=0, **arrays)
