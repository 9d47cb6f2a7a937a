"""How sure held levels are, scales of other sources, and requirements that hold later: worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from features.errors import BadInputError
from features.history import History
from features.skills.levels import SHAPES, held_levels, required_levels
from features.skills.required import future_levels
from features.skills.scales import NUMBERS, SCALES, WORDS, level_of
from features.skills.uncertainty import Z_80, with_uncertainty

AS_OF = datetime(2024, 1, 1, tzinfo=UTC)


def known(**tables: list[dict[str, Any]]) -> History:
    return History(AS_OF, {
        name: pl.DataFrame([{column: row.get(column) for column in SHAPES[name]} for row in rows], schema=SHAPES[name])
        for name, rows in tables.items()
    })  # fmt: skip


def evidence(level: float, source: str, days: int) -> dict[str, Any]:
    return {"employee_id": "ann", "skill_id": "sql", "level": level, "source": source,
            "happened_at": AS_OF - timedelta(days=days)}  # fmt: skip


def judged(*rows: dict[str, Any]) -> dict[str, Any]:
    history = known(held_skills=list(rows))
    return with_uncertainty(history, held_levels(history)).row(0, named=True)


class TestUncertainty:
    def test_nobody_with_evidence_gives_no_rows(self) -> None:
        history = known()
        assert with_uncertainty(history, held_levels(history)).is_empty()

    def test_a_test_of_today_is_believed_within_half_a_level(self) -> None:
        row = judged(evidence(3, "assessed", 0))
        assert (row["low"], row["high"]) == (pytest.approx(3 - Z_80 * 0.4), pytest.approx(3 + Z_80 * 0.4))
        assert (row["is_stale"], row["contradicted_by"]) == (False, None)

    def test_after_a_half_life_it_is_stale_and_wider_by_half_a_level(self) -> None:
        row = judged(evidence(3, "self", 366))
        assert row["is_stale"]
        assert row["spread"] == pytest.approx(1.2 + 0.5 * 366 / 365)

    def test_the_interval_stays_on_the_scale(self) -> None:
        row = judged(evidence(5, "self", 0))
        assert (row["low"] < 4, row["high"]) == (True, 5.0)

    def test_a_manager_who_says_otherwise_is_named_and_widens_the_interval(self) -> None:
        row = judged(evidence(5, "assessed", 10), evidence(1, "manager", 10), evidence(3, "self", 10))
        assert (row["level"], row["source"], row["contradicted_by"]) == (5.0, "assessed", "manager 1.0")
        assert row["spread"] == pytest.approx(2.0)

    def test_old_evidence_contradicts_nothing(self) -> None:
        assert judged(evidence(5, "assessed", 10), evidence(1, "manager", 731))["contradicted_by"] is None


class TestCompletions:
    @pytest.mark.parametrize(("score", "confidence"), [(1.0, 0.84), (0.5, 0.7), (0.0, 0.56), (None, 0.7)])
    def test_the_better_the_score_the_surer_the_taught_level(
        self, score: float | None, confidence: float
    ) -> None:
        history = known(
            learning_events=[{"employee_id": "ann", "course_id": "c", "kind": "passed", "happened_at": AS_OF, "score_share": score}],
            course_skills=[{"course_id": "c", "skill_id": "sql", "level": 4.0}],
        )  # fmt: skip
        row = held_levels(history).row(0, named=True)
        assert (row["level"], row["confidence"]) == (4.0, pytest.approx(confidence))


class TestRequirements:
    def test_what_holds_later_is_no_gap_today_and_is_listed_with_its_day(self) -> None:
        later = AS_OF + timedelta(days=90)
        history = known(job_skills=[{"job_id": "j", "skill_id": "ai", "level": 4.0, "required_from": later},
                                    {"job_id": "j", "skill_id": "no", "required_from": later, "source": "rejected"},
                                    {"job_id": "j", "skill_id": "sql", "level": 3.0}])  # fmt: skip
        assert required_levels(history)["skill_id"].to_list() == ["sql"]
        assert future_levels(history).select("skill_id", "level", "required_from").rows() == [
            ("ai", 4.0, later)
        ]

    def test_a_rejected_skill_does_not_come_back_through_the_occupation(self) -> None:
        history = known(
            jobs=[{"job_id": "j", "title": "Cook"}, {"job_id": "e", "title": "cook", "taxonomy": "esco"}],
            job_skills=[{"job_id": "e", "skill_id": "bake"}, {"job_id": "e", "skill_id": "roast"},
                        {"job_id": "j", "skill_id": "bake", "source": "rejected"}],
        )  # fmt: skip
        assert required_levels(history).filter(pl.col("job_id") == "j")["skill_id"].to_list() == ["roast"]


class TestScales:
    def test_every_scale_lies_between_nothing_and_expert(self) -> None:
        values = [level for scale in WORDS.values() for level in scale.values()]
        values += [level_of(end, scale) for scale, ends in NUMBERS.items() for end in ends[:2]]
        assert (min(values), max(values)) == (0, 5)

    @pytest.mark.parametrize(
        ("value", "scale"), [("D7", "cefr"), (8, "onet"), ("much", "percent"), (float("nan"), "ten")]
    )
    def test_what_is_not_on_the_scale_is_refused_with_what_is(self, value: float | str, scale: str) -> None:
        with pytest.raises(BadInputError, match="Allowed"):
            level_of(value, scale)

    def test_an_unknown_scale_is_refused_with_those_there_are(self) -> None:
        with pytest.raises(BadInputError, match=SCALES[0]):
            level_of(3, "furlongs")
