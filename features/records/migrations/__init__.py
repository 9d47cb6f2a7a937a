"""Alembic migrations of the records, run by the store itself."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from features.records.row_security import protect

FOLDER = Path(__file__).parent
VERSION = sa.table("alembic_version", sa.column("version_num"))


def upgrade_to_head(connection: sa.Connection) -> None:
    """Bring the schema behind an open connection to the newest version; and every personal table behind its policy."""
    if version_of(connection) != newest():
        migrate(connection)
    protect(connection)  # here and not in one migration: a table that a later one adds must not be forgotten


def version_of(connection: sa.Connection) -> str | None:
    """Return the version of the schema behind a connection; None where it has none yet."""
    if not sa.inspect(connection).has_table(VERSION.name):
        return None
    return connection.scalar(sa.select(VERSION.c.version_num))


def newest() -> str:
    """Return the version that the last migration leads to: its file's number."""
    return max(path.name.split("_")[0] for path in (FOLDER / "versions").glob("[0-9]*_*.py"))


def migrate(connection: sa.Connection) -> None:
    """Run the migrations that are missing; only then is Alembic imported, which takes longer than to open a store."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
