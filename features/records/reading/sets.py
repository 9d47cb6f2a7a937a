"""Conditions between two tables that hold the same columns."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa


def same(left: sa.FromClause, right: sa.FromClause, names: Sequence[str]) -> sa.ColumnElement[bool]:
    """Return the condition that key columns agree; none of them is ever null."""
    return sa.and_(sa.true(), *(left.c[name] == right.c[name] for name in names))


def alike(left: sa.FromClause, right: sa.FromClause, names: Sequence[str]) -> sa.ColumnElement[bool]:
    """Return the condition that values agree, where nothing agrees with nothing."""
    return sa.and_(sa.true(), *(left.c[name].is_not_distinct_from(right.c[name]) for name in names))


def has_rows(connection: sa.Connection, table: sa.FromClause) -> bool:
    """Say whether a table holds anything."""
    return connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None
