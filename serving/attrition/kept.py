"""A person's exit scores, packed into one row: probabilities, interval, curve, contributions and what they saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import msgspec
import numpy as np
import polars as pl
import sqlalchemy as sa

from features.attrition.population import NAMES, TABLES, features
from features.records.row_security import everybody
from features.records.schema import METADATA
from features.records.store import Store
from serving.attrition.notice import known_to_leave
from serving.house import House
from serving.models.answering import LoadedModel

FEW_PEOPLE = 200  # for so many, only the records of those around them are read
MOST_AROUND = 10_000
CACHE = "attrition_features"


class Packed(msgspec.Struct, array_like=True, frozen=True):
    """One person's scores under one model.

    Parameters
    ----------
    spell : int
        The employment spell they are about.
    is_personal : bool
        False for new hires: the cohort's base rate.
    probabilities : list of float
        Horizon by horizon, its causes in order.
    interval : list of float
        Low and high of the first cause, horizon by horizon.
    curve : list of float
        Probability of being here after 0, 1, 2 … periods.
    contributions : list of float
        Per feature, and the average person's level last.
    values : list of float or None
        The features.
    """

    spell: int
    is_personal: bool
    probabilities: list[float]
    interval: list[float]
    curve: list[float]
    contributions: list[float]
    values: list[float | None]


ENCODER = msgspec.msgpack.Encoder()
DECODER = msgspec.msgpack.Decoder(Packed)


def pack(scores: Packed) -> bytes:
    """Return scores as bytes."""
    return ENCODER.encode(scores)


def unpack(payload: bytes) -> Packed:
    """Return packed scores; raise msgspec.ValidationError where the bytes are of another format."""
    return DECODER.decode(payload)


def score_everybody(
    house: House, employee_ids: Sequence[str], progress: Callable[[int], None]
) -> Iterator[tuple[str, bytes]]:
    """Yield each person's packed scores; who has left, is known to leave, or objected, gets none.

    Parameters
    ----------
    house : House
        With a model that answers the question attrition.
    employee_ids : sequence of str
        Whom to score.
    progress : callable
        Told how many people were done.
    """
    model, as_of = house.models.current("attrition"), house.clock()
    left_out = objections(house.store, employee_ids) | known_to_leave(house.store, as_of, employee_ids)
    wanted = [employee_id for employee_id in employee_ids if employee_id not in left_out]
    rows = features_of(house, wanted, as_of)
    last = rows.sort("spell").unique("employee_id", keep="last").sort("employee_id")
    for employee_id, scores in zip(last["employee_id"], packed_rows(model, last), strict=True):
        progress(1)
        yield employee_id, pack(scores)


def packed_rows(model: LoadedModel, rows: pl.DataFrame) -> Iterator[Packed]:
    """Yield the scores of rows of features."""
    matrix = rows.select(NAMES).to_numpy().astype(np.float64)
    if not len(matrix):
        return
    scorer = model.scorer
    probabilities, interval = scorer.scores(matrix), scorer.interval(matrix)
    curve, contributions = scorer.curve(matrix), scorer.contributions(matrix)
    personal, values = scorer.is_personal(matrix), rows.select(NAMES).rows()
    for place, spell in enumerate(rows["spell"].to_list()):
        yield Packed(spell, bool(personal[place]), probabilities[place].tolist(), interval[place].tolist(),
                     curve[place].tolist(), contributions[place].tolist(), list(values[place]))  # fmt: skip


@everybody()
def features_of(house: House, employee_ids: Sequence[str], as_of: datetime) -> pl.DataFrame:
    """Return the features of people as of a moment, the same as they are among everybody.

    Notes
    -----
    For a few people only those around them are read: whoever ever shared a job or a manager with them, or is led by
    them; nobody else enters their features. For many, everybody's features are computed once per moment and kept.
    """
    if len(employee_ids) <= FEW_PEOPLE:
        around = people_around(house.store, employee_ids)
        if len(around) <= MOST_AROUND:
            records = house.store.frames(TABLES, around)
            return features(records, [as_of], employee_ids)
    kept: tuple[datetime, pl.DataFrame] | None = house.cache.get(CACHE)
    if kept is None or kept[0] != as_of:
        kept = (as_of, features(house.store.frames(TABLES), [as_of]))
        house.cache[CACHE] = kept
    return kept[1].filter(pl.col("employee_id").is_in(list(employee_ids)))


def people_around(store: Store, employee_ids: Sequence[str]) -> list[str]:
    """Return people, whoever ever had one of their jobs or managers, and whoever they lead."""
    jobs = METADATA.tables["job_history"].c
    theirs = sa.select(jobs.job_id, jobs.manager_id).where(jobs.employee_id.in_(employee_ids)).distinct()
    with store.reading() as connection:
        rows = connection.execute(theirs).all()
        job_ids = {row[0] for row in rows if row[0] is not None}
        managers = {row[1] for row in rows if row[1] is not None} | set(employee_ids)
        shared = (
            sa.select(jobs.employee_id)
            .where(jobs.job_id.in_(job_ids) | jobs.manager_id.in_(managers))
            .distinct()
        )
        found = set(connection.scalars(shared))
    return sorted(found | set(employee_ids))


def objections(store: Store, employee_ids: Sequence[str] | None = None) -> set[str]:
    """Return who objected to being scored; of these people, or of all."""
    table = METADATA.tables["objections"].c
    query = sa.select(table.employee_id)
    if employee_ids is not None and len(employee_ids) <= FEW_PEOPLE:
        query = query.where(table.employee_id.in_(employee_ids))
    with store.reading() as connection:
        return set(connection.scalars(query))


def exported_columns(_model: LoadedModel, payload: bytes) -> dict[str, object]:
    """Return a person's scores as plain columns, named as they are packed."""
    return msgspec.structs.asdict(unpack(payload))
