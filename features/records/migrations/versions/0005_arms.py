"""What was shown says in which arm of an experiment the person was, and what shadow policies would have shown."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TABLE = "recommendations_shown"


def upgrade() -> None:
    standing = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(TABLE)}
    for name in {"arm", "shadows"} - standing:  # a new database has them since its first migration
        op.add_column(TABLE, sa.Column(name, sa.Text))
