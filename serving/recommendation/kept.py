"""A person's model scores, packed into one row: the best candidates, what each rests on, and the floor of the rest."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from features.history import History, history
from features.recommendation.behaviour import interactions
from features.records.facts import FACT_KEYS
from features.skills.levels import current_jobs
from serving.house import House
from serving.models.answering import LoadedModel
from serving.recommendation.case import Candidates, Causes
from serving.recommendation.catalogue import Shelf

FORMAT = 1
HEADER = struct.Struct("<BBfI")
KEPT_COURSES = 256
PEOPLE_AT_ONCE = 1_000
READS = ("learning_events", "job_history", "exits")


class Scores(msgspec.Struct, frozen=True, gc=False):
    """A person's scores under a model; `courses` and `because` are the model's own course indices.

    Where not every course is among them they stand best first.
    """

    is_new: bool
    gap_weight: float
    courses: Any
    scores: Any
    causes: Any
    because: Any


def pack(scores: Scores) -> bytes:
    """Return scores as bytes: a header, then courses int32, scores float32, causes uint8, because int32."""
    head = HEADER.pack(FORMAT, int(scores.is_new), scores.gap_weight, len(scores.courses))
    return b"".join([
        head,
        np.asarray(scores.courses, "<i4").tobytes(),
        np.asarray(scores.scores, "<f4").tobytes(),
        np.asarray(scores.because, "<i4").tobytes(),
        np.asarray(scores.causes, "u1").tobytes(),
    ])  # fmt: skip


def unpack(payload: bytes) -> Scores:
    """Return packed scores; raise ValueError where the bytes are of another format."""
    version, is_new, gap_weight, n = HEADER.unpack_from(payload)
    if version != FORMAT or len(payload) != HEADER.size + 13 * n:
        raise ValueError(f"kept scores of format {version} and {len(payload)} bytes")
    start = HEADER.size
    return Scores(
        bool(is_new),
        float(gap_weight),
        np.frombuffer(payload, "<i4", n, start),
        np.frombuffer(payload, "<f4", n, start + 4 * n),
        np.frombuffer(payload, "u1", n, start + 12 * n),
        np.frombuffer(payload, "<i4", n, start + 8 * n),
    )


def candidates_of(scores: Scores, shelf: Shelf, model: LoadedModel) -> Candidates:
    """Return scores over the whole catalogue; a course that is not among them counts as average at most."""
    there, _, is_whole = shelf.places_of(model)
    places, values, size = there.take(scores.courses), scores.scores, shelf.catalogue.size
    outside = min(0.0, values.item(-1)) if 0 < values.size < model.scorer.n_items else 0.0
    order = np.arange(1, places.size + 1, dtype=np.int32)
    if not is_whole:
        known = places >= 0
        places, values, order = places[known], values[known], order[known]
    everywhere = np.full(size, outside) if outside else np.zeros(size)
    everywhere[places] = values
    position = np.zeros(size, dtype=np.int32)
    position[places] = order
    causes = Causes(position, scores.causes, scores.because, there)
    return Candidates(everywhere, scores.gap_weight, places, causes, scores.is_new)


@dataclass(frozen=True)
class Past:
    """People's histories as a scorer takes them, in the model's own indices."""

    indptr: Any
    items: Any
    weights: Any
    jobs: Any


def score_people(scorer: Any, past: Past) -> list[Scores]:
    """Return the scores of some people: the best candidates of each with what they rest on."""
    parts = scorer.parts(indptr=past.indptr, items=past.items, weights=past.weights, jobs=past.jobs)
    everything = scorer.blended(parts, np.diff(past.indptr) == 0)
    found = []
    for row, scores in enumerate(everything):
        span = slice(int(past.indptr[row]), int(past.indptr[row + 1]))
        items, weights = past.items[span], past.weights[span]
        best = best_courses(scores, items)
        own = {name: part[row] for name, part in parts.items()}
        causes, because = scorer.causes(items, weights, own, best)
        is_new = items.size == 0
        gap_weight = scorer.gap_weight(is_new=is_new)
        found.append(Scores(is_new, gap_weight, best, scores[best], causes, because))
    return found


def best_courses(scores: Any, taken: Any) -> Any:
    """Return the best courses, at most `KEPT_COURSES` beside those taken: exclusions are made when asked."""
    most = min(scores.size, KEPT_COURSES + taken.size)
    best = np.argpartition(-scores, most - 1)[:most]
    return best[np.argsort(-scores[best], kind="stable")]


def score_everybody(house: House, employee_ids: Sequence[str], progress: Any) -> Iterator[tuple[str, bytes]]:
    """Yield each person's packed scores under the current model.

    Parameters
    ----------
    house : House
        Its records and its current model.
    employee_ids : sequence of str
        Whom to score.
    progress : callable
        Told how many people are done after each part.
    """
    scorer = house.models.current("recommendation").scorer
    for start in range(0, len(employee_ids), PEOPLE_AT_ONCE):
        people = list(employee_ids[start : start + PEOPLE_AT_ONCE])
        known = history(house.store.frames(READS, people), house.clock(), FACT_KEYS)
        for person, scores in zip(people, score_people(scorer, past_of(known, people, scorer)), strict=True):
            yield person, pack(scores)
        progress(min(start + PEOPLE_AT_ONCE, len(employee_ids)))


def past_of(known: History, people: Sequence[str], scorer: Any) -> Past:
    """Return the histories of people; courses the model does not know are left out."""
    course = {course_id: place for place, course_id in enumerate(scorer.course_ids)}
    job = {job_id: place for place, job_id in enumerate(scorer.job_ids)}
    current = dict(current_jobs(known, people).iter_rows())
    taken: dict[str, list[tuple[int, float]]] = {person: [] for person in people}
    pairs = interactions(known).select("employee_id", "course_id", "weight")
    for person, course_id, weight in pairs.iter_rows():
        if course_id in course:
            taken[person].append((course[course_id], weight))
    flat = [pair for person in people for pair in taken[person]]
    return Past(
        np.cumsum([0, *(len(taken[person]) for person in people)]),
        np.array([place for place, _ in flat], dtype=np.int64),
        np.array([weight for _, weight in flat], dtype=np.float64),
        np.array([job.get(current.get(person, ""), -1) for person in people], dtype=np.int64),
    )


def exported_columns(model: LoadedModel, payload: bytes) -> dict[str, object]:
    """Return a person's scores as plain columns: courses, best first, and their scores."""
    scores = unpack(payload)
    known = model.scorer.course_ids
    return {"course_ids": [known[place] for place in scores.courses], "scores": scores.scores.tolist()}
