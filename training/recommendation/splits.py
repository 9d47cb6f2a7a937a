"""Held-out interactions of a plain table: by time for everybody, at random per person, or one per person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from features.errors import BadInputError, RefusedError
from training.recommendation.dataset import Block, Content, Dataset, Matrix

Bools = NDArray[np.bool_]

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
        ``temporal``, ``per-user``, ``leave-one``, or ``given``.
    seed : int
        Of the random splits; also printed.

    Raises
    ------
    RefusedError
        If nothing is held out, or nothing is left.
    """
    rng = np.random.default_rng(seed)
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
    return "temporal" if "time" in known else "per-user"


def assembled(table: Table, parts: tuple[pd.DataFrame, ...], split: str, seed: int) -> Dataset:
    """Return the dataset of the four parts: train, validation, known, test."""
    train, validation, known, test = parts
    people = pd.unique(pd.concat([known["user"], test["user"]]))
    row_of = {person: row for row, person in enumerate(people)}
    column_of = {course: column for column, course in enumerate(table.course_ids)}
    cohort_ids = tuple(sorted(set(table.cohorts.values())))
    cohort_of = {name: place for place, name in enumerate(cohort_ids)}
    jobs = np.array([cohort_of.get(table.cohorts.get(one, ""), -1) for one in people], dtype=np.int64)

    def matrix(pairs: pd.DataFrame) -> Matrix:
        rows = pairs["user"].map(row_of).to_numpy()
        columns = pairs["item"].map(column_of).to_numpy()
        return sp.csr_matrix((np.ones(len(pairs)), (rows, columns)), shape=(len(people), len(column_of)))

    def block(history: Matrix, targets: Matrix) -> Block:
        asked = np.flatnonzero(np.diff(targets.indptr) > 0)
        if split != "given":
            has_history = np.diff(history.indptr)[asked] > 0
            asked = asked[has_history] if split != "temporal" else asked
        return Block(history[asked], history[asked], targets[asked], jobs[asked])

    matrices = [matrix(part) for part in (train, validation, known, test)]
    return Dataset(
        protocol=f"{WORDS[split]}; every course ranked but those known of the person; seed {seed}",
        course_ids=table.course_ids,
        job_ids=cohort_ids,
        train=matrices[0],
        known=matrices[2],
        jobs=jobs,
        validation=block(matrices[0], matrices[1]),
        test=block(matrices[2], matrices[3]),
        digest=table.digest,
        content=table.content,
        is_warm_only=split in ("temporal", "given"),
        seeds=(seed,),
    )
