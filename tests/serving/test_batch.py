"""Scores for everybody: resumed where they stopped, kept by model, recomputed when a person's records change."""

from __future__ import annotations

import importlib
import types
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from features.errors import BadInputError, UnavailableError, UnknownRecordError
from features.records.store import Store
from serving.house import House
from serving.models.answering import LoadedModel
from serving.scores import batch, recompute
from serving.scores.batch import chosen, everybody, last_known, questions_of, score
from serving.scores.kept import Changes
from serving.scores.recompute import PEOPLE_PER_SECOND, Recomputer

NOW = datetime(2026, 1, 1, tzinfo=UTC)
QUESTION = "attrition"


class Scoring(types.SimpleNamespace):
    """A question's module that notes whom it scored."""

    def __init__(self) -> None:
        super().__init__(seen=[])

    def score_everybody(
        self, house: House, employee_ids: list[str], _progress: Any
    ) -> Iterator[tuple[str, bytes]]:
        for person in employee_ids:
            self.seen.append(person)
            yield person, house.models.current(QUESTION).version.encode()


@pytest.fixture
def scoring(monkeypatch: pytest.MonkeyPatch) -> Scoring:
    """Let one question keep scores."""
    module = Scoring()
    only = lambda question: module if question == QUESTION else None  # noqa: E731
    monkeypatch.setattr(recompute, "scoring", only)
    monkeypatch.setattr(batch, "scoring", only)
    monkeypatch.setattr(
        batch, "columns_of", lambda _question: lambda _model, payload: {"version": payload.decode()}
    )
    return module


@pytest.fixture
def staffed(sqlite_house: House) -> House:
    """Return a house of three people at a fixed moment."""
    rows = [{"employee_id": name, "spell": 1, "hired_at": 0, "known_at": 0} for name in ("ann", "bob", "eve")]
    with sqlite_house.store.transaction() as connection:
        sqlite_house.store.upsert(connection, "employees", rows)
    return replace(sqlite_house, clock=lambda: NOW)


def model(version: str) -> LoadedModel:
    return LoadedModel(QUESTION, version, version * 64, None, Path(), {})


def advance(_count: int) -> None:
    """Show nothing."""


def test_without_a_model_nothing_is_scored(staffed: House, scoring: Scoring) -> None:
    with pytest.raises(UnavailableError):
        score(staffed, QUESTION, everybody(staffed.store), advance)
    with pytest.raises(UnavailableError):
        questions_of(staffed, "all")


def test_a_question_that_keeps_no_scores_and_an_unknown_person_are_refused(
    staffed: House, scoring: Scoring
) -> None:
    with pytest.raises(BadInputError, match="keeps no scores"):
        questions_of(staffed, "impact")
    with pytest.raises(UnknownRecordError):
        chosen(staffed.store, ["ann", "nobody"])


def test_a_stopped_run_goes_on_where_it_was(staffed: House, scoring: Scoring) -> None:
    staffed.models.hold(model("1"))
    first = score(staffed, QUESTION, ["ann"], advance)
    assert (first.scored, first.stood) == (1, 0)
    second = score(staffed, QUESTION, everybody(staffed.store), advance)
    assert (second.scored, second.stood) == (2, 1)
    assert scoring.seen == ["ann", "bob", "eve"]
    frame = pl.read_parquet(second.file)
    assert sorted(frame["employee_id"].to_list()) == ["ann", "bob", "eve"]
    assert frame["as_of"].unique().to_list() == [NOW]
    assert frame["version"].unique().to_list() == ["1"]
    assert Path(second.file).stat().st_mode & 0o077 == 0


def test_another_model_or_another_moment_is_scored_anew_and_the_old_scores_stay(
    staffed: House, scoring: Scoring
) -> None:
    staffed.models.hold(model("1"))
    score(staffed, QUESTION, ["ann"], advance)
    later = replace(staffed, clock=lambda: NOW + timedelta(days=1))
    assert score(later, QUESTION, ["ann"], advance).scored == 1
    staffed.models.hold(model("2"))
    assert score(later, QUESTION, ["ann"], advance).scored == 1
    kept = [staffed.kept.read(QUESTION, "ann", digit * 64) for digit in "12"]
    assert [each.payload for each in kept if each] == [b"1", b"2"]
    assert staffed.kept.read(QUESTION, "bob", "1" * 64) is None


def test_a_swap_in_the_middle_does_not_mix_two_models(staffed: House, scoring: Scoring) -> None:
    staffed.models.hold(model("1"))
    done: list[int] = []

    def swapping(count: int) -> None:
        done.append(count)
        staffed.models.hold(model("2"))

    assert score(staffed, QUESTION, everybody(staffed.store), swapping).version == "1"
    assert staffed.kept.people(QUESTION, "1" * 64) == {"ann", "bob", "eve"}
    assert staffed.kept.people(QUESTION, "2" * 64) == set()


def test_the_moment_of_a_run_is_right_after_the_last_fact(store: Store) -> None:
    fact = {"employee_id": "ann", "kpi": "quality", "happened_at": 5, "known_at": 9, "value": 1.0}
    with store.transaction() as connection:
        store.append(connection, "outcomes", [fact])
    assert last_known(store) == datetime(1970, 1, 1, 0, 0, 0, 10, tzinfo=UTC)


def test_who_changed_is_recomputed_up_to_fifty_a_second_and_the_rest_waits(
    staffed: House, scoring: Scoring
) -> None:
    staffed.models.hold(model("1"))
    staffed.changes = Changes()
    staffed.changes.add(f"p{number}" for number in range(120))
    recomputer = Recomputer(staffed)
    assert recomputer.turn() == PEOPLE_PER_SECOND
    assert recomputer.turn() <= 2
    recomputer.turned_at -= 1.0  # a second later
    assert recomputer.turn() == PEOPLE_PER_SECOND
    assert len(scoring.seen) == 120 - len(staffed.changes.waiting)
    assert scoring.seen[:2] == ["p0", "p1"]


def test_every_question_s_module_can_be_asked_whether_it_keeps_scores() -> None:
    for question in ("skills", "recommendation", "attrition", "impact"):
        module = importlib.import_module(f"serving.{question}.routes")
        assert (recompute.scoring(question) is None) == (not hasattr(module, "score_everybody"))
