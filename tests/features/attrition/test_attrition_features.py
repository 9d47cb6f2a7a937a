"""The features of attrition: by hand, from the past alone, and the same for one moment as for many."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from features.attrition.population import FEATURE_SCHEMA, KEY, features
from features.history import history, known, latest
from features.records.facts import FACT_KEYS
from features.skills import sorting
from features.skills.levels import gaps

MOMENTS = [datetime(2021 + month // 12, 1 + month % 12, 1, tzinfo=UTC) for month in range(0, 36, 3)]
SPELL = ["employee_id", "spell"]


def test_no_fact_from_the_future_enters(careers: dict[str, pl.DataFrame]) -> None:
    as_of = MOMENTS[6]
    before = features(careers, [as_of])
    changed = {name: without_future(frame, as_of) for name, frame in careers.items()}
    assert_frame_equal(features(changed, [as_of]), before, check_exact=True)
    mutated = {name: with_other_future(frame, as_of) for name, frame in careers.items()}
    assert_frame_equal(features(mutated, [as_of]), before, check_exact=True)


def without_future(frame: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    times = [name for name in ("happened_at", "known_at", "hired_at") if name in frame.columns]
    return frame.filter(pl.all_horizontal(pl.col(name) < as_of for name in times)) if times else frame


def with_other_future(frame: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    times = [name for name in ("happened_at", "known_at", "hired_at") if name in frame.columns]
    if not times:
        return frame
    is_future = pl.any_horizontal(pl.col(name) >= as_of for name in times)
    numbers = [name for name, kind in frame.schema.items() if kind == pl.Float64]
    return frame.with_columns(
        pl.when(is_future).then(pl.col(name) * -7 + 3).otherwise(name).alias(name) for name in numbers
    )


def test_a_fact_that_happened_or_was_known_at_the_very_moment_does_not_count() -> None:
    as_of = datetime(2022, 1, 1, tzinfo=UTC)
    earlier = as_of - timedelta(days=100)
    for happened, known_at in ((as_of, earlier), (earlier, as_of), (as_of, as_of)):
        row = features(one_person(happened, known_at), [as_of])
        assert row["rating"].to_list() == [3.0]
    just_before = as_of - timedelta(microseconds=1)
    assert features(one_person(just_before, just_before), [as_of])["rating"].to_list() == [5.0]


def one_person(happened: datetime, known_at: datetime) -> dict[str, pl.DataFrame]:
    hired = datetime(2021, 1, 1, tzinfo=UTC)
    return {
        "employees": pl.DataFrame({"employee_id": ["e"], "spell": [1], "hired_at": [hired], "known_at": [hired]}),
        "job_history": pl.DataFrame({"employee_id": ["e", "e"], "spell": [1, 1], "happened_at": [hired, happened],
                                     "known_at": [hired, known_at], "rating": [3.0, 5.0], "job_id": ["j", "j"]}),
    }  # fmt: skip


def test_offline_features_equal_online_features_exactly(careers: dict[str, pl.DataFrame]) -> None:
    offline = features(careers, MOMENTS)
    assert offline.height > 700
    for as_of in MOMENTS:
        online = features(careers, [as_of])
        assert_frame_equal(online, offline.filter(pl.col("as_of") == as_of), check_exact=True)


def test_the_features_of_one_person_equal_their_row_among_everybody(careers: dict[str, pl.DataFrame]) -> None:
    everybody = features(careers, MOMENTS[5:7])
    person = everybody["employee_id"][3]
    alone = features(careers, MOMENTS[5:7], [person])
    assert_frame_equal(alone, everybody.filter(pl.col("employee_id") == person), check_exact=True)


@pytest.mark.parametrize("as_of", MOMENTS[2::3])
def test_the_state_equals_the_latest_known_fact_of_the_history(
    careers: dict[str, pl.DataFrame], as_of: datetime
) -> None:
    found = features(careers, [as_of]).select(*SPELL, "rating")
    held = latest(known(careers["job_history"], as_of, SPELL), SPELL).select(*SPELL, expected="rating")
    both = found.join(held, SPELL, "left")
    assert both["rating"].to_list() == both["expected"].to_list()


@pytest.mark.parametrize("as_of", MOMENTS[1::4])
def test_learning_hours_equal_a_count_by_hand(careers: dict[str, pl.DataFrame], as_of: datetime) -> None:
    events = known(careers["learning_events"], as_of, ["event_id"])
    recent = events.filter(pl.col("happened_at") >= as_of - timedelta(days=365))
    expected = recent.group_by("employee_id").agg(expected=pl.col("hours").sum())
    both = features(careers, [as_of]).join(expected, "employee_id", "left").fill_null(0.0)
    assert both["learning_hours_365_days"].to_list() == both["expected"].to_list()


def test_every_number_of_one_career_is_the_one_worked_out_by_hand() -> None:
    day = datetime(2022, 1, 1, tzinfo=UTC)
    names = ["boss", "a", "b", "c", "d", "e", "left"]
    hired = [day - timedelta(days=800)] * 7
    rows = [
        (name, 1, hired[0], hired[0], "j", None if name == "boss" else "boss", 100.0, "EUR") for name in names
    ]
    rows.append(("a", 1, day - timedelta(days=50), day - timedelta(days=50), "j2", "b", 150.0, "EUR"))
    rows.append(("b", 1, day - timedelta(days=90), day - timedelta(days=90), "j", "boss", 120.0, "EUR"))
    columns = [
        "employee_id",
        "spell",
        "happened_at",
        "known_at",
        "job_id",
        "manager_id",
        "pay_amount",
        "pay_currency",
    ]
    records = {
        "employees": pl.DataFrame({"employee_id": names, "spell": [1] * 7, "hired_at": hired, "known_at": hired}),
        "job_history": pl.DataFrame(rows, schema=columns, orient="row"),
        "exits": pl.DataFrame({"employee_id": ["left"], "spell": [1], "happened_at": [day - timedelta(days=10)],
                               "known_at": [day - timedelta(days=9)], "reason_class": ["voluntary"]}),
        "jobs": pl.DataFrame({"job_id": ["j", "j2"], "grade": [1.0, 2.0]}),
    }  # fmt: skip
    found = {row["employee_id"]: row for row in features(records, [day]).iter_rows(named=True)}
    assert "left" not in found
    a, b, boss = found["a"], found["b"], found["boss"]
    assert (a["tenure_days"], a["days_in_job"], a["days_since_promotion"]) == (800, 50, 50)
    assert (a["days_since_manager_change"], a["manager_changes_365_days"]) == (50, 1)
    assert (b["days_since_move"], b["days_since_manager_change"]) == (800, 800)
    assert b["pay_to_job_median"] == pytest.approx(1.2)  # five in the job: 100, 100, 100, 100, 120
    assert a["pay_to_job_median"] is None  # alone in the job: nobody to compare with
    assert b["pay_growth_excess"] == pytest.approx(0.2)  # the median growth of the job is 0
    assert b["team_exit_share_180_days"] == pytest.approx(1 / 5)  # one left, b, c, d, e are there
    assert b["team_exit_share_90_days"] == pytest.approx(1 / 5)
    assert (boss["span_of_control"], b["span_of_control"], boss["team_size"]) == (4, 1, None)


def test_the_mean_of_all_answers_forgets_what_was_corrected_and_knows_nothing_too_soon() -> None:
    day = datetime(2022, 1, 1, tzinfo=UTC)
    asked = [day + timedelta(days=100 * number) for number in range(4)]
    told = [
        (asked[0], 1, 4.0),
        (asked[0], 20, 2.0),
        (asked[1], 5, 5.0),
        (asked[2], 5, None),
        (asked[3], 5, 3.0),
        (asked[3], 9, None),
    ]
    records = one_person(day - timedelta(days=1), day - timedelta(days=1)) | {
        "surveys": pl.DataFrame({
            "employee_id": ["e"] * 6, "item": ["engagement"] * 6, "happened_at": [at for at, _, _ in told],
            "known_at": [at + timedelta(days=late) for at, late, _ in told], "value": [value for _, _, value in told],
            "scale_low": [1.0] * 6, "scale_high": [5.0] * 6,
        })
    }  # fmt: skip
    moments = [asked[0], *(at + timedelta(days=late, seconds=1) for at, late, _ in told)]
    found = features(records, moments).sort("as_of")
    means = found["engagement_mean_share"].to_list()
    assert means == [None, 0.75, 0.25, 0.625, 0.625, pytest.approx(1.75 / 3), 0.625]
    assert found["engagement_share"].to_list() == [None, 0.75, 0.25, 1.0, None, 0.5, None]


def test_who_else_answered_changes_no_digit_of_a_mean(careers: dict[str, pl.DataFrame]) -> None:
    thirds = careers["surveys"].with_columns(scale_high=pl.lit(4.0))  # shares that no binary number holds
    name = careers["surveys"]["employee_id"].max()
    alone = features({**careers, "surveys": thirds.filter(pl.col("employee_id") == name)}, MOMENTS)
    among = features({**careers, "surveys": thirds}, MOMENTS)
    own = pl.col("employee_id") == name
    assert_frame_equal(alone.filter(own), among.filter(own), check_exact=True)
    assert among.filter(own)["satisfaction_mean_share"].count() > 1


def test_paths_open_are_the_jobs_that_people_move_to_from_the_present_one() -> None:
    day = datetime(2022, 1, 1, tzinfo=UTC)
    hired, moved = day - timedelta(days=800), day - timedelta(days=50)
    rows = [
        ("a", 1, hired, hired, "j"),
        ("b", 1, hired, hired, "j"),
        ("b", 1, moved, moved, "j2"),
        ("c", 1, hired, hired, None),
    ]
    records = {
        "employees": pl.DataFrame({"employee_id": ["a", "b", "c"], "spell": [1] * 3, "hired_at": [hired] * 3, "known_at": [hired] * 3}),
        "job_history": pl.DataFrame(rows, schema=["employee_id", "spell", "happened_at", "known_at", "job_id"], orient="row"),
        "job_relations": pl.DataFrame({"job_id": ["j", "j", "j3"], "related_id": ["j2", "j3", "j"]}),
    }  # fmt: skip
    assert features(records, [day])["paths_open"].to_list() == [2.0, 0.0, None]
    del records["job_relations"]
    assert features(records, [day])["paths_open"].to_list() == [None, None, None]


def test_an_exit_known_late_keeps_the_person_in_the_panel_until_it_is_known() -> None:
    hired, left = datetime(2021, 1, 1, tzinfo=UTC), datetime(2021, 6, 1, tzinfo=UTC)
    known_at = datetime(2021, 8, 1, tzinfo=UTC)
    records = one_person(hired + timedelta(days=1), hired + timedelta(days=1)) | {
        "exits": pl.DataFrame({"employee_id": ["e"], "spell": [1], "happened_at": [left], "known_at": [known_at],
                               "reason_class": ["voluntary"]})
    }  # fmt: skip
    assert features(records, [known_at]).height == 1
    assert features(records, [known_at + timedelta(seconds=1)]).height == 0


def test_no_protected_attribute_is_among_the_features() -> None:
    words = {part for name in FEATURE_SCHEMA for part in name.split("_")}
    assert not words & {"sex", "gender", "age", "birth", "ethnicity", "disability", "religion", "nationality"}


def test_the_features_of_nobody_are_an_empty_table() -> None:
    empty = features({}, [datetime(2022, 1, 1, tzinfo=UTC)])
    assert empty.columns == [*KEY, *FEATURE_SCHEMA]
    assert empty.height == 0


def test_the_gap_is_the_mean_of_the_gaps_that_each_person_is_told(careers: dict[str, pl.DataFrame]) -> None:
    as_of = MOMENTS[8]
    told = gaps(history(careers, as_of, FACT_KEYS))
    weight = pl.col("importance")
    mean = told.group_by("employee_id").agg(told=(pl.col("gap") * weight).sum() / weight.sum())
    both = features(careers, [as_of]).join(mean, "employee_id", "left")
    assert both["told"].count() > 20
    assert both["skill_gap_levels"].to_list() == pytest.approx(both["told"].to_list(), nan_ok=True)


def test_a_gap_follows_what_was_corrected_to_another_course_or_another_end(
    careers: dict[str, pl.DataFrame],
) -> None:
    """What a correction makes of a completion may be of no use to the job; the version before it counts no more."""
    as_of = MOMENTS[8]
    events = careers["learning_events"].filter(pl.col("event_id").str.ends_with("-0"))  # one of each person
    known = pl.col("known_at") + pl.duration(days=1)
    number = pl.int_range(pl.len()) % 4
    corrected = events.with_columns(
        course_id=pl.when(number == 0).then(pl.lit("of no use")).otherwise("course_id"),
        kind=pl.when(number == 1).then(pl.lit("started")).otherwise("kind"),
        known_at=known,
    ).filter(number < 3)
    first = events.with_columns(
        course_id=pl.when(number == 2).then(pl.lit("of no use")).otherwise("course_id")
    )
    records = {**careers, "learning_events": pl.concat([first, corrected])}
    told = gaps(history(records, as_of, FACT_KEYS))
    weight = pl.col("importance")
    mean = told.group_by("employee_id").agg(told=(pl.col("gap") * weight).sum() / weight.sum())
    both = features(records, [as_of]).join(mean, "employee_id", "left")
    assert both["skill_gap_levels"].to_list() == pytest.approx(both["told"].to_list(), nan_ok=True)
    before = features({**careers, "learning_events": events}, [as_of])
    assert not both["skill_gap_levels"].equals(before["skill_gap_levels"])


def test_what_is_told_of_strangers_and_of_skills_that_no_job_asks_for_changes_nothing(
    careers: dict[str, pl.DataFrame],
) -> None:
    told = {
        name: pl.concat(
            [careers[name], careers[name].with_columns(pl.lit("a stranger").alias("employee_id"))]
        )
        for name in ("surveys", "learning_events")
    }
    told["learning_events"] = told["learning_events"].with_columns(
        pl.int_range(pl.len()).cast(pl.String).alias("event_id")
    )
    tags = careers["course_skills"]
    told["course_skills"] = pl.concat([tags, tags.with_columns(pl.lit("no job's").alias("skill_id"))])
    assert_frame_equal(features({**careers, **told}, MOMENTS), features(careers, MOMENTS), check_exact=True)


COLUMNS_OF_TABLE = {
    "surveys": {"satisfaction_share", "satisfaction_mean_share", "satisfaction_change", "days_since_survey"},
    "learning_events": {"learning_hours_365_days", "completions_365_days", "skill_gap_levels"},
    "courses": {
        "skill_gap_levels"
    },  # what a course teaches where its skill does not say; its hours where an event has none
    "course_skills": {"skill_gap_levels"},
    "jobs": {"grade", "days_since_promotion"},
    "job_skills": {"skill_gap_levels"},
    "exits": {"team_exit_share_90_days", "team_exit_share_180_days"},
}


AMONG_PEERS = {
    "pay_to_job_median",
    "pay_growth_excess",
    "team_size",
    "span_of_control",
}  # who left is no peer any more


@pytest.mark.parametrize("table", sorted(COLUMNS_OF_TABLE))
def test_a_table_that_is_missing_costs_its_own_features_and_no_other(
    careers: dict[str, pl.DataFrame], table: str
) -> None:
    stayers = careers["employees"].join(careers["exits"], SPELL, "anti")["employee_id"].to_list()
    without = {name: frame for name, frame in careers.items() if name != table}
    before, after = (
        features(records, MOMENTS).filter(pl.col("employee_id").is_in(stayers))
        for records in (careers, without)
    )
    moved = {name for name in FEATURE_SCHEMA if not before[name].equals(after[name], null_equal=True)}
    assert moved <= COLUMNS_OF_TABLE[table] | (AMONG_PEERS if table == "exits" else set())
    assert moved or table == "courses"


def test_many_people_are_put_in_order_by_number_and_told_the_same(
    careers: dict[str, pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = features(careers, MOMENTS)
    monkeypatch.setattr(sorting, "MANY", 0)
    assert_frame_equal(features(careers, MOMENTS), few, check_exact=True)
