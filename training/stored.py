"""The records as training reads them: a table when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl
import sqlalchemy as sa

from features.records.moments import from_micros
from features.records.schema import METADATA
from features.records.tables import IMPORTABLE

if TYPE_CHECKING:
    from features.records.store import Store

NAMES = tuple(name for name in IMPORTABLE if name != "protected_attributes")


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

    def __getitem__(self, name: str) -> pl.DataFrame:
        """Return a table; raise KeyError for a name that is none of the records' tables."""
        if name not in NAMES:
            raise KeyError(name)
        if name not in self.read:
            self.read[name] = self.store.frame(name)
        return self.read[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of all tables."""
        return iter(NAMES)

    def __len__(self) -> int:
        """Return how many tables there are."""
        return len(NAMES)

    def extremes(self, column: str, which: str) -> list[datetime]:
        """Return the least (``min``) or largest (``max``) moment of a column in every table that has it; reads no table."""
        found: list[datetime] = []
        with self.store.reading() as connection:
            for table in (METADATA.tables[name] for name in NAMES):
                if column in table.c:
                    value = connection.scalar(sa.select(getattr(sa.func, which)(table.c[column])))
                    found += [] if value is None else [from_micros(value)]
        return found
