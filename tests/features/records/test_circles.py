"""Circles of prerequisites are found, named, and kept out of the records."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import BadInputError
from features.records.circles import any_circle, circle_through, in_words
from features.records.reading import import_file
from features.records.store import Store

COURSES = "course_id,title\na,A\nb,B\nc,C\n"


def read(store: Store, folder: Path, name: str, text: str) -> None:
    """Import a file of one table."""
    path = folder / f"{name}.csv"
    path.write_text(text)
    import_file(store, path, name)


def test_a_file_with_a_circle_is_refused_whole_and_the_circle_named(
    sqlite_store: Store, tmp_path: Path
) -> None:
    read(sqlite_store, tmp_path, "courses", COURSES)
    with pytest.raises(BadInputError, match=r"line \d.*'[abc]' asks for '[abc]' asks for '[abc]' asks for"):
        read(sqlite_store, tmp_path, "course_prerequisites", "course_id,prerequisite_id\na,b\nb,c\nc,a\n")
    assert sqlite_store.count("course_prerequisites") == 0


def test_a_circle_that_closes_over_two_files_is_refused(sqlite_store: Store, tmp_path: Path) -> None:
    read(sqlite_store, tmp_path, "courses", COURSES)
    read(sqlite_store, tmp_path, "course_prerequisites", "course_id,prerequisite_id\na,b\n")
    with pytest.raises(BadInputError, match="circle"):
        read(sqlite_store, tmp_path, "course_prerequisites", "course_id,prerequisite_id\nb,a\n")
    read(sqlite_store, tmp_path, "course_prerequisites", "course_id,prerequisite_id\nb,c\n")
    assert sqlite_store.count("course_prerequisites") == 2


def test_a_circle_reads_from_course_to_prerequisite() -> None:
    asks = {"a": ["b"], "b": ["c"], "c": ["a"]}
    assert circle_through(asks, "b") == ["b", "c", "a", "b"]
    assert in_words(circle_through({"a": ["a"]}, "a")) == "'a' asks for 'a'"
    assert circle_through(asks | {"d": ["a"]}, "d") == []


graphs = st.dictionaries(st.sampled_from("abcdef"), st.sets(st.sampled_from("abcdef"), max_size=3))


@given(graphs)
def test_both_ways_of_looking_agree_and_every_step_is_a_prerequisite(asks: dict[str, set[str]]) -> None:
    found = any_circle(asks)
    through = [circle_through(asks, course) for course in asks]
    assert bool(found) == any(through)
    for circle in (found, *through):
        assert all(first in asks[course] for course, first in pairwise(circle))
        assert not circle or circle[0] == circle[-1]
