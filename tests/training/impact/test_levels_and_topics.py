"""What people answered about a course: four levels with intervals, few voices withheld, comments in topics."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from features.history import History
from features.impact.comments import NO_TOPIC, Topics, comments
from features.impact.evaluations import answers
from training.impact.telling.levels import by_course, first_three
from training.impact.telling.topics import topics

START = datetime(2025, 1, 1, tzinfo=UTC)
SAID: dict[str, pl.DataType | type[pl.DataType]] = {"employee_id": pl.String, "course_id": pl.String, "happened_at": pl.Datetime("us", "UTC"), "stage": pl.String,
        "rater": pl.String, "rating": pl.Float64, "comment": pl.String}  # fmt: skip
DONE: dict[str, pl.DataType | type[pl.DataType]] = {"employee_id": pl.String, "course_id": pl.String, "kind": pl.String, "happened_at": pl.Datetime("us", "UTC"),
        "rating": pl.Float64, "score_share": pl.Float64}  # fmt: skip


def on(day: int) -> datetime:
    return START + timedelta(days=day)


def answer(
    number: int, day: int, rating: float | None, comment: str | None = None, **rest: Any
) -> dict[str, Any]:
    return {"employee_id": f"E{number}", "course_id": "C", "happened_at": on(day), "stage": "behaviour", "rater": "employee",
            "rating": rating, "comment": comment, **rest}  # fmt: skip


def known(said: list[dict[str, Any]], completed: int = 30) -> History:
    """Return 200 days in which so many people completed course C on the first."""
    done = [{"employee_id": f"E{n}", "course_id": "C", "kind": "completed", "happened_at": on(0), "rating": None,
             "score_share": 0.5 + n / 100} for n in range(completed)]  # fmt: skip
    return History(
        on(200), {"evaluations": pl.DataFrame(said, schema=SAID), "learning_events": pl.DataFrame(done, schema=DONE)}
    )  # fmt: skip


def test_the_third_level_is_what_people_and_managers_see_at_work() -> None:
    own = [answer(n, 95, 4.0 if n < 9 else 2.0) for n in range(12)]
    boss = [answer(n, 95, 3.0, rater="manager") for n in range(11)]
    found = by_course(known([*own, *boss]))["C"]["behaviour"]
    assert found["people_due"] == 30
    assert found["employee"]["people"] == 12
    # (9 · 4 + 3 · 2) / 12, with spread 0.905 and Student's 2.201 at 11 degrees of freedom
    assert found["employee"]["mean_rating"]["value"] == pytest.approx(3.5)
    assert found["employee"]["mean_rating"]["low"] == pytest.approx(3.5 - 2.201 * 0.9045 / 12**0.5, abs=1e-3)
    assert found["employee"]["shown_share"]["value"] == pytest.approx(0.75)
    assert found["manager"]["shown_share"]["value"] == 0.0
    assert found["manager"]["shown_share"]["high"] > 0.2


def test_an_answer_given_before_any_time_at_work_does_not_count() -> None:
    early = [answer(n, 5, 5.0) for n in range(20)]
    assert by_course(known(early))["C"]["behaviour"]["employee"]["people"] is None


def test_the_last_answer_of_a_person_is_the_one_that_counts() -> None:
    twice = [answer(n, day, rating) for n in range(10) for day, rating in ((30, 1.0), (95, 5.0))]
    found = by_course(known(twice))["C"]["behaviour"]["employee"]
    assert (found["people"], found["mean_rating"]["value"]) == (10, 5.0)


def test_nine_voices_are_withheld_and_ten_are_told() -> None:
    for count, told in ((9, None), (10, 10)):
        said = [answer(n, 0, 4.0, stage="reaction") for n in range(count)]
        found = by_course(known(said))["C"]["reaction"]
        assert found["people"] == told
        assert (found["mean_rating"] is None) == (told is None)


def test_who_failed_and_then_passed_did_not_fail() -> None:
    events = known([], completed=10)["learning_events"].with_columns(kind=pl.lit("failed"))
    again = events.head(5).with_columns(kind=pl.lit("passed"), happened_at=pl.lit(on(3)))
    now = History(
        on(10), {"evaluations": pl.DataFrame(schema=SAID), "learning_events": pl.concat([events, again])}
    )
    share = by_course(now)["C"]["learning"]["passed_share"]
    assert share["value"] == pytest.approx(0.5)


def test_only_what_came_since_the_start_belongs_to_a_programme() -> None:
    frame = answers(known([answer(1, 95, 4.0)]), since=on(50))
    assert set(frame["measure"]) == {"behaviour_employee"}


def test_a_course_without_any_voice_has_levels_without_figures() -> None:
    found = first_three({})
    assert found["reaction"] == {"people": None, "withheld": "fewer than 10 people", "mean_rating": None}
    assert found["behaviour"]["people_due"] is None


TEXTS = ("the trainer explained everything with patience", "platform crashed during quiz and videos")


def voices(people: int, seed: int = 7) -> History:
    rng = np.random.default_rng(seed)
    said = [
        answer(n, 95, 3.0, f"{TEXTS[n % 2]} {'honestly' if rng.random() < 0.5 else ''}")
        for n in range(people)
    ]
    return known(said)


def test_topics_find_what_people_speak_of() -> None:
    now = voices(80)
    stored = topics(now)
    assert stored is not None
    model = Topics.of(stored)
    best, much = model.assigned([*TEXTS, "quarterly budget"])
    assert best[0] != best[1]
    assert set(model.leading(int(best[0]))) <= set(TEXTS[0].split())
    assert set(model.leading(int(best[1]))) <= {*TEXTS[1].split(), "honestly"}
    assert (best[2], much[2]) == (NO_TOPIC, 0.0)


def test_a_word_of_fewer_than_ten_people_is_in_no_payload() -> None:
    rare = [answer(100 + n, 95, 3.0, "platform and Wilhelmina") for n in range(9)]
    now = voices(80)
    both = pl.concat([now["evaluations"], pl.DataFrame(rare, schema=SAID)])
    stored = topics(History(now.as_of, {**now.tables, "evaluations": both}))
    assert stored is not None
    assert "platform" in stored["words"]
    assert "wilhelmina" not in stored["words"]
    one = [answer(500, day, 3.0, "platform and Wilhelmina") for day in range(20, 60)]
    again = pl.concat([now["evaluations"], pl.DataFrame(one, schema=SAID)])
    stored = topics(History(now.as_of, {**now.tables, "evaluations": again}))
    assert stored is not None
    assert "wilhelmina" not in stored["words"]


def test_too_few_comments_have_no_topics() -> None:
    assert topics(voices(19)) is None
    assert topics(known([])) is None


def test_an_empty_comment_is_no_comment() -> None:
    assert comments(known([answer(1, 95, 3.0, "  "), answer(2, 95, 3.0, None)])).is_empty()
