"""Why there are fewer courses than asked for, and what can be done instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from features.recommendation.catalogue import Bools, Catalogue
from features.recommendation.gap_value import needs_of
from features.recommendation.person_state import PersonState
from serving.recommendation.case import Case

MOST_OFFERED = 5
WORDS = {
    "empty_catalogue": "The catalogue is empty.",
    "everything_completed": "Everything that is open to this person is completed. Repeat what fades, or look at a next job.",
    "nothing_open": "No course is open to this person now.",
    "filtered": "No other course that may be taken now passes the filters.",
    "capped": "The other courses are of providers or modalities of which enough are listed.",
    "out_of_reach": "The other courses ask for prerequisites that may not be taken now, or were all listed.",
}


def shortfall(
    missing: int, case: Case, bounds: tuple[Bools, Bools], job_id: str | None, *, is_capped: bool = False
) -> dict[str, Any]:
    """Return why courses are missing, as the contract shows it.

    Parameters
    ----------
    missing : int
        How many fewer than asked for.
    case : Case
        The catalogue, and what was completed, begun and dismissed.
    bounds : two of (n_courses,) bool
        What is open to the person now, and what of it was ranked.
    job_id : str, optional
        The job that is aimed at, and is therefore no offer.
    is_capped : bool
        True where there is a limit to courses of one provider or modality.
    """
    catalogue, state = case.catalogue, case.state
    left_out = counts(catalogue, state, *bounds)
    code = code_of(catalogue, left_out, bounds)
    if is_capped and code == "out_of_reach":
        code = "capped"
    offers = offers_of(catalogue, state, job_id) if code == "everything_completed" else []
    return {"missing": missing, "code": code, "reason": WORDS[code], "left_out": left_out, "offers": offers}


def counts(catalogue: Catalogue, state: PersonState, is_open: Bools, ranked: Bools) -> dict[str, int]:
    """Return how many courses each ground left out; a course counts at the first that applies."""
    waiting = ~ranked
    found = {}
    for name, courses in (
        ("not_open", np.flatnonzero(~is_open)),
        ("completed", list(state.current)),
        ("in_progress", list(state.in_progress)),
        ("dismissed", list(state.dismissed)),
    ):
        of_those = np.zeros(catalogue.size, dtype=bool)
        of_those[courses] = True
        found[name] = int(np.count_nonzero(waiting & of_those))
        waiting &= ~of_those
    found["filtered"] = int(np.count_nonzero(waiting))
    return {name: count for name, count in found.items() if count}


def code_of(catalogue: Catalogue, left_out: Mapping[str, int], bounds: tuple[Bools, Bools]) -> str:
    """Return the first ground that applies."""
    if not catalogue.size:
        return "empty_catalogue"
    is_open, ranked = bounds
    if not is_open.any():
        return "nothing_open"
    if left_out.get("filtered"):
        return "filtered"
    return "out_of_reach" if ranked.any() or not left_out.get("completed") else "everything_completed"


def offers_of(catalogue: Catalogue, state: PersonState, job_id: str | None) -> list[dict[str, Any]]:
    """Return completed courses worth repeating, the longest ago first, and the jobs nearest to what is held."""
    oldest = sorted(state.completed, key=lambda course: state.completed[course])[:MOST_OFFERED]
    return [
        {"kind": "maintenance", "ids": [catalogue.course_ids[course] for course in oldest]},
        {"kind": "next_jobs", "ids": nearest_jobs(catalogue, state, job_id)},
    ]


def nearest_jobs(catalogue: Catalogue, state: PersonState, job_id: str | None) -> list[str]:
    """Return the other jobs of which the smallest share is missing, what a job asks for weighted by importance."""
    found = []
    for name, profile in catalogue.jobs.items():
        asked = float(profile.importance @ profile.levels)
        if name != job_id and asked > 0:
            found.append((needs_of(profile, state.held).total / asked, name))
    return [name for _, name in sorted(found)[:MOST_OFFERED]]
