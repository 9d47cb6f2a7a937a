"""Answers about courses: how they were found, and whether the skill shows at work later."""

from alembic import op

from features.records.schema import METADATA

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    METADATA.tables["evaluations"].create(op.get_bind(), checkfirst=True)
