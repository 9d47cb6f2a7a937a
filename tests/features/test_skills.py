"""What people can do and what they lack: every number here was worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from features.history import History
from features.skills.levels import SHAPES, gaps, held_levels, required_levels, strengths

AS_OF = datetime(2024, 1, 1, tzinfo=UTC)


def ago(days: int) -> datetime:
    return AS_OF - timedelta(days=days)


def table(name: str, *rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(
        [{column: row.get(column) for column in SHAPES[name]} for row in rows], schema=SHAPES[name]
    )


def known(**tables: list[dict[str, Any]]) -> History:
    return History(AS_OF, {name: table(name, *rows) for name, rows in tables.items()})


def evidence(level: float, source: str, days: int, skill: str = "sql", person: str = "ann") -> dict[str, Any]:
    return {
        "employee_id": person,
        "skill_id": skill,
        "level": level,
        "source": source,
        "happened_at": ago(days),
    }


def completion(course: str, days: int, person: str = "ann", kind: str = "completed") -> dict[str, Any]:
    return {"employee_id": person, "course_id": course, "kind": kind, "happened_at": ago(days)}


TEACHES_SQL_TO_4 = [{"course_id": "c", "skill_id": "sql", "level": 4.0, "source": "given"}]


def only(frame: pl.DataFrame) -> dict[str, Any]:
    return frame.row(0, named=True) if frame.height == 1 else pytest.fail(f"one row expected: {frame}")


class TestHeldLevels:
    def test_nobody_holds_anything_where_there_is_no_evidence(self) -> None:
        held = held_levels(known())
        assert held.is_empty()
        assert held.columns[:6] == [
            "employee_id",
            "skill_id",
            "level",
            "source",
            "evidenced_at",
            "confidence",
        ]

    def test_a_failed_or_started_course_raises_nothing(self) -> None:
        events = [completion("c", 3, kind="failed"), completion("c", 2, kind="started")]
        assert held_levels(known(learning_events=events, course_skills=TEACHES_SQL_TO_4)).is_empty()

    def test_a_skill_tag_that_a_person_rejected_is_not_taught(self) -> None:
        rejected = [{**TEACHES_SQL_TO_4[0], "source": "rejected"}]
        assert held_levels(known(learning_events=[completion("c", 3)], course_skills=rejected)).is_empty()

    @pytest.mark.parametrize(
        ("better", "worse"),
        [("assessed", "manager"), ("manager", "peer"), ("peer", "inferred"), ("inferred", "self")],
    )
    def test_the_better_source_is_believed_although_the_worse_is_newer(self, better: str, worse: str) -> None:
        held = only(held_levels(known(held_skills=[evidence(2, better, 200), evidence(5, worse, 1)])))
        assert (held["level"], held["source"], held["evidenced_at"]) == (2.0, better, ago(200))

    def test_an_assessment_past_its_half_life_gives_way_to_a_fresh_manager(self) -> None:
        held = only(
            held_levels(known(held_skills=[evidence(5, "assessed", 1100), evidence(2, "manager", 10)]))
        )
        assert (held["level"], held["source"]) == (2.0, "manager")

    def test_where_all_evidence_is_old_the_better_source_is_believed(self) -> None:
        held = only(
            held_levels(known(held_skills=[evidence(5, "assessed", 1100), evidence(2, "manager", 800)]))
        )
        assert held["source"] == "assessed"

    def test_the_newer_of_two_assessments_counts(self) -> None:
        held = only(
            held_levels(known(held_skills=[evidence(1, "assessed", 20), evidence(3, "assessed", 10)]))
        )
        assert held["level"] == 3.0

    def test_confidence_is_halved_after_the_half_life_of_its_source(self) -> None:
        held = only(held_levels(known(held_skills=[evidence(3, "peer", 730)])))
        assert held["confidence"] == pytest.approx(0.65 / 2)
        assert held["level"] == 3.0

    def test_a_completed_course_raises_the_level_to_what_it_teaches(self) -> None:
        history = known(
            held_skills=[evidence(2, "assessed", 50)],
            learning_events=[completion("c", 10)],
            course_skills=TEACHES_SQL_TO_4,
        )
        held = only(held_levels(history))
        assert (held["level"], held["source"], held["evidence"]) == (4.0, "completed", "c")
        assert held["evidenced_at"] == ago(10)

    def test_a_completed_course_never_lowers_a_level(self) -> None:
        history = known(
            held_skills=[evidence(5, "self", 50)],
            learning_events=[completion("c", 10)],
            course_skills=TEACHES_SQL_TO_4,
        )
        assert only(held_levels(history))["level"] == 5.0

    def test_an_assessment_after_the_course_has_the_last_word(self) -> None:
        history = known(
            held_skills=[evidence(2, "assessed", 5)],
            learning_events=[completion("c", 10)],
            course_skills=TEACHES_SQL_TO_4,
        )
        assert only(held_levels(history))["level"] == 2.0

    def test_a_self_rating_after_the_course_does_not_overrule_it(self) -> None:
        history = known(
            held_skills=[evidence(1, "self", 5)],
            learning_events=[completion("c", 10)],
            course_skills=TEACHES_SQL_TO_4,
        )
        assert only(held_levels(history))["level"] == 4.0

    def test_a_course_that_names_no_level_teaches_to_its_own_level_or_two(self) -> None:
        history = known(
            learning_events=[completion("c", 10), completion("d", 10)],
            course_skills=[{"course_id": "c", "skill_id": "sql"}, {"course_id": "d", "skill_id": "go"}],
            courses=[{"course_id": "c", "level": 3.0}, {"course_id": "d"}],
        )
        assert dict(held_levels(history).select("skill_id", "level").iter_rows()) == {"sql": 3.0, "go": 2.0}

    def test_only_the_people_asked_for_are_answered(self) -> None:
        history = known(held_skills=[evidence(1, "self", 5), evidence(2, "self", 5, person="bob")])
        assert held_levels(history, ["bob"])["employee_id"].to_list() == ["bob"]


class TestRequiredLevels:
    def test_a_job_without_requirements_or_namesake_has_no_rows(self) -> None:
        assert required_levels(known(jobs=[{"job_id": "j", "title": "Wizard"}])).is_empty()

    def test_rejected_and_future_requirements_do_not_count(self) -> None:
        rejected = {"job_id": "j", "skill_id": "a", "source": "rejected"}
        future = {"job_id": "j", "skill_id": "b", "required_from": AS_OF + timedelta(days=1)}
        assert required_levels(known(job_skills=[rejected, future])).is_empty()

    def test_given_requirements_keep_their_level_and_importance(self) -> None:
        given = {"job_id": "j", "skill_id": "a", "level": 4.0, "importance": 0.9, "source": "given"}
        assert only(required_levels(known(job_skills=[given]))) == given

    def test_a_job_without_requirements_takes_those_of_the_occupation_of_its_title(self) -> None:
        history = known(
            jobs=[
                {"job_id": "j", "title": "Data-Analyst"},
                {"job_id": "esco:1", "title": "data analyst", "taxonomy": "esco"},
            ],
            job_skills=[{"job_id": "esco:1", "skill_id": "sql", "source": "given"}],
        )
        linked = required_levels(history).filter(pl.col("job_id") == "j")
        assert only(linked) == {
            "job_id": "j",
            "skill_id": "sql",
            "level": 3.0,
            "importance": 0.5,
            "source": "linked",
        }

    def test_an_alias_links_too_but_given_requirements_win(self) -> None:
        history = known(
            jobs=[{"job_id": "j", "title": "BI analyst"}, {"job_id": "k", "title": "BI analyst"},
                  {"job_id": "e", "title": "data analyst", "taxonomy": "esco"}],
            job_aliases=[{"job_id": "e", "alias": "bi analyst"}],
            job_skills=[{"job_id": "e", "skill_id": "sql"}, {"job_id": "k", "skill_id": "dax"}],
        )  # fmt: skip
        pairs = required_levels(history).select("job_id", "skill_id", "source").rows()
        assert pairs == [("e", "sql", "given"), ("j", "sql", "linked"), ("k", "dax", "given")]


class TestGaps:
    HISTORY = known(
        job_history=[{"employee_id": "ann", "spell": 1, "happened_at": ago(900), "job_id": "j"}],
        job_skills=[
            {"job_id": "j", "skill_id": "sql", "level": 3.0, "importance": 1.0},
            {"job_id": "j", "skill_id": "go", "level": 4.0, "importance": 0.5},
            {"job_id": "k", "skill_id": "sql", "level": 5.0, "importance": 1.0},
        ],
        held_skills=[
            evidence(3.5, "assessed", 9),
            evidence(1, "peer", 9, "go"),
            evidence(4, "peer", 9, "chess"),
        ],
        skills=[{"skill_id": "go", "name": "Go"}],
    )

    def test_somebody_who_left_has_no_current_job_and_so_no_gaps(self) -> None:
        left = History(
            AS_OF, {**self.HISTORY.tables, "exits": table("exits", {"employee_id": "ann", "spell": 1})}
        )
        assert gaps(left).is_empty()

    def test_a_gap_is_required_minus_held_and_never_below_zero(self) -> None:
        found = gaps(self.HISTORY).select("skill_id", "required_level", "held_level", "gap").rows()
        assert found == [("go", 4.0, 1.0, 3.0), ("sql", 3.0, 3.5, 0.0)]

    def test_a_skill_without_evidence_is_held_at_zero_and_says_so(self) -> None:
        row = only(gaps(self.HISTORY, ["bob"], {"bob": "k"}))
        assert (row["held_level"], row["gap"], row["source"], row["evidenced_at"]) == (0.0, 5.0, None, None)

    def test_a_target_job_replaces_the_current_one(self) -> None:
        row = only(gaps(self.HISTORY, ["ann"], {"ann": "k"}))
        assert (row["job_id"], row["gap"], row["skill_name"]) == ("k", 1.5, "sql")

    def test_strengths_are_what_exceeds_the_job_and_what_is_advanced_beside_it(self) -> None:
        found = strengths(self.HISTORY).select("skill_id", "held_level", "required_level", "surplus").rows()
        assert found == [("chess", 4.0, None, 4.0), ("sql", 3.5, 3.0, 0.5)]
