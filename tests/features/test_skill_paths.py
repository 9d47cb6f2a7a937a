"""Reskilling distances, needs, moves between jobs and trends: every number here was worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from features.history import History
from features.skills.adjacent_jobs import moves_from, next_jobs, related_to
from features.skills.levels import SHAPES
from features.skills.needs import assess
from features.skills.reskilling import UNKNOWN_HOURS, courses_with_hours, reskilling
from features.skills.trends import direction, supply_and_demand

AS_OF = datetime(2024, 1, 1, tzinfo=UTC)
HELD = {"employee_id": pl.String, "skill_id": pl.String, "level": pl.Float64}
NEEDED = {"target": pl.String, "skill_id": pl.String, "level": pl.Float64, "importance": pl.Float64}
COURSES = {"course_id": pl.String, "skill_id": pl.String, "level": pl.Float64, "hours": pl.Float64}


def known(**tables: list[dict[str, Any]]) -> History:
    return History(AS_OF, {
        name: pl.DataFrame([{column: row.get(column) for column in SHAPES[name]} for row in rows], schema=SHAPES[name])
        for name, rows in tables.items()
    })  # fmt: skip


def frame(schema: dict[str, Any], *rows: tuple[Any, ...]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=schema, orient="row")


class TestReskilling:
    NEED = frame(NEEDED, ("j", "sql", 4.0, 1.0), ("j", "go", 2.0, 0.5), ("j", "zen", 2.0, 0.5))
    TAUGHT = frame(
        COURSES,
        ("long", "sql", 4.0, 20.0),
        ("both", "sql", 5.0, 8.0),
        ("both", "go", 2.0, 8.0),
        ("low", "zen", 1.0, 1.0),
    )

    def test_a_course_that_closes_two_gaps_is_taken_once_and_what_none_closes_is_counted(self) -> None:
        row = reskilling(self.NEED, ["ann"], frame(HELD, ("ann", "sql", 3.0)), self.TAUGHT).row(0, named=True)
        # short 1 × 1 + 2 × ½ + 2 × ½ = 3 of 4 × 1 + 2 × ½ + 2 × ½ = 6
        assert (row["distance"], row["n_gaps"], row["n_uncovered"], row["hours"]) == (0.5, 3, 1, 8.0)

    def test_who_has_it_all_is_at_no_distance_and_needs_no_hours(self) -> None:
        held = frame(HELD, ("ann", "sql", 5.0), ("ann", "go", 2.0), ("ann", "zen", 2.0))
        row = reskilling(self.NEED, ["ann"], held, self.TAUGHT).row(0, named=True)
        assert (row["distance"], row["n_gaps"], row["hours"]) == (0.0, 0, 0.0)

    def test_nobody_and_nothing_needed_give_no_rows(self) -> None:
        assert reskilling(self.NEED, [], frame(HELD), self.TAUGHT).is_empty()
        assert reskilling(self.NEED.head(0), ["ann"], frame(HELD), self.TAUGHT).is_empty()

    def test_hours_that_are_not_named_are_the_median_and_courses_that_ended_are_left_out(self) -> None:
        tags = [{"course_id": one, "skill_id": "sql", "level": 3.0} for one in ("a", "b", "c", "old")]
        courses = pl.DataFrame({"course_id": ["a", "b", "c", "old"], "hours": [2.0, 4.0, None, 1.0],
                                "valid_until": [None, None, None, AS_OF - timedelta(days=1)]})  # fmt: skip
        history = known(course_skills=tags)
        found = courses_with_hours(History(AS_OF, {**history.tables, "courses": courses}))
        assert dict(found.select("course_id", "hours").sort("course_id").iter_rows()) == {
            "a": 2.0,
            "b": 4.0,
            "c": 3.0,
        }
        assert courses_with_hours(history)["hours"].to_list() == [UNKNOWN_HOURS] * 4


class TestNeeds:
    def test_holders_near_people_and_courses_are_counted_at_the_level(self) -> None:
        held = frame(HELD, ("a", "sql", 4.0), ("b", "sql", 3.0), ("c", "sql", 2.9), ("d", "sql", 1.0))
        taught = frame(
            COURSES, ("deep", "sql", 4.0, 9.0), ("quick", "sql", 4.0, 3.0), ("low", "sql", 2.0, 1.0)
        )
        (one,) = assess(frame(NEEDED, ("n", "sql", 4.0, 1.0)), held, taught, {"sql": ("low", "close")}, 2)
        assert (one.n_holders, one.n_near, one.course_ids, one.adaptable_ids) == (
            1,
            1,
            ("quick", "deep"),
            ("low", "close"),
        )
        assert (one.decision, one.reason) == ("train", "1 more at this level needed; 2 courses reach it.")


class TestNextJobs:
    @staticmethod
    def career(person: str, *jobs: str) -> list[dict[str, Any]]:
        return [{"employee_id": person, "spell": 1, "happened_at": AS_OF + timedelta(days=day), "job_id": job}
                for day, job in enumerate(jobs)]  # fmt: skip

    def test_moves_count_people_who_went_on_and_not_changes_within_a_job(self) -> None:
        rows = [
            *self.career("a", "x", "x", "y"),
            *self.career("b", "x", "z", "x", "y"),
            *self.career("c", "x"),
        ]
        found = moves_from(known(job_history=rows), "x")
        assert found.select("target", "n_moved", "move_share").rows() == [
            ("y", 2, pytest.approx(2 / 3)),
            ("z", 1, pytest.approx(1 / 3)),
        ]

    def test_public_relations_reach_the_organisations_jobs_over_their_titles(self) -> None:
        jobs = [{"job_id": "cook", "title": "Cook"}, {"job_id": "baker", "title": "Baker"},
                {"job_id": "p1", "title": "cook", "taxonomy": "onet"}, {"job_id": "p2", "title": "baker", "taxonomy": "onet"}]  # fmt: skip
        relations = pl.DataFrame({"job_id": ["p1"], "related_id": ["p2"], "rank": [3]})
        history = History(AS_OF, {**known(jobs=jobs).tables, "job_relations": relations})
        assert related_to(history, "cook")["baker"] == 3
        assert related_to(known(jobs=jobs), "cook") == {}

    def test_a_worn_path_and_a_relation_raise_a_job_by_half_and_a_quarter(self) -> None:
        distances = pl.DataFrame({"target": ["far", "y"], "distance": [0.4, 0.5]})
        moves = pl.DataFrame({"target": ["y"], "n_moved": [2], "move_share": [1.0]})
        found = next_jobs(distances, moves, {"y": 1})
        assert found.select("target", "score").rows() == [
            ("y", pytest.approx(0.5 * 1.75)),
            ("far", pytest.approx(0.6)),
        ]


class TestTrends:
    def test_demand_follows_the_jobs_of_the_day_and_supply_what_was_evidenced_then(self) -> None:
        def remember(moment: datetime) -> History:
            full = known(
                job_history=[{"employee_id": one, "spell": 1, "happened_at": AS_OF - timedelta(days=day), "job_id": "j"}
                             for one, day in (("a", 400), ("b", 100))],
                job_skills=[{"job_id": "j", "skill_id": "sql"}],
                held_skills=[{"employee_id": "a", "skill_id": "sql", "level": 3.0, "source": "assessed",
                              "happened_at": AS_OF - timedelta(days=50)}],
            )  # fmt: skip
            facts = {
                name: full[name].filter(pl.col("happened_at") < moment)
                for name in ("job_history", "held_skills")
            }
            return History(moment, {**full.tables, **facts})

        found = supply_and_demand(remember, [AS_OF - timedelta(days=200), AS_OF])
        assert found.select("demand", "supply").rows() == [(1, 0), (2, 1)]

    def test_a_direction_needs_more_than_chance(self) -> None:
        assert direction([5, 4, 3, 2, 1, 0]) == "falling"
        assert direction([1, 5, 2, 4, 3, 3]) == "steady"
