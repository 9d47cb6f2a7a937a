"""Learning paths: what could stand in a step's place, what stays short and why, and hours spent well."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from features.recommendation.catalogue import Catalogue
from features.recommendation.catalogue_building import build_catalogue
from features.recommendation.gap_value import needs_of
from features.recommendation.learning_path import LearningPath, Shortage, learning_path

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Rows = list[tuple[str, str, float]]


def catalogue_of(
    taught: Rows, asked: Rows, hours: dict[str, float], pairs: list[tuple[str, str]] | None = None
) -> Catalogue:
    """Return a catalogue of (course, skill, level), (job, skill, level), hours and (course, prerequisite)."""
    names = sorted(hours)
    return build_catalogue(
        {
            "courses": pl.DataFrame(
                {"course_id": names, "title": names, "hours": [float(hours[one]) for one in names]}
            ),
            "course_skills": pl.DataFrame(
                taught,
                schema={"course_id": pl.String, "skill_id": pl.String, "level": pl.Float64},
                orient="row",
            ).with_columns(source=pl.lit("given"), confidence=pl.lit(1.0)),
            "course_prerequisites": pl.DataFrame(
                pairs or [], schema={"course_id": pl.String, "prerequisite_id": pl.String}, orient="row"
            ),
            "job_skills": pl.DataFrame(
                asked, schema={"job_id": pl.String, "skill_id": pl.String, "level": pl.Float64}, orient="row"
            ).with_columns(
                importance=pl.lit(1.0),
                source=pl.lit("given"),
                required_from=pl.lit(None, dtype=pl.Datetime("us", "UTC")),
            ),
        },
        NOW,
    )


def path_of(
    catalogue: Catalogue,
    hours: float = float("inf"),
    closed: tuple[str, ...] = (),
    done: tuple[str, ...] = (),
) -> LearningPath:
    """Return the path of somebody who holds nothing."""
    allowed = np.array([name not in closed for name in catalogue.course_ids])
    completed = frozenset(catalogue.course_index[name] for name in done)
    return learning_path(catalogue, needs_of(catalogue.jobs["job"], {}), allowed, completed, hours)


def test_an_alternative_adds_all_that_the_step_adds() -> None:
    taught = [("a", "x", 3.0), ("a", "y", 2.0), ("b", "x", 3.0), ("b", "y", 3.0), ("c", "x", 3.0), ("d", "x", 5.0),
              ("d", "y", 2.0)]  # fmt: skip
    asked = [("job", "x", 3.0), ("job", "y", 2.0)]
    catalogue = catalogue_of(taught, asked, {"a": 1, "b": 3, "c": 2, "d": 9})
    step = path_of(catalogue).steps[0]
    assert [catalogue.course_ids[one] for one in (step.course, *step.alternatives)] == ["a", "b", "d"]
    assert path_of(catalogue, hours=4.0).steps[0].alternatives == (1,)  # d would take too long


def test_a_prerequisite_has_no_alternative_and_none_asks_for_what_is_missing() -> None:
    taught = [("a", "x", 3.0), ("b", "x", 3.0), ("c", "x", 3.0)]
    catalogue = catalogue_of(
        taught, [("job", "x", 3.0)], {"a": 1, "b": 2, "c": 9, "p": 1, "q": 1}, [("a", "p"), ("b", "q")]
    )
    path = path_of(catalogue)
    names = [[catalogue.course_ids[one] for one in (step.course, *step.alternatives)] for step in path.steps]
    assert names == [["p"], ["a", "c"]]


@pytest.mark.parametrize(
    ("taught", "settings", "why"),
    [
        ([("a", "y", 3.0)], {}, Shortage.NO_COURSE),
        ([("a", "x", 2.0)], {}, Shortage.BEYOND_CATALOGUE),
        ([("a", "x", 3.0)], {"closed": ("a",)}, Shortage.NOT_OPEN),
        ([("b", "x", 3.0)], {"closed": ("a",)}, Shortage.PREREQUISITE),
        ([("a", "x", 3.0)], {"done": ("a",)}, Shortage.COMPLETED),
        ([("a", "x", 3.0)], {"hours": 0.5}, Shortage.HOURS),
    ],
)
def test_what_stays_short_says_why(taught: Rows, settings: dict[str, object], why: Shortage) -> None:
    catalogue = catalogue_of(taught, [("job", "x", 3.0)], {"a": 1, "b": 1}, [("b", "a")])
    (short,) = path_of(catalogue, **settings).short  # type: ignore[arg-type]
    assert short.why is why
    assert short.is_uncovered == (why is not Shortage.HOURS)


def test_hours_go_to_one_long_course_where_that_closes_more() -> None:
    taught = [("short", "x", 2.0), ("long", "y", 5.0)]
    asked = [("job", "x", 5.0), ("job", "y", 5.0)]
    catalogue = catalogue_of(taught, asked, {"short": 1, "long": 10})
    chosen = [catalogue.course_ids[step.course] for step in path_of(catalogue, hours=10.0).steps]
    assert chosen == ["long"]  # by value per hour alone the short one would leave no room for it
