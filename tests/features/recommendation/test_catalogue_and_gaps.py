"""Gap values, paths and prerequisites: by hand, on random graphs, and refused where they cannot be followed."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import BadInputError
from features.recommendation.catalogue import Catalogue
from features.recommendation.catalogue_building import build_catalogue
from features.recommendation.gap_sets import best_exchange, best_set, greedy, worths
from features.recommendation.gap_value import (
    Needs,
    gains,
    gap_shares,
    gap_values,
    needs_of,
    set_value,
)
from features.recommendation.learning_path import learning_path
from features.recommendation.prerequisites import (
    in_followable_order,
    prerequisite_closure,
    prerequisite_violations,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Taught = list[tuple[str, str, float]]


def catalogue_of(
    taught: Taught,
    prerequisites: list[tuple[str, str]] | None = None,
    required: Taught | None = None,
    hours: dict[str, float] | None = None,
    eligibility: dict[str, str] | None = None,
) -> Catalogue:
    """Return a catalogue of (course, skill, level), (course, prerequisite) and (job, skill, level)."""
    pairs = prerequisites or []
    courses = sorted({course for course, *_ in taught} | {one for pair in pairs for one in pair})
    asked = required or []
    return build_catalogue(
        {
            "courses": pl.DataFrame(
                {
                    "course_id": courses,
                    "title": [course.title() for course in courses],
                    "hours": [float((hours or {}).get(course, 1.0)) for course in courses],
                    "eligibility": [(eligibility or {}).get(course) for course in courses],
                },
                schema_overrides={"course_id": pl.String, "title": pl.String, "eligibility": pl.String},
            ),
            "course_skills": pl.DataFrame(
                {
                    "course_id": [one[0] for one in taught],
                    "skill_id": [one[1] for one in taught],
                    "level": [one[2] for one in taught],
                    "source": ["given"] * len(taught),
                    "confidence": [None] * len(taught),
                },
                schema={
                    "course_id": pl.String,
                    "skill_id": pl.String,
                    "level": pl.Float64,
                    "source": pl.String,
                    "confidence": pl.Float64,
                },
            ),
            "course_prerequisites": pl.DataFrame(
                {"course_id": [a for a, _ in pairs], "prerequisite_id": [b for _, b in pairs]},
                schema={"course_id": pl.String, "prerequisite_id": pl.String},
            ),
            "job_skills": pl.DataFrame(
                {
                    "job_id": [one[0] for one in asked],
                    "skill_id": [one[1] for one in asked],
                    "level": [one[2] for one in asked],
                    "importance": [1.0] * len(asked),
                    "source": ["given"] * len(asked),
                    "required_from": [None] * len(asked),
                },
                schema={
                    "job_id": pl.String,
                    "skill_id": pl.String,
                    "level": pl.Float64,
                    "importance": pl.Float64,
                    "source": pl.String,
                    "required_from": pl.Datetime("us", "UTC"),
                },
            ),
        },
        NOW,
    )


def needs_for(catalogue: Catalogue, held: dict[str, float]) -> Needs:
    """Return the needs for the job ``analyst``."""
    return needs_of(
        catalogue.jobs["analyst"], {catalogue.skill_index[skill]: level for skill, level in held.items()}
    )


ANALYST: Taught = [("analyst", "sql", 3.0), ("analyst", "talk", 2.0)]
COURSES: Taught = [
    ("a_sql", "sql", 2.0),
    ("b_sql", "sql", 4.0),
    ("c_talk", "talk", 2.0),
    ("d_art", "art", 5.0),
]


def all_of(catalogue: Catalogue) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.ones(catalogue.size, dtype=bool)


def test_a_circle_of_prerequisites_is_refused_and_named() -> None:
    catalogue = catalogue_of(COURSES, [("a_sql", "b_sql"), ("b_sql", "c_talk"), ("c_talk", "a_sql")], ANALYST)
    with pytest.raises(BadInputError, match="'a_sql' asks for 'b_sql' asks for 'c_talk' asks for 'a_sql'"):
        prerequisite_closure(catalogue, catalogue.course_index["a_sql"], frozenset())
    with pytest.raises(BadInputError, match="circle"):
        learning_path(catalogue, needs_for(catalogue, {}), all_of(catalogue), frozenset())


def test_a_course_that_asks_for_itself_is_a_circle_too() -> None:
    catalogue = catalogue_of(COURSES, [("a_sql", "a_sql")], ANALYST)
    with pytest.raises(BadInputError, match="'a_sql' asks for 'a_sql'"):
        prerequisite_closure(catalogue, 0, frozenset())


def test_a_circle_elsewhere_does_not_stop_a_path_that_avoids_it() -> None:
    catalogue = catalogue_of(COURSES, [("d_art", "d_art")], ANALYST)
    path = learning_path(catalogue, needs_for(catalogue, {}), all_of(catalogue), frozenset())
    assert path.steps[-1].closed_share == pytest.approx(1.0)


def test_an_empty_catalogue_closes_nothing_and_says_what_stays_open() -> None:
    catalogue = catalogue_of([], [], ANALYST)
    path = learning_path(catalogue, needs_for(catalogue, {"sql": 1.0}), all_of(catalogue), frozenset())
    assert path.steps == ()
    assert path.uncovered == ((0, 1.0), (1, 0.0))


def test_the_value_of_a_course_is_importance_times_coverage_times_level_gained() -> None:
    catalogue = catalogue_of(COURSES, required=ANALYST)
    needs = needs_for(catalogue, {"sql": 1.0})
    # sql: held 1, required 3: a reaches 2 (gains 1), b reaches 4, counted to 3 (gains 2); talk: 0 → 2; art: not asked.
    assert gap_values(catalogue, needs).tolist() == [1.0, 2.0, 2.0, 0.0]
    assert needs.total == 4.0
    assert gap_shares(catalogue, needs).tolist() == [0.25, 0.5, 0.5, 0.0]
    assert gains(catalogue, 1, needs) == [(0, 1.0, 3.0, 2.0)]


def test_a_course_below_the_level_held_gains_nothing() -> None:
    catalogue = catalogue_of(COURSES, required=ANALYST)
    assert gap_values(catalogue, needs_for(catalogue, {"sql": 2.5})).tolist() == [0.0, 0.5, 2.0, 0.0]


def test_two_courses_for_one_skill_count_once() -> None:
    catalogue = catalogue_of(COURSES, required=ANALYST)
    needs = needs_for(catalogue, {})
    assert set_value(catalogue, [0, 1], needs) == set_value(catalogue, [1], needs) == 3.0
    assert best_set(catalogue, needs, all_of(catalogue), 5) == [1, 2]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.sampled_from("xyz"), st.sampled_from([1.0, 2.0, 3.0, 4.0])),
        min_size=1,
        unique_by=lambda one: one[:2],
    ),
    st.integers(1, 3),
)
def test_greedy_reaches_its_guarantee_of_the_best_set(taught: Taught, n: int) -> None:
    catalogue = catalogue_of(taught, required=[("analyst", skill, 3.0) for skill in "xyz"])
    needs = needs_for(catalogue, {})
    chosen = set_value(catalogue, best_set(catalogue, needs, all_of(catalogue), n), needs)
    best = max(
        set_value(catalogue, some, needs)
        for some in combinations(range(catalogue.size), min(n, catalogue.size))
    )
    assert chosen >= (1 - 1 / np.e) * best - 1e-9


def test_an_exchange_takes_back_a_first_course_that_two_others_make_needless() -> None:
    taught = [
        ("both", "x", 3.0), ("both", "y", 3.0), ("left", "x", 4.0), ("left", "z", 2.0), ("right", "y", 4.0), ("right", "w", 2.0),
    ]  # fmt: skip
    catalogue = catalogue_of(taught, required=[("analyst", skill, 4.0) for skill in "wxyz"])
    needs = needs_for(catalogue, {})
    left, right = catalogue.course_index["left"], catalogue.course_index["right"]
    pool, worth = worths(catalogue, needs, all_of(catalogue))
    assert pool.tolist() == [0, 1, 2]
    assert len(greedy(worth, 2)) == 2
    assert set(best_set(catalogue, needs, all_of(catalogue), 2)) == {left, right}
    assert best_exchange(worth, [0, 1]) == (0, 2)  # gives up "both" for "right"
    assert best_exchange(worth, [1, 2]) is None


def test_a_path_puts_prerequisites_first_and_counts_hours_and_levels() -> None:
    catalogue = catalogue_of(
        COURSES, [("b_sql", "d_art")], ANALYST, hours={"a_sql": 2, "b_sql": 3, "c_talk": 1, "d_art": 1}
    )
    needs = needs_for(catalogue, {})
    path = learning_path(catalogue, needs, all_of(catalogue), frozenset())
    names = [catalogue.course_ids[step.course] for step in path.steps]
    assert names.index("d_art") < names.index("b_sql")
    assert "a_sql" not in names  # b_sql reaches further: a_sql closes nothing beside it
    assert [step.hours_so_far for step in path.steps] == [1.0, 2.0, 5.0]
    assert path.steps[-1].held.tolist() == [4.0, 2.0]
    assert path.steps[0].closed_share == pytest.approx(2 / 5)
    assert path.uncovered == ()


def test_a_path_stays_within_the_hours_given() -> None:
    catalogue = catalogue_of(COURSES, required=ANALYST, hours={"a_sql": 2, "b_sql": 30, "c_talk": 1})
    path = learning_path(catalogue, needs_for(catalogue, {}), all_of(catalogue), frozenset(), 4.0)
    assert [catalogue.course_ids[step.course] for step in path.steps] == ["c_talk", "a_sql"]
    assert path.uncovered == ()  # b_sql would cover it: it is a matter of hours, not of the catalogue


def test_a_completed_prerequisite_is_not_taken_again() -> None:
    catalogue = catalogue_of(COURSES, [("b_sql", "a_sql")], ANALYST)
    path = learning_path(catalogue, needs_for(catalogue, {"talk": 2.0}), all_of(catalogue), frozenset([0]))
    assert [step.course for step in path.steps] == [1]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Catalogue, frozenset[int]]:
    """Return a catalogue with a random acyclic prerequisite graph, and some completed courses."""
    n = draw(st.integers(2, 9))
    names = [f"c{place}" for place in range(n)]
    pairs = [(names[b], names[a]) for a in range(n) for b in range(a + 1, n) if draw(st.booleans())]
    order = draw(st.permutations(names))
    renamed = dict(zip(names, order, strict=True))
    taught: Taught = [
        (name, draw(st.sampled_from("xyz")), draw(st.sampled_from([1.0, 2.0, 3.0]))) for name in names
    ]
    catalogue = catalogue_of(
        taught,
        [(renamed[a], renamed[b]) for a, b in pairs],
        [("analyst", skill, 3.0) for skill in "xyz"],
    )
    return catalogue, frozenset(draw(st.sets(st.integers(0, n - 1), max_size=3)))


@settings(deadline=None)
@given(graphs(), st.floats(1, 12))
def test_no_path_breaks_a_prerequisite_on_any_acyclic_graph(
    made: tuple[Catalogue, frozenset[int]], hours: float
) -> None:
    catalogue, completed = made
    path = learning_path(catalogue, needs_for(catalogue, {}), all_of(catalogue), completed, hours)
    courses = [step.course for step in path.steps]
    assert prerequisite_violations(catalogue, [courses], [completed]) == 0
    assert len(set(courses)) == len(courses)
    assert not path.steps or path.steps[-1].hours_so_far <= hours


@settings(deadline=None)
@given(graphs(), st.randoms(use_true_random=False), st.lists(st.booleans(), min_size=9, max_size=9))
def test_no_ranking_breaks_a_prerequisite_on_any_acyclic_graph(
    made: tuple[Catalogue, frozenset[int]], random: object, allowed: list[bool]
) -> None:
    catalogue, completed = made
    ranked = list(range(catalogue.size))
    random.shuffle(ranked)  # type: ignore[attr-defined]
    may = np.array(allowed[: catalogue.size])
    ordered = in_followable_order(catalogue, [one for one in ranked if may[one]], completed, may)
    assert prerequisite_violations(catalogue, [ordered], [completed]) == 0
    assert all(may[one] for one in ordered)


def test_violations_are_counted_one_by_one() -> None:
    catalogue = catalogue_of(COURSES, [("b_sql", "a_sql"), ("c_talk", "a_sql")])
    assert prerequisite_violations(catalogue, [[1, 0, 2]], [frozenset()]) == 1  # b before a; c after it
    assert prerequisite_violations(catalogue, [[1, 2]], [frozenset([0])]) == 0


def test_a_reserved_course_is_open_to_its_departments_only() -> None:
    catalogue = catalogue_of(COURSES, eligibility={"a_sql": "Sales, Finance"})
    assert catalogue.eligible("Finance").tolist() == [True, True, True, True]
    assert catalogue.eligible("Legal").tolist() == [False, True, True, True]
    assert catalogue.eligible(None).tolist() == [False, True, True, True]
