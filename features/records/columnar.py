"""Tables read a column at a time: from SQLite by Arrow's own driver (ADBC), which makes no Python object of a value."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from features.records.ledger_file import TABLES as LEDGER
from features.records.schema import ALL_TABLES, METADATA
from features.records.store import FRAME_TYPES, Store

PATIENCE_MS = 10_000


def columns_of_table(
    store: Store,
    name: str,
    columns: Sequence[str] | None = None,
    where: sa.ColumnElement[bool] | None = None,
) -> pl.DataFrame:
    """Return rows of a table as `Store.frame` does, in the same order, some ten times as fast where the store is a file.

    Parameters
    ----------
    store : Store
        The records; those of PostgreSQL are read as `Store.frame` reads them.
    name : str
        Table name.
    columns : sequence of str, optional
        Columns to read; all but the surrogate ``id`` by default.
    where : SQL expression, optional
        Over ``METADATA.tables[name].c``; moments there are integers.
    """
    names = tuple(columns or ALL_TABLES[name].names)
    path = store.engine.url.database
    if store.is_postgres or not path or not Path(path).is_file() or name in LEDGER:
        return store.frame(name, names, where)
    from adbc_driver_sqlite import dbapi

    table = METADATA.tables[name]
    query = sa.select(*(table.c[column] for column in names)).order_by(table.c.id)
    asked = query if where is None else query.where(where)
    counted = sa.select(sa.func.count()).select_from(asked.order_by(None).subquery())
    with (
        dbapi.connect(Path(path).resolve().as_uri() + "?mode=ro") as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
        cursor.execute(text_of(counted))
        rows: Any = cursor.fetchone()
        # a column's type is told by its first batch, and a batch's memory is taken beforehand: one batch of just the rows
        cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(max(1, rows[0]))})
        cursor.execute(text_of(asked))
        found: Any = pl.from_arrow(cursor.fetch_arrow_table())
    kinds = {column: FRAME_TYPES[ALL_TABLES[name].column(column).kind] for column in names}
    return pl.DataFrame(found).cast(kinds)  # type: ignore[arg-type]


def text_of(query: sa.Select[Any]) -> str:
    """Return a query as SQLite reads it, its values in the text."""
    return str(query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
