"""The recommendation dataset: who took what, split by time; train | validation | test, the last looked at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from features.recommendation.catalogue_building import build_catalogue, course_rows
from features.records.facts import FACT_KEYS
from features.records.store import data_digest
from features.skills.levels import current_jobs
from training.context import TrainingContext

Matrix = Any  # a scipy.sparse.csr_matrix of shape (n_people, n_courses)
Integers = NDArray[np.int64]

READS = ("employees", "job_history", "exits", "goals", "held_skills", "learning_events", "courses", "course_skills",
         "course_prerequisites", "skills", "jobs", "job_skills", "job_aliases")  # fmt: skip
MOST_PEOPLE = 20_000  # per block; more are sampled, with the dataset's generator
LEAST_PAIRS = 30
DESCRIPTION_LENGTH = 2_000
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
class Content:
    """What courses are about: text vectors (n_courses, d) and skill levels (n_courses, n_skills), rows of length 1."""

    vectors: NDArray[np.floating] | None = None
    skills: Matrix | None = None


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
    taken = enrolments(interactions(whole))
    cuts = block_starts(taken["taken_at"])
    catalogue = build_catalogue(records, context.as_of)
    at = [history(records, cut, FACT_KEYS) for cut in cuts]
    people, job_ids = sorted(taken["employee_id"].unique()), tuple(sorted(catalogue.jobs))
    rows = Rows(catalogue, people, job_ids)
    ends = (cuts[1], context.as_of)
    blocks = [rows.block(moment, taken, end, context.rng) for moment, end in zip(at, ends, strict=True)]
    return Dataset(
        protocol=f"global temporal split: validation from {cuts[0]:%Y-%m-%d}, test from {cuts[1]:%Y-%m-%d} "
        f"to {context.as_of:%Y-%m-%d}; every course ranked but those taken before",
        course_ids=catalogue.course_ids,
        job_ids=job_ids,
        train=rows.matrix(interactions(at[0])),
        known=rows.matrix(interactions(at[1])),
        jobs=rows.jobs(at[0], people),
        validation=blocks[0],
        test=blocks[1],
        content=content(records, catalogue, context),
        prerequisites=catalogue.prerequisites,
        completion={course: (c.starters, c.completers) for course, c in completion_counts(at[1]).items()},
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


@dataclass(frozen=True)
class Rows:
    """The order of people, courses and jobs in the matrices."""

    catalogue: Catalogue
    people: Sequence[str]
    job_ids: Sequence[str]

    def matrix(
        self, pairs: pl.DataFrame, people: Sequence[str] | None = None, value: str = "weight"
    ) -> Matrix:
        """Return pairs as a sparse matrix of people × courses; pairs of other people or courses are left out."""
        order = self.people if people is None else people
        rows = pl.DataFrame({"employee_id": list(order)}, schema={"employee_id": pl.String}).with_row_index(
            "row"
        )
        columns = {"course_id": list(self.catalogue.course_ids)}
        places = pl.DataFrame(columns, schema={"course_id": pl.String}).with_row_index("column")
        kept = (
            pairs.select("employee_id", "course_id", value)
            .join(rows, "employee_id")
            .join(places, "course_id")
        )
        values = kept[value].cast(pl.Float64).to_numpy()
        shape = (len(order), self.catalogue.size)
        return sp.csr_matrix((values, (kept["row"].to_numpy(), kept["column"].to_numpy())), shape=shape)

    def ages(self, moment: History) -> Matrix:
        """Return how many days before a moment each course was taken up; what was only looked at has no age."""
        taken = interactions(moment).drop_nulls("taken_at")
        days = (pl.lit(moment.as_of) - pl.col("taken_at")).dt.total_seconds() / SECONDS_A_DAY
        return self.matrix(taken.with_columns(age=days.clip(lower_bound=LEAST_AGE_DAYS)), value="age")

    def jobs(self, moment: History, people: Sequence[str]) -> Integers:
        """Return the job of each person; of who was hired after the moment, nothing is known yet: -1."""
        current, place = (
            dict(current_jobs(moment).iter_rows()),
            {job: at for at, job in enumerate(self.job_ids)},
        )
        return np.array([place.get(current.get(one, ""), -1) for one in people], dtype=np.int64)

    def block(self, moment: History, taken: pl.DataFrame, end: datetime, rng: np.random.Generator) -> Block:
        """Return the people who took something new between a moment and an end, as they were at the moment."""
        before = interactions(moment)
        seen = before.drop_nulls("taken_at")
        new = taken.filter((pl.col("taken_at") >= moment.as_of) & (pl.col("taken_at") < end))
        new = new.join(seen, ["employee_id", "course_id"], "anti")
        people = sorted(new["employee_id"].unique())
        if len(people) > MOST_PEOPLE:
            people = sorted(rng.choice(people, MOST_PEOPLE, replace=False).tolist())
        row_of = {one: place for place, one in enumerate(self.people)}
        shares = person_gap_shares(moment, self.catalogue, people)
        empty = np.zeros((0, self.catalogue.size))
        return Block(
            self.matrix(before, people),
            self.matrix(seen, people),
            self.matrix(new, people),
            self.jobs(moment, people),
            sp.vstack([sp.csr_matrix(share) for share in shares], "csr") if shares else sp.csr_matrix(empty),
            np.array([row_of[one] for one in people], dtype=np.int64),
        )


def content(records: Mapping[str, pl.DataFrame], catalogue: Catalogue, context: TrainingContext) -> Content:
    """Return what courses are about: their texts encoded, and the levels of the skills they teach."""
    courses = course_rows(records)
    about = pl.col("description").fill_null("").str.slice(0, DESCRIPTION_LENGTH)
    texts = courses.select((pl.col("title").fill_null("") + ". " + about).str.strip_chars()).to_series()
    vectors = np.asarray(context.encode(texts.to_list()), dtype=np.float32)
    taught = catalogue.teaches
    shape = (catalogue.size, len(catalogue.skill_ids))
    levels = sp.csr_matrix((taught.level * taught.coverage, taught.other, taught.start), shape=shape)
    return Content(vectors, unit_rows(levels))


def unit_rows(matrix: Matrix) -> Matrix:
    """Return the matrix with each row of length 1; an empty row stays empty."""
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return sp.csr_matrix(sp.diags(1.0 / np.where(length > 0, length, 1.0)) @ matrix)
