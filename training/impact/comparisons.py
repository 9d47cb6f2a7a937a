"""For one course: who enrolled, and who is compared with them, at moments from the same calendar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.impact.months import NOMINATION_DAYS
from training.impact.dataset import MICROS_PER_DAY, NEVER, Dataset
from training.impact.table import Bools, ComparisonTable, Floats, Ints

MOST_COMPARED = 10_000


@dataclass(frozen=True)
class Comparison:
    """Rows of a dataset that are compared for one course.

    Parameters
    ----------
    rows : (n,) int
        Of the dataset.
    trained : (n,) bool
        Who enrolled in the month of the row.
    nominated : (n,) float
        1 where a manager had nominated the person for this course in the 90 days before.
    later_share : float
        Share of the compared who enrolled later, before the horizon ended.
    completed_share : float
        Share of the trained who had completed by the horizon.
    mandatory_share : float
        Share of the trained who had to take it.
    is_completion_only : bool
        True where only completions are recorded.
    """

    rows: Ints
    trained: Bools
    nominated: Floats
    later_share: float
    completed_share: float
    mandatory_share: float
    is_completion_only: bool


def of_course(values: dict[str, Ints], course: int) -> slice:
    """Return the rows of a course in arrays that are sorted by course."""
    return slice(*np.searchsorted(values["course"], [course, course + 1]).tolist())


def comparison(dataset: Dataset, course: int, horizon_days: int, rng: np.random.Generator) -> Comparison:
    """Return who enrolled in a course, and who is compared with them.

    Notes
    -----
    Each person employed may be compared once, at a moment drawn from those at which others enrolled; whoever was nominated and
    had not enrolled is compared at a moment after their nomination, as late as nominees usually enrol. They must not have
    enrolled by the end of that month; those who do later stay, and are counted. Only departments and places from which
    somebody enrolled are compared. One person may be trained at one moment and compared at an earlier one: rows of one
    person, and rows of one team, are clusters.
    """
    here = of_course(dataset.enrolled, course)
    person, at = dataset.enrolled["person"][here], dataset.enrolled["at"][here]
    month = dataset.month_index(at)
    inside = (month >= 0) & (month < dataset.row_of.shape[1])
    inside[inside] = dataset.row_of[person[inside], month[inside]] >= 0
    enrolled_at = np.full(dataset.n_people, NEVER)
    enrolled_at[person] = at
    rows = dataset.row_of[person[inside], month[inside]]
    others, drawn = candidates(dataset, course, (person[inside], at[inside]), enrolled_at, rng)
    own = dataset.groups[rows]
    alike = np.isin(dataset.groups[others, 0], own[:, 0]) & np.isin(dataset.groups[others, 1], own[:, 1])
    others, drawn = others[alike], drawn[alike]
    if others.size > MOST_COMPARED:
        kept = np.sort(rng.choice(others.size, MOST_COMPARED, replace=False))
        others, drawn = others[kept], drawn[kept]
    everyone = np.concatenate([rows, others])
    moments = np.concatenate([at[inside], drawn])
    horizon = horizon_days * MICROS_PER_DAY
    later = enrolled_at[dataset.person_of_row[others]] <= drawn + horizon
    done = dataset.enrolled["completed_at"][here][inside] <= at[inside] + horizon
    return Comparison(
        everyone,
        np.arange(everyone.size) < rows.size,
        nominated_before(dataset, course, dataset.person_of_row[everyone], moments),
        float(later.mean()) if later.size else 0.0,
        float(done.mean()) if done.size else 0.0,
        mandatory_share(dataset, course, person[inside]),
        bool(dataset.enrolled["is_completion_only"][here].any()),
    )


def candidates(
    dataset: Dataset,
    course: int,
    trained: tuple[Ints, Ints],
    enrolled_at: Ints,
    rng: np.random.Generator,
) -> tuple[Ints, Ints]:
    """Return rows that may be compared, and the moment drawn for each."""
    if trained[1].size == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    drawn = rng.choice(trained[1], size=dataset.n_people)
    people = np.arange(dataset.n_people)
    asked, asked_at = nominees(dataset, course, trained, rng)
    is_open = eligible(dataset, asked, asked_at, enrolled_at) >= 0
    drawn[asked[is_open]] = asked_at[is_open]
    rows = eligible(dataset, people, drawn, enrolled_at)
    return rows[rows >= 0], drawn[rows >= 0]


def eligible(dataset: Dataset, people: Ints, at: Ints, enrolled_at: Ints) -> Ints:
    """Return the row of each person at a moment; -1 where not employed then, or enrolled by the end of the month."""
    month = dataset.month_index(at)
    inside = (month >= 0) & (month < dataset.row_of.shape[1])
    kept = np.where(inside, month, 0)
    rows = np.where(inside, dataset.row_of[people, kept], -1)
    end = dataset.months[kept + 1]
    return np.asarray(np.where(enrolled_at[people] < end, -1, rows), dtype=np.int64)


def nominees(
    dataset: Dataset, course: int, trained: tuple[Ints, Ints], rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Return who was nominated for a course, and a moment after it, as late as nominees enrol."""
    here = of_course(dataset.nominated, course)
    people, asked_at = dataset.nominated["person"][here], dataset.nominated["at"][here]
    last = np.full(dataset.n_people, -1, dtype=np.int64)
    last[people] = asked_at
    waited = trained[1] - last[trained[0]]
    lags = waited[(last[trained[0]] >= 0) & (waited >= 0) & (waited <= NOMINATION_DAYS * MICROS_PER_DAY)]
    if people.size == 0 or lags.size == 0:
        return people[:0], asked_at[:0]
    return people, asked_at + rng.choice(lags, size=people.size)


def mandatory_share(dataset: Dataset, course: int, people: Ints) -> float:
    """Return the share of people who had to take a course at some time."""
    bound = dataset.mandated["person"][of_course(dataset.mandated, course)]
    return float(np.isin(people, bound).mean()) if people.size else 0.0


def nominated_before(dataset: Dataset, course: int, people: Ints, at: Ints) -> Floats:
    """Return 1 where a manager nominated the person for the course in the 90 days up to a moment.

    Notes
    -----
    A nomination of the same day counts: it asks for the enrolment, so it came first.
    """
    here = of_course(dataset.nominated, course)
    found = np.zeros(people.size)
    window = NOMINATION_DAYS * MICROS_PER_DAY
    for person, asked_at in zip(
        dataset.nominated["person"][here], dataset.nominated["at"][here], strict=True
    ):
        found[(people == person) & (asked_at <= at) & (at - asked_at <= window)] = 1.0
    return found


def comparison_table(
    dataset: Dataset, chosen: Comparison, outcome: int, given: tuple[Floats, tuple[str, ...]] | None = None
) -> ComparisonTable:
    """Return the comparison table of one outcome; `given` are the covariates where they are known already.

    Notes
    -----
    The placebo is the measurement before the last. No measurement of its time is adjusted for when it is estimated, as the
    estimate itself is not adjusted for other outcomes of the same time.
    """
    columns, names = given or comparison_columns(dataset, chosen)
    previous = dataset.previous[chosen.rows, outcome]
    hides = tuple(name for name in names if name.startswith("previous "))
    has_placebo = bool(np.isfinite(previous).any())
    return ComparisonTable(
        columns,
        names,
        chosen.trained,
        dataset.outcomes[chosen.rows, outcome],
        previous if has_placebo else None,
        hides,
        np.column_stack([dataset.person_of_row[chosen.rows], dataset.groups[chosen.rows, 2]]),
        is_filled=True,
    )


def comparison_columns(dataset: Dataset, chosen: Comparison) -> tuple[Floats, tuple[str, ...]]:
    """Return the covariates of a comparison: those of the rows, and the nomination."""
    columns = np.column_stack([dataset.covariates[chosen.rows], chosen.nominated])
    names = (*dataset.names, "nominated")
    varies = np.ptp(columns, axis=0) > 0 if len(columns) else np.zeros(len(names), bool)
    return columns[:, varies], tuple(name for name, keeps in zip(names, varies, strict=True) if keeps)
