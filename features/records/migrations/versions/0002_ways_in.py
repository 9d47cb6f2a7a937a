"""What comes in from elsewhere: who sent a statement, users and groups, ended access, how far a pull has come."""

import sqlalchemy as sa
from alembic import op

from features.records.schema import METADATA

revision = "0002"
down_revision = "0001"

ADDED = ("scim_resources", "ended_access", "pull_positions")


def upgrade() -> None:
    connection = op.get_bind()
    for name in ADDED:  # a new database has them since its first migration
        METADATA.tables[name].create(connection, checkfirst=True)
    if "authority" not in {column["name"] for column in sa.inspect(connection).get_columns("statements")}:
        op.add_column("statements", sa.Column("authority", sa.Text))
        op.create_index("ix_statements_authority_received_at", "statements", ["authority", "received_at"])
