"""The recommendation dataset: who took what, split by time; train | validation | test, the last looked at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from features.errors import RefusedError
from features.history import History, history
from features.recommendation.behaviour import completion_counts, interactions, person_gap_shares
from features.recommendation.catalogue import Catalogue
from features.recommendation.catalogue_building import build_catalogue
from features.records.facts import FACT_KEYS
from features.records.store import data_digest
from features.skills.levels import current_jobs
from training.context import TrainingContext
from training.recommendation.content import Content, content

Matrix = Any  # a scipy.sparse.csr_matrix of shape (n_people, n_courses)
Integers = NDArray[np.int64]

READS = ("employees", "job_history", "exits", "goals", "held_skills", "learning_events", "courses", "course_skills",
         "course_prerequisites", "skills", "jobs", "job_skills", "job_aliases")  # fmt: skip
MOST_PEOPLE = 20_000  # per block; more are sampled, with the dataset's generator
LEAST_PAIRS = 30
SECONDS_A_DAY = 86_400.0
LEAST_AGE_DAYS = 1e-3


@dataclass(frozen=True)
class Block:
    """People with what they had done before a moment, and what they took after it.

    Parameters
    ----------
    history : (n_people, n_courses) sparse float
        What each person had done, 0–1.
    seen : (n_people, n_courses) sparse
        Courses that are not candidates any more.
    targets : (n_people, n_courses) sparse
        Courses taken after the moment, none of them seen; every row holds one at least.
    jobs : (n_people,) int
        Job at the moment; -1 where unknown.
    gap_shares : (n_people, n_courses) sparse float, optional
        Share of the person's weighted skill gap that each course closes; None without skills.
    people : (n_people,) int, optional
        Row of each person in what was known.
    """

    history: Matrix
    seen: Matrix
    targets: Matrix
    jobs: Integers
    gap_shares: Matrix | None = None
    people: Integers | None = None

    @property
    def size(self) -> int:
        """Number of people."""
        return int(self.history.shape[0])

    @property
    def is_new(self) -> NDArray[np.bool_]:
        """True for people without any history, (n_people,) bool."""
        return np.asarray(np.diff(self.history.indptr) == 0)

    def rows(self, chosen: slice | NDArray[Any]) -> Block:
        """Return the block of some of its people."""
        gaps = None if self.gap_shares is None else self.gap_shares[chosen]
        people = None if self.people is None else self.people[chosen]
        return Block(
            self.history[chosen], self.seen[chosen], self.targets[chosen], self.jobs[chosen], gaps, people
        )


def stacked(blocks: Sequence[Block]) -> Block:
    """Return the people of several blocks as one; gap shares are kept where all have them."""
    if len(blocks) == 1:
        return blocks[0]
    history, seen, targets = (
        sp.vstack([getattr(block, name) for block in blocks], "csr")
        for name in ("history", "seen", "targets")
    )
    gaps = [block.gap_shares for block in blocks]
    shares = None if any(one is None for one in gaps) else sp.vstack(gaps, "csr")
    return Block(history, seen, targets, np.concatenate([block.jobs for block in blocks]), shares)


@dataclass(frozen=True)
class Known:
    """What was known before a block: the history, and how many days before it each pair happened (sparse, > 0)."""

    history: Matrix
    ages: Matrix | None = None


@dataclass(frozen=True)
class Origin:
    """A moment to learn from: what was known at it, and what people took after it."""

    known: Known
    block: Block


@dataclass(frozen=True)
class Dataset:
    """Everything that fit and evaluate need.

    Parameters
    ----------
    protocol : str
        How it was split, in a sentence.
    course_ids, job_ids : tuple of str
        Columns, and what `jobs` point into.
    train, known : (n_people, n_courses) sparse float
        Interactions before the validation block, and before the test block; every person a row.
    jobs : (n_people,) int
        Job of each row, before either block.
    validation, test : Block
        Validation chooses; test is looked at once, by `evaluate`.
    content : Content
        For courses that nobody took yet.
    prerequisites : tuple of tuple of int
        Courses to complete before each course.
    completion : mapping of str to (int, int)
        Course → people who began it long enough ago, and how many of them completed it.
    digest : str
        Of the data it was built from.
    is_warm_only : bool
        True where people without history are reported apart and not in the metrics.
    train_ages, known_ages : (n_people, n_courses) sparse float, optional
        Days from each pair of `train` and `known` to the block's start, more than 0; None where time is not known.
    earlier : tuple of Origin
        More moments to choose by, before that of the validation block: one block alone is soon overfitted.
    """

    protocol: str
    course_ids: tuple[str, ...]
    job_ids: tuple[str, ...]
    train: Matrix
    known: Matrix
    jobs: Integers
    validation: Block
    test: Block
    digest: str
    content: Content = field(default_factory=Content)
    prerequisites: tuple[tuple[int, ...], ...] = ()
    completion: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    is_warm_only: bool = False
    seeds: tuple[int, ...] = ()
    train_ages: Matrix | None = None
    known_ages: Matrix | None = None
    earlier: tuple[Origin, ...] = ()

    @property
    def origins(self) -> tuple[Origin, ...]:
        """The moments to choose by, the validation block first."""
        return (Origin(Known(self.train, self.train_ages), self.validation), *self.earlier)

    @property
    def now(self) -> Known:
        """What is known before the test block."""
        return Known(self.known, self.known_ages)


def build(context: TrainingContext) -> Dataset:
    """Return the dataset of an organisation's records.

    The last tenth of first enrolments (by time) is the test block and the tenth before it the validation block;
    what people had done, held and worked as is taken as known before each block.

    Raises
    ------
    RefusedError
        If there are too few enrolments to learn from and to judge by.
    """
    records = {name: context.records[name] for name in READS if name in context.records}
    whole = history(records, context.as_of, FACT_KEYS)
    taken = enrolments(pairs_of(whole))
    cuts = block_starts(taken["taken_at"])
    catalogue = build_catalogue(records, context.as_of)
    people, job_ids = sorted(taken["employee_id"].unique()), tuple(sorted(catalogue.jobs))
    rows = Rows(catalogue, people, job_ids)
    at = [rows.moment(history(records, cut, FACT_KEYS)) for cut in cuts]
    ends, numbered = (cuts[1], context.as_of), rows.numbered(taken)
    blocks = [rows.block(moment, numbered, end, context.rng) for moment, end in zip(at, ends, strict=True)]
    return Dataset(
        protocol=f"global temporal split: validation from {cuts[0]:%Y-%m-%d}, test from {cuts[1]:%Y-%m-%d} "
        f"to {context.as_of:%Y-%m-%d}; every course ranked but those taken before",
        course_ids=catalogue.course_ids,
        job_ids=job_ids,
        train=rows.matrix(at[0].pairs),
        known=rows.matrix(at[1].pairs),
        jobs=rows.jobs(at[0].history, people),
        validation=blocks[0],
        test=blocks[1],
        content=content(records, catalogue, context.encode),
        prerequisites=catalogue.prerequisites,
        completion={
            course: (c.starters, c.completers) for course, c in completion_counts(at[1].history).items()
        },
        digest=data_digest(records),
        train_ages=rows.ages(at[0]),
        known_ages=rows.ages(at[1]),
    )


def enrolments(found: pl.DataFrame) -> pl.DataFrame:
    """Return the interactions that are enrolments; raise RefusedError where they are too few to learn or judge by."""
    taken = found.drop_nulls("taken_at")
    if taken.height < LEAST_PAIRS or taken["employee_id"].n_unique() < 2 or taken["course_id"].n_unique() < 2:
        raise RefusedError(
            "There are too few enrolments to learn what people take next.",
            found=f"{taken.height} enrolments",
            allowed=f"{LEAST_PAIRS} or more, of at least two people in at least two courses",
        )
    return taken


def block_starts(times: pl.Series) -> tuple[datetime, datetime]:
    """Return when the validation and the test block begin: a fifth and a tenth of the enrolments before the end."""
    ordered = times.sort()
    starts = [ordered[int(len(ordered) * share)] for share in (0.8, 0.9)]
    if starts[0] == starts[1]:
        starts[0] -= timedelta(days=1)
    return starts[0], starts[1]


def pairs_of(moment: History) -> pl.DataFrame:
    """Return `interactions`, people and courses as members of an enumeration: they are grouped and sorted by number."""
    names = ("employee_id", "course_id")
    events = moment["learning_events"]
    kinds = {name: pl.Enum(events[name].drop_nulls().unique().sort()) for name in names}
    return interactions(
        History(
            moment.as_of,
            {"learning_events": events.with_columns(pl.col(n).cast(k) for n, k in kinds.items())},
        )
    )


@dataclass(frozen=True)
class Moment:
    """The records as of a moment, and what people had done with courses by then, as `Rows.numbered` returns it."""

    history: History
    pairs: pl.DataFrame


@dataclass(frozen=True)
class Rows:
    """The order of people, courses and jobs in the matrices."""

    catalogue: Catalogue
    people: Sequence[str]
    job_ids: Sequence[str]

    def moment(self, known: History) -> Moment:
        """Return a moment with its pairs."""
        return Moment(known, self.numbered(pairs_of(known)))

    def numbered(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Return ``row, column, weight, taken_at``: pairs by their place; those of other people or courses are left out."""
        places = {"employee_id": ("row", self.people), "course_id": ("column", self.catalogue.course_ids)}
        for name, (place, order) in places.items():
            index = pl.DataFrame({name: list(order)}, schema={name: pl.String}).with_row_index(place)
            known = index.with_columns(pl.col(name).cast(pairs[name].dtype, strict=False)).drop_nulls()
            pairs = pairs.join(known, name)
        return pairs.select(pl.col("row", "column").cast(pl.Int64), "weight", "taken_at")

    def matrix(self, pairs: pl.DataFrame, value: str = "weight") -> Matrix:
        """Return numbered pairs as a sparse matrix of people × courses."""
        values = pairs[value].cast(pl.Float64).to_numpy()
        shape = (len(self.people), self.catalogue.size)
        return sp.csr_matrix((values, (pairs["row"].to_numpy(), pairs["column"].to_numpy())), shape=shape)

    def ages(self, moment: Moment) -> Matrix:
        """Return how many days before a moment each course was taken up; what was only looked at has no age."""
        taken = moment.pairs.drop_nulls("taken_at")
        days = (pl.lit(moment.history.as_of) - pl.col("taken_at")).dt.total_seconds() / SECONDS_A_DAY
        return self.matrix(taken.with_columns(age=days.clip(lower_bound=LEAST_AGE_DAYS)), value="age")

    def jobs(self, moment: History, people: Sequence[str]) -> Integers:
        """Return the job of each person; of who was hired after the moment, nothing is known yet: -1."""
        current, place = (
            dict(current_jobs(moment).iter_rows()),
            {job: at for at, job in enumerate(self.job_ids)},
        )
        return np.array([place.get(current.get(one, ""), -1) for one in people], dtype=np.int64)

    def block(self, moment: Moment, taken: pl.DataFrame, end: datetime, rng: np.random.Generator) -> Block:
        """Return the people who took something new between a moment and an end, as they were at the moment.

        `taken` is as `numbered` returns it.
        """
        new = self.taken_anew(moment, taken, end)
        return self.block_of(moment, new, drawn(new, rng))

    def taken_anew(self, moment: Moment, taken: pl.DataFrame, end: datetime) -> pl.DataFrame:
        """Return what was taken between a moment and an end, by people who had not taken it before."""
        new = taken.filter((pl.col("taken_at") >= moment.history.as_of) & (pl.col("taken_at") < end))
        return new.join(moment.pairs.drop_nulls("taken_at"), ["row", "column"], "anti")

    def block_of(self, moment: Moment, new: pl.DataFrame, asked: Integers) -> Block:
        """Return some people as they were at a moment, with what they took after it; of others nothing is asked."""
        people = [self.people[row] for row in asked]
        return Block(
            self.matrix(moment.pairs)[asked],
            self.matrix(moment.pairs.drop_nulls("taken_at"))[asked],
            self.matrix(new)[asked],
            self.jobs(moment.history, people),
            sparse_rows(person_gap_shares(moment.history, self.catalogue, people), self.catalogue.size),
            asked,
        )


def drawn(new: pl.DataFrame, rng: np.random.Generator) -> Integers:
    """Return the rows of the people who took something, ascending; of more than `MOST_PEOPLE` so many."""
    asked = new["row"].unique().sort().to_numpy()
    if asked.size > MOST_PEOPLE:
        asked = np.sort(rng.choice(asked, MOST_PEOPLE, replace=False))
    return np.asarray(asked, dtype=np.int64)


def sparse_rows(values: Iterable[NDArray[np.floating]], width: int) -> Matrix:
    """Return rows of mostly zeros as one sparse matrix; they are never all there at once."""
    columns, data = [], []
    for one in values:
        columns.append(np.flatnonzero(one))
        data.append(one[columns[-1]])
    indptr = np.cumsum([0, *map(len, columns)])
    empty: list[NDArray[Any]] = [np.zeros(0)]
    parts = (np.concatenate(data or empty), np.concatenate(columns or empty).astype(np.int64), indptr)
    return sp.csr_matrix(parts, shape=(len(columns), width))
