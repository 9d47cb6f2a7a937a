"""The catalogue as arrays, built once per process and renewed when the records of courses or jobs change."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from features.recommendation.catalogue import Bools, Catalogue, Integers
from features.recommendation.catalogue_building import build_catalogue
from features.records.schema import METADATA
from serving.house import House
from serving.models.answering import LoadedModel

READS = (
    "courses", "course_skills", "course_prerequisites", "skills", "jobs", "job_skills", "job_aliases",
    "strategic_priorities",
)  # fmt: skip
KEY = "recommendation catalogue"
LOOK_SECONDS = 1.0  # how often the records are asked whether the catalogue changed
RENEW_SECONDS = 600.0  # how often it is read again whatever they say
MOST_MODELS = 4  # champion, canary and shadow, and one that is being replaced

Stamp = tuple[object, ...]


class Places(NamedTuple):
    """Where the courses of a model stand in a catalogue.

    Parameters
    ----------
    there : (n_known,) int
        Model course → catalogue course; -1 where the catalogue lost it.
    back : (n_courses,) int
        The way back; -1 where the model does not know the course.
    is_whole : bool
        True where the catalogue lost none.
    """

    there: Integers
    back: Integers
    is_whole: bool


@dataclass
class Shelf:
    """A catalogue and what is looked up in it by value.

    Parameters
    ----------
    catalogue : Catalogue
        The arrays.
    stamp : tuple
        What the records said when it was read.
    built_at, looked_at : float
        Monotonic seconds.
    version : int, optional
        Of the whole records when it was last found equal to them; None where the database has none.
    """

    catalogue: Catalogue
    stamp: Stamp
    built_at: float
    looked_at: float
    version: int | None = None
    by_modality: Mapping[str, Bools] = field(default_factory=dict)
    by_language: Mapping[str, Bools] = field(default_factory=dict)
    places: dict[str, Places] = field(default_factory=dict)

    def places_of(self, model: LoadedModel) -> Places:
        """Return where a model's courses stand in the catalogue, found once."""
        found = self.places.get(model.digest)
        if found is None:
            index, course_ids = self.catalogue.course_index, model.scorer.course_ids
            there = np.array([index.get(course, -1) for course in course_ids], dtype=np.int64)
            back = np.full(self.catalogue.size, -1, dtype=np.int64)
            known = np.flatnonzero(there >= 0)
            back[there[known]] = known
            standing = list(self.places.items())[-MOST_MODELS + 1 :]
            found = Places(there, back, bool((there >= 0).all()))
            self.places = {**dict(standing), model.digest: found}
        return found


def shelf_of(house: House) -> Shelf:
    """Return the catalogue; where the records may have changed, the next one is made beside the answers.

    A changed course is seen within `LOOK_SECONDS`, and what a change of this process's own told the cache
    (by dropping the key) at once.
    """
    shelf: Shelf | None = house.cache.get(KEY)
    if shelf is None:
        return renew(house)
    now = time.monotonic()
    if now - shelf.looked_at > LOOK_SECONDS:
        shelf.looked_at = now
        threading.Thread(target=look_again, args=(house, shelf), daemon=True).start()
    return shelf


def look_again(house: House, shelf: Shelf) -> None:
    """Read the catalogue again if the records say that it changed, or if it is old."""
    try:
        is_old = time.monotonic() - shelf.built_at > RENEW_SECONDS
        version = house.store.readers.version()
        if not is_old and version is not None and version == shelf.version:
            return  # nobody wrote anything
        if is_old or stamp_of(house) != shelf.stamp:
            renew(house)
        shelf.version = version
    except (sa.exc.SQLAlchemyError, house.store.readers.error):
        return  # the store is away: the catalogue in hand goes on answering


def renew(house: House) -> Shelf:
    """Read the catalogue and put it where `shelf_of` finds it."""
    version, stamp = house.store.readers.version(), stamp_of(house)
    catalogue = build_catalogue(house.store.frames(READS), house.clock())
    now = time.monotonic()
    shelf = Shelf(
        catalogue,
        stamp,
        now,
        now,
        version,
        by_value(catalogue.modalities),
        by_value(catalogue.languages),
    )
    house.cache[KEY] = shelf
    # It lives long: without this the collector would walk through it again and again, for a tenth of a second each.
    gc.freeze()
    return shelf


def by_value(values: tuple[str | None, ...]) -> dict[str, Bools]:
    """Return value → which courses have it."""
    array: NDArray[Any] = np.array([value or "" for value in values], dtype=object)
    return {str(value): np.asarray(array == value, dtype=bool) for value in {*array.tolist()} - {""}}


def stamp_of(house: House) -> Stamp:
    """Return what changes when a course, a job or what they teach and ask for changes.

    Notes
    -----
    Counts, highest row numbers, and sums over numbers and lengths of texts: cheap, and equal only where a text was
    replaced by one of the same length; `RENEW_SECONDS` covers that.
    """
    said: list[object] = []
    with house.store.reading() as connection:
        for name in READS:
            said += [tuple(row) for row in connection.execute(stamp_query(name))]
    return tuple(said)


def stamp_query(name: str) -> sa.Select[Any]:
    """Return the query whose answer changes with a table."""
    table = METADATA.tables[name]
    sums: list[sa.ColumnElement[Any]] = [sa.func.count(), sa.func.max(table.c.id)]
    if name in ("skills", "job_aliases"):
        return sa.select(*sums)
    for column in table.c:
        if isinstance(column.type, sa.Text):
            sums.append(sa.func.sum(sa.func.length(column)))
        elif isinstance(column.type, sa.Double | sa.BigInteger) and column.name != "id":
            sums.append(sa.func.sum(sa.cast(column, sa.Double)))
    return sa.select(*sums)
