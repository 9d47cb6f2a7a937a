"""An answer that was shown is one row with its courses, not a row a course: twenty times fewer to write and to index."""

from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

from features.records.schema import METADATA
from features.records.shown import packed

revision = "0003"
down_revision = "0002"

TABLE = "recommendations_shown"
AT_ONCE = 5_000


def upgrade() -> None:
    connection = op.get_bind()
    inspector = sa.inspect(connection)
    if "items" in {column["name"] for column in inspector.get_columns(TABLE)}:
        return  # a new database has it so since its first migration
    before = sa.Table(TABLE, sa.MetaData(), autoload_with=connection)
    rows = connection.execute(
        sa.select(before).order_by(before.c.recommendation_id, before.c.rank)
    ).mappings()
    answers = [answer(list(courses)) for _, courses in groupby(rows, lambda row: row["recommendation_id"])]
    op.drop_table(TABLE)
    METADATA.tables[TABLE].create(connection)
    for start in range(0, len(answers), AT_ONCE):
        connection.execute(sa.insert(METADATA.tables[TABLE]), answers[start : start + AT_ONCE])


def answer(courses: list[Any]) -> dict[str, object]:
    first = courses[0]
    kept = ("recommendation_id", "employee_id", "model_digest", "shown_at")
    items = [(row["course_id"], row["score"], row["propensity"]) for row in courses]
    return {name: first[name] for name in kept} | {"first_rank": first["rank"], "items": packed(items)}
