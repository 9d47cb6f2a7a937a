"""Alembic migrations of the records, run by the store itself."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from features.records.row_security import protect


def upgrade_to_head(connection: sa.Connection) -> None:
    """Bring the schema behind an open connection to the newest version; and every personal table behind its policy."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    protect(connection)  # here and not in one migration: a table that a later one adds must not be forgotten
