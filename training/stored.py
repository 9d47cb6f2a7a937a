"""The records as training reads them: a table when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl
import sqlalchemy as sa

from features.records.columnar import columns_of_table, values_of_table
from features.records.moments import from_micros, to_micros
from features.records.schema import METADATA
from features.records.tables import IMPORTABLE

if TYPE_CHECKING:
    from features.records.store import Store

TIMES = ("happened_at", "known_at")
READERS = 2
NAMES = tuple(name for name in IMPORTABLE if name != "protected_attributes")


@dataclass(frozen=True)
class Ever:
    """The facts of which some version has one of some values in a column; a corrected fact is taken in any case.

    Parameters
    ----------
    key, column : str
        What tells facts apart, and where the values stand.
    values : sequence of str
        Those wanted.
    """

    key: str
    column: str
    values: Sequence[str]

    def of(self, table: sa.Table) -> sa.ColumnElement[bool]:
        """Return the condition on a table."""
        key = table.c[self.key]
        corrected = sa.select(key).group_by(key).having(sa.func.count() > 1)
        return sa.or_(table.c[self.column].in_(self.values), key.in_(corrected))


class StoredTables(Mapping[str, pl.DataFrame]):
    """Tables as stored, each read once and only if somebody asks for it; protected attributes are not among them.

    Parameters
    ----------
    store : Store
        The records.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.read: dict[str, pl.DataFrame] = {}

    @property
    def is_in_memory(self) -> bool:
        """Whether the records are in no file and on no server."""
        return not self.store.is_postgres and self.store.engine.url.database in (None, "", ":memory:")

    def __getitem__(self, name: str) -> pl.DataFrame:
        """Return a table; raise KeyError for a name that is none of the records' tables."""
        if name not in NAMES:
            raise KeyError(name)
        if name not in self.read:
            self.read[name] = columns_of_table(self.store, name)
        return self.read[name]

    def __contains__(self, name: object) -> bool:
        """Say whether there is such a table; reads none."""
        return name in NAMES

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of all tables."""
        return iter(NAMES)

    def __len__(self) -> int:
        """Return how many tables there are."""
        return len(NAMES)

    def some(
        self, name: str, columns: Sequence[str], before: datetime | None = None, ever: Ever | None = None
    ) -> pl.DataFrame:
        """Return some columns of a table; where times are among them, of what had happened and was known before a moment.

        Parameters
        ----------
        name : str
            Of the table; raises KeyError for none of the records' tables.
        columns : sequence of str
            Those that the table has are returned.
        before : datetime, optional
            Aware UTC; all facts by default.
        ever : Ever, optional
            Which facts are wanted; others may be among them.
        """
        if name not in NAMES:
            raise KeyError(name)
        table = METADATA.tables[name]
        names = [column for column in columns if column in table.c]
        if name in self.read:
            return early(self.read[name].select(names), before)
        asked = [table.c[time] < to_micros(before) for time in TIMES if before and time in names]
        asked += [ever.of(table)] if ever else []
        return columns_of_table(self.store, name, names, sa.and_(*asked) if asked else None)

    def has_corrections(self, name: str, key: str) -> bool:
        """Say whether some fact of a table has several versions; reads no table."""
        column = METADATA.tables[name].c[key]
        twice = sa.select(column).group_by(column).having(sa.func.count() > 1)
        return bool(values_of_table(self.store, name, [sa.exists(twice)])[0])

    def extremes(self, which: str, *columns: str) -> list[datetime]:
        """Return the least (``min``) or largest (``max``) moments of columns in every table that has them; reads no table."""
        found: list[datetime] = []
        for table in (METADATA.tables[name] for name in NAMES):
            asked = [getattr(sa.func, which)(table.c[name]) for name in columns if name in table.c]
            row = values_of_table(self.store, table.name, asked) if asked else ()
            found += [from_micros(value) for value in row if value is not None]
        return found


def some(
    records: Mapping[str, pl.DataFrame], name: str, columns: Sequence[str], before: datetime | None = None,
    ever: Ever | None = None,
) -> pl.DataFrame:  # fmt: skip
    """Return what `StoredTables.some` returns, of any records."""
    if isinstance(records, StoredTables):
        return records.some(name, columns, before, ever)
    frame = records[name]
    return early(frame.select([column for column in columns if column in frame.columns]), before)


def has_corrections(records: Mapping[str, pl.DataFrame], name: str, key: str) -> bool:
    """Return what `StoredTables.has_corrections` returns, of any records."""
    if isinstance(records, StoredTables) and name not in records.read:
        return records.has_corrections(name, key)
    return bool(records[name][key].is_duplicated().any())


def early(frame: pl.DataFrame, before: datetime | None) -> pl.DataFrame:
    """Return the facts that had happened and were known before a moment."""
    times = [pl.col(time) < before for time in TIMES if before and time in frame.columns]
    return frame.filter(*times) if times else frame


def side_by_side(
    records: Mapping[str, pl.DataFrame], reads: Mapping[str, Callable[[], pl.DataFrame]]
) -> dict[str, pl.DataFrame]:
    """Return what several readings of records find, two at a time: a database's own work needs no Python.

    Parameters
    ----------
    records : mapping of str to polars.DataFrame
        What is read: one after another where no database is, or one that its own thread alone sees, in memory.
    reads : mapping of str to callable
        Each reads a table; called in the context of the caller, part of which is whose rows may be seen.
    """
    if not isinstance(records, StoredTables) or records.is_in_memory:
        return {name: read() for name, read in reads.items()}
    with ThreadPoolExecutor(READERS) as readers:
        waiting = {name: readers.submit(copy_context().run, read) for name, read in reads.items()}
        return {name: read.result() for name, read in waiting.items()}
