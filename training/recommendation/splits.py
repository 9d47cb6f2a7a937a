"""Held-out interactions of a plain table: by time for everybody, at random per person, or one per person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from features.errors import BadInputError, RefusedError
from training.recommendation.content import Content
from training.recommendation.dataset import (
    LEAST_AGE_DAYS,
    SECONDS_A_DAY,
    Block,
    Dataset,
    Known,
    Matrix,
    Origin,
)
from training.recommendation.new_courses import with_hidden_courses

Bools = NDArray[np.bool_]
Floats = NDArray[np.floating]

RATING_TILT = 0.1
EARLIER_ORIGINS = 3
MOST_PAIRS = 500_000  # up to here more than one moment is chosen by
MOSTLY = 0.9  # of a given test comes after all that is known: then it was split off by time
NEW_COURSES = "new-courses"
TEST_SHARE = {"temporal": 0.2, "per-user": 0.25}
WORDS = {
    "temporal": "global temporal split, first 80 % | last 20 % of interactions; people with a history",
    "per-user": "random 75 % | 25 % of each person's interactions",
    "leave-one": "one random interaction of each person held out",
    "given": "test interactions as given",
}


@dataclass(frozen=True)
class Table:
    """Interactions of a plain table and what is known beside them.

    Parameters
    ----------
    pairs : pandas.DataFrame
        ``user, item`` and perhaps ``time``, no pair twice, in time order where there is time.
    test : pandas.DataFrame, optional
        Held-out pairs as given by the caller.
    course_ids : tuple of str
        Every course that is ranked.
    content : Content
        Of the courses, in that order.
    cohorts : dict of str to str
        User → cohort.
    digest : str
        Of the tables.
    """

    pairs: pd.DataFrame
    course_ids: tuple[str, ...]
    digest: str
    test: pd.DataFrame | None = None
    content: Content = field(default_factory=Content)
    cohorts: dict[str, str] = field(default_factory=dict)


def held_out(pairs: pd.DataFrame, split: str, rng: np.random.Generator) -> Bools:
    """Return which pairs a split holds out, (n_pairs,) bool."""
    return SPLITS[split](pairs, rng)


def last_in_time(pairs: pd.DataFrame, _rng: np.random.Generator) -> Bools:
    """Hold out the last fifth of all interactions, by time."""
    if "time" not in pairs:
        raise BadInputError(
            "A temporal split needs a time.", allowed="a time column", hint="Give --time-column or --split."
        )
    times = pairs["time"].to_numpy()
    start = np.sort(times)[int(times.size * (1 - TEST_SHARE["temporal"]))]
    return np.asarray(times >= start)


def share_per_person(pairs: pd.DataFrame, rng: np.random.Generator) -> Bools:
    """Hold out a random quarter of each person's interactions, one at least where there are two."""
    place, size = random_places(pairs, rng)
    most = np.maximum(np.round(size * TEST_SHARE["per-user"]), 1)
    return np.asarray((place < most) & (size > 1))


def one_per_person(pairs: pd.DataFrame, rng: np.random.Generator) -> Bools:
    """Hold out one random interaction of each person who has two."""
    place, size = random_places(pairs, rng)
    return np.asarray((place == 0) & (size > 1))


def random_places(
    pairs: pd.DataFrame, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each pair's place in a random order of its person's pairs, and how many the person has."""
    codes = pd.factorize(pairs["user"])[0].astype(np.int64)
    order = np.lexsort((rng.random(codes.size), codes))
    sizes = np.bincount(codes)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    place = np.empty(codes.size, dtype=np.int64)
    place[order] = np.arange(codes.size) - np.repeat(starts, sizes)
    return place, sizes[codes].astype(np.int64)


SPLITS: dict[str, Callable[[pd.DataFrame, np.random.Generator], Bools]] = {
    "temporal": last_in_time,
    "per-user": share_per_person,
    "leave-one": one_per_person,
}


def dataset_of(table: Table, split: str, seed: int) -> Dataset:
    """Return the dataset of a plain table; validation is held out of the rest by the same kind of split.

    Parameters
    ----------
    table : Table
        Interactions.
    split : str
        ``temporal``, ``per-user``, ``leave-one``, ``new-courses``, or ``given``.
    seed : int
        Of the random splits; also printed.

    Raises
    ------
    RefusedError
        If nothing is held out, or nothing is left.
    """
    rng = np.random.default_rng(seed)
    if split == NEW_COURSES:
        return with_hidden_courses(replace(dataset_of(table, "per-user", seed), is_warm_only=False), rng)
    if table.test is None:
        out = held_out(table.pairs, split, rng)
        known, test = table.pairs[~out], table.pairs[out]
    else:
        known, test = table.pairs, without_known(table.test, table.pairs)
    if known.empty or test.empty or known["user"].nunique() < 2:
        raise RefusedError(
            "The table leaves too little to learn from or to judge by.",
            found=f"{len(known)} interactions known, {len(test)} held out",
            allowed="interactions of at least two people on both sides",
        )
    inner = split if split != "given" else alike_split(known, test)
    out = held_out(known, inner, rng)
    return assembled(table, (known[~out], known[out], known, test), split, seed)


def without_known(test: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Return the test pairs that are not known already."""
    both = test.merge(known[["user", "item"]], how="left", on=["user", "item"], indicator=True)
    return both[both["_merge"] == "left_only"].drop(columns="_merge")


def alike_split(known: pd.DataFrame, test: pd.DataFrame) -> str:
    """Return the split that resembles a given test: one each, by time, or a share each."""
    if test["user"].value_counts().max() == 1:
        return "leave-one"
    if "time" not in known or "time" not in test:
        return "per-user"
    later = float((test["time"] >= known["time"].max()).mean())
    return "temporal" if later >= MOSTLY else "per-user"


@dataclass(frozen=True)
class Layout:
    """The order of people, courses and cohorts in the matrices of a table."""

    row_of: dict[str, int]
    column_of: dict[str, int]
    jobs: NDArray[np.int64]
    is_dated: bool
    is_warm: bool

    def matrix(self, pairs: pd.DataFrame, values: Floats | None = None) -> Matrix:
        """Return pairs as a matrix of their weights, or of other values."""
        rows = pairs["user"].map(self.row_of).to_numpy()
        columns = pairs["item"].map(self.column_of).to_numpy()
        shape = (len(self.row_of), len(self.column_of))
        return sp.csr_matrix((weights_of(pairs) if values is None else values, (rows, columns)), shape=shape)

    def known(self, pairs: pd.DataFrame) -> Known:
        """Return pairs as what is known, with their ages where time counts."""
        return Known(self.matrix(pairs), self.matrix(pairs, ages_of(pairs)) if self.is_dated else None)

    def origin(self, known: pd.DataFrame, after: pd.DataFrame) -> Origin:
        """Return what was known, and the people who took something after it."""
        past, targets = self.known(known), self.matrix(after)
        asked = np.flatnonzero(np.diff(targets.indptr) > 0)
        if self.is_warm:
            asked = asked[np.diff(past.history.indptr)[asked] > 0]
        rows = past.history[asked]
        return Origin(past, Block(rows, rows, targets[asked], self.jobs[asked], people=asked))


def assembled(table: Table, parts: tuple[pd.DataFrame, ...], split: str, seed: int) -> Dataset:
    """Return the dataset of the four parts: train, validation, known, test."""
    train, validation, known, test = parts
    people = pd.unique(pd.concat([known["user"], test["user"]]))
    cohort_ids = tuple(sorted(set(table.cohorts.values())))
    cohort_of = {name: place for place, name in enumerate(cohort_ids)}
    jobs = np.array([cohort_of.get(table.cohorts.get(one, ""), -1) for one in people], dtype=np.int64)
    dated = split == "temporal" or (split == "given" and alike_split(known, test) == "temporal")
    layout = Layout(
        {person: row for row, person in enumerate(people)},
        {course: column for column, course in enumerate(table.course_ids)},
        jobs,
        dated,
        split not in ("temporal", "given"),
    )
    chosen_by, judged_by = layout.origin(train, validation), layout.origin(known, test)
    return Dataset(
        protocol=f"{WORDS[split]}; every course ranked but those known of the person; seed {seed}",
        course_ids=table.course_ids,
        job_ids=cohort_ids,
        train=chosen_by.known.history,
        known=judged_by.known.history,
        jobs=jobs,
        validation=chosen_by.block,
        test=judged_by.block,
        digest=table.digest,
        content=table.content,
        is_warm_only=split in ("temporal", "given"),
        seeds=(seed,),
        train_ages=chosen_by.known.ages,
        known_ages=judged_by.known.ages,
        earlier=earlier_origins(layout, train) if dated else (),
    )


def earlier_origins(layout: Layout, train: pd.DataFrame) -> tuple[Origin, ...]:
    """Return more moments to choose by, each a fifth of the interactions before the one after it."""
    found: list[Origin] = []
    while len(found) < EARLIER_ORIGINS and len(train) <= MOST_PAIRS:
        out = last_in_time(train, np.random.default_rng(0))
        if out.all() or not out.any():
            break
        train, after = train[~out], train[out]
        found.append(layout.origin(train, after))
    return tuple(found)


def weights_of(pairs: pd.DataFrame) -> Floats:
    """Return how much each pair says, 0–1: a little more for what the person rated above their own average."""
    if "rating" not in pairs:
        return np.ones(len(pairs))
    ratings = pairs["rating"].astype(float)
    spread = float(ratings.std()) or 1.0
    above = (ratings - ratings.groupby(pairs["user"]).transform("mean")) / spread
    return np.asarray(((1.0 + RATING_TILT * above).clip(0.5, 1.5) / 1.5).to_numpy(), dtype=np.float64)


def ages_of(pairs: pd.DataFrame) -> Floats:
    """Return the days from each pair to just after the last of them, more than 0."""
    times = pairs["time"].to_numpy(dtype=np.float64)
    return np.asarray((times.max() - times) / SECONDS_A_DAY + LEAST_AGE_DAYS)
