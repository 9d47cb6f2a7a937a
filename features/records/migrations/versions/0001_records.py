"""The records as they first stood."""

from alembic import op

from features.records.schema import METADATA

revision = "0001"
down_revision = None


def upgrade() -> None:
    METADATA.create_all(op.get_bind())
