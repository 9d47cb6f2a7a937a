"""What a comparison asks of people is read while MLflow is imported: the same people, and errors as they were."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from features.errors import UnavailableError, UnknownRecordError
from features.records.store import Store, open_store
from training.questions import question
from training.rescoring.ahead import opened_ahead
from training.rescoring.rescoring import judging_dataset
from training.runs import open_workbench
from training.settings import TrainingSettings
from training.stored import StoredTables


@pytest.fixture
def tracked(settings: TrainingSettings, empty_tracking: Path) -> TrainingSettings:
    settings.var.mkdir()
    shutil.copy(empty_tracking, settings.var / "mlflow.db")
    return settings


class TestRefusals:
    def test_a_tracker_that_does_not_answer_is_told_whatever_was_begun(
        self, small_store: Store, settings: TrainingSettings
    ) -> None:
        file = settings.var.parent / "file"
        file.write_text("no folder")
        elsewhere = settings.model_copy(update={"mlflow_tracking_uri": f"sqlite:///{file}/mlflow.db"})
        with (
            pytest.raises(UnavailableError, match="tracking server"),
            opened_ahead(elsewhere, small_store, [question("attrition")]),
        ):
            raise AssertionError("there is no bench")

    def test_what_goes_wrong_meanwhile_comes_out_and_nothing_runs_on(
        self, small_store: Store, tracked: TrainingSettings
    ) -> None:
        asked = [question("attrition"), question("recommendation")]
        with (
            pytest.raises(UnknownRecordError, match="no such attrition model"),
            opened_ahead(tracked, small_store, asked) as bench,
        ):
            bench.tracking.model("attrition", "7")
        assert all(each.done() for each in bench.begun.values())


def test_what_was_begun_is_what_would_have_been_built(small_store: Store, tracked: TrainingSettings) -> None:
    asked = [question(name) for name in ("attrition", "recommendation", "skills")]
    later = open_workbench(tracked, small_store)
    with opened_ahead(tracked, small_store, asked) as bench:
        assert set(bench.begun) == {"attrition", "recommendation"}  # of skills there is no last block
        assert bench.context.as_of == later.context.as_of
        people, own = (judging_dataset(each, asked[0]) for each in (bench, later))
        assert np.array_equal(people.test.features, own.test.features, equal_nan=True)
        assert list(people.departments) == list(own.departments)
        lists, own = (judging_dataset(each, asked[1]) for each in (bench, later))
        assert (lists.test.targets != own.test.targets).nnz == 0
        assert np.array_equal(lists.test.people, own.test.people)


def test_of_records_that_one_thread_alone_sees_nothing_is_begun(tracked: TrainingSettings) -> None:
    memory = open_store("sqlite://")
    moment = datetime(2025, 1, 1, tzinfo=UTC)
    with opened_ahead(tracked, memory, [question("attrition")], moment) as bench:
        assert bench.begun == {}
        assert bench.context.as_of == moment


def test_corrections_are_found_on_both_databases(store: Store) -> None:
    event = {"event_id": "e", "employee_id": "ann", "course_id": "c", "kind": "enrolled", "happened_at": 0}
    with store.transaction() as connection:
        store.append(
            connection,
            "learning_events",
            [{**event, "known_at": 1}, {**event, "event_id": "f", "known_at": 1}],
        )
    assert not StoredTables(store).has_corrections("learning_events", "event_id")
    with store.transaction() as connection:
        store.append(connection, "learning_events", [{**event, "known_at": 2}])
    assert StoredTables(store).has_corrections("learning_events", "event_id")
