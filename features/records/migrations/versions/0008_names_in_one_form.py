"""Names of accounts are compared in one form, whether composed or decomposed; and more tables are behind row-level security."""

import sqlalchemy as sa
from alembic import op

from features.records.identities import name_key
from features.records.schema import METADATA

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    connection, table = op.get_bind(), METADATA.tables["scim_resources"]
    kept = sa.select(table.c.id, table.c.unique_name).where(table.c.unique_name.is_not(None))
    for row in connection.execute(kept).all():
        if name_key(row.unique_name) != row.unique_name:
            right = sa.update(table).where(table.c.id == row.id)
            connection.execute(right.values(unique_name=name_key(row.unique_name)))
