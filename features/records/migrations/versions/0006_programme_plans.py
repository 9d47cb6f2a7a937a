"""Plans of training programmes, frozen when they are declared."""

from alembic import op

from features.records.schema import METADATA

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    METADATA.tables["programme_plans"].create(op.get_bind(), checkfirst=True)
