"""An answer that was shown is kept as one row and analysed course by course, also where it was kept otherwise before."""

from __future__ import annotations

import polars as pl
import sqlalchemy as sa

from features.records.shown import packed, shown_courses
from features.records.store import Store, upgrade_schema

OLD = """CREATE TABLE recommendations_shown (recommendation_id TEXT, employee_id TEXT, course_id TEXT, rank INTEGER,
         score DOUBLE PRECISION, propensity DOUBLE PRECISION, model_digest TEXT, shown_at BIGINT)"""


def test_an_answer_comes_apart_into_its_courses_in_their_order() -> None:
    answers = pl.DataFrame({
        "recommendation_id": ["r1", "r2", "r3"], "employee_id": ["ann", "bob", "ann"],
        "first_rank": [1, 21, 1], "items": [packed([("a", 0.9, 1.0), ("b", None, 0.5)]), packed([("c", 0.1, 1.0)]), "[]"],
    })  # fmt: skip
    found = shown_courses(answers).select("recommendation_id", "course_id", "rank", "score", "propensity")
    assert found.rows() == [("r1", "a", 1, 0.9, 1.0), ("r1", "b", 2, None, 0.5), ("r2", "c", 21, 0.1, 1.0)]


def test_rows_kept_a_course_each_become_rows_kept_an_answer_each(store: Store) -> None:
    with store.transaction() as connection:
        connection.execute(sa.text("DROP TABLE recommendations_shown"))
        connection.execute(sa.text(OLD))
        for row in ("('r1', 'ann', 'b', 2, 0.4, 1.0, 'd', 5)", "('r1', 'ann', 'a', 1, 0.8, 1.0, 'd', 5)",
                    "('r2', 'bob', 'a', 21, NULL, NULL, 'd', 6)"):  # fmt: skip
            connection.execute(sa.text(f"INSERT INTO recommendations_shown VALUES {row}"))
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0002'"))
    upgrade_schema(store.engine)
    kept = store.frame("recommendations_shown").sort("recommendation_id")
    assert kept["first_rank"].to_list() == [1, 21]
    assert shown_courses(kept).select("employee_id", "course_id", "rank", "score").rows() == [
        ("ann", "a", 1, 0.8), ("ann", "b", 2, 0.4), ("bob", "a", 21, None)
    ]  # fmt: skip
