"""The database schema, derived from the tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from features.records.columns import Column, Kind, Nature, Table
from features.records.rights_tables import RIGHTS_TABLES
from features.records.system_tables import SYSTEM_TABLES
from features.records.tables import IMPORTABLE

ALL_TABLES: dict[str, Table] = {**IMPORTABLE, **SYSTEM_TABLES, **RIGHTS_TABLES}

# Moments are whole microseconds since 1970 UTC in both databases: comparisons are exact, identical and fast.
SQL_TYPES: dict[Kind, type[sa.types.TypeEngine[Any]]] = {
    Kind.TEXT: sa.Text,
    Kind.INTEGER: sa.BigInteger,
    Kind.NUMBER: sa.Double,
    Kind.FLAG: sa.Boolean,
    Kind.MOMENT: sa.BigInteger,
    Kind.BYTES: sa.LargeBinary,
}
SURROGATE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def sql_column(column: Column) -> sa.Column[object]:
    """Return the database column of one spelled column."""
    return sa.Column(column.name, SQL_TYPES[column.kind](), nullable=not column.required)


def sql_table(table: Table, metadata: sa.MetaData) -> sa.Table:
    """Return the database table of one spelled table, its key unique and its look-ups indexed."""
    unique = sa.UniqueConstraint(*table.unique, name=f"uq_{table.name}")
    indexes = [sa.Index(f"ix_{table.name}_{'_'.join(group)}", *group) for group in table.indexes]
    columns = [sql_column(column) for column in table.columns]
    return sa.Table(
        table.name,
        metadata,
        sa.Column("id", SURROGATE, primary_key=True, autoincrement=True),
        *columns,
        unique,
        *indexes,
    )


def build_metadata() -> sa.MetaData:
    """Return the schema of all tables."""
    metadata = sa.MetaData()
    for table in ALL_TABLES.values():
        sql_table(table, metadata)
    return metadata


METADATA = build_metadata()


def is_fact(name: str) -> bool:
    """Say whether rows of that table are append-only."""
    return ALL_TABLES[name].nature is Nature.FACT
