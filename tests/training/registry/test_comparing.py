"""Two models on the same people: paired differences by hand, slices, costs, and one page that loads nothing."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from features.errors import UnavailableError
from features.history import history
from features.records.facts import FACT_KEYS
from features.records.store import Store
from training.comparison import compare, comparison_json, mean_interval
from training.context import TrainingContext
from training.pages import page, paragraph, table
from training.pictures.comparison import comparison_page, comparison_record
from training.promotion import promote
from training.recommendation.dataset import build as build_recommendation
from training.reports import comparison_report
from training.rescoring import recommendation
from training.rescoring.attrition import last_block, placements, slices
from training.runs import Workbench, end_of
from training.stored import Ever, StoredTables


class TestRefusals:
    def test_files_that_are_not_those_that_were_logged_are_not_compared(self, bench: Workbench, toy) -> None:
        first, second = bench.train(toy).logged, bench.train(toy, ["shrinkage=0.1"]).logged
        assert bench.settings.artifact_folder is not None
        for weights in bench.settings.artifact_folder.rglob("weights.npz"):
            weights.write_bytes(weights.read_bytes() + b"!")
        with pytest.raises(UnavailableError, match="not those that were logged"):
            compare(bench, toy, [first, second])

    def test_a_page_escapes_what_it_is_given_and_fetches_nothing(self) -> None:
        found = page("<b>", paragraph("<script>alert(1)</script>"), table(["<i>"], [["a & b", "1.5"]]))
        assert "<script" not in found
        assert "&lt;script&gt;" in found
        assert not re.search(r"(src|href)=", found)
        assert '<td class="n">1.5</td>' in found


class TestComparing:
    def test_without_champion_one_model_meets_the_strongest_baseline(self, bench: Workbench, toy) -> None:
        found = comparison_json(compare(bench, toy, [bench.train(toy).logged]))
        assert found["against"] == "baseline mean"
        assert found["challengers"][0]["verdict"] == "better"

    def test_without_champion_the_first_of_several_is_to_be_beaten(self, bench: Workbench, toy) -> None:
        worse, better = bench.train(toy, ["shrinkage=0.5"]).logged, bench.train(toy).logged
        found = compare(bench, toy, [worse, better])
        assert (found.against, found.challenges[0].verdict) == ("version 1", "better")

    def test_champion_and_challenger_meet_on_the_same_units(self, bench: Workbench, toy) -> None:
        first = bench.train(toy)
        promote(bench, toy, first.logged)
        second = bench.train(toy, ["shrinkage=0.5"])
        (challenge,) = compare(bench, toy, [second.logged]).challenges
        by_hand = (second.evaluation.per_unit - first.evaluation.per_unit).mean()
        assert challenge.difference.value == pytest.approx(by_hand)
        assert challenge.verdict == "worse"
        assert challenge.difference.high < 0

    def test_a_model_against_itself_shows_no_difference(self, bench: Workbench, toy) -> None:
        logged = bench.train(toy).logged
        promote(bench, toy, logged)
        (challenge,) = compare(bench, toy, [logged]).challenges
        assert (challenge.difference.value, challenge.verdict) == (0.0, "no difference shown")

    def test_costs_and_slices_stand_in_json_report_page_and_in_the_registry(
        self, bench: Workbench, toy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        halves = {"new people": np.arange(100) < 50, "a handful": np.arange(100) < 5}
        monkeypatch.setattr("training.comparison.slices", lambda *_: halves)
        first, second = bench.train(toy).logged, bench.train(toy, ["shrinkage=0.5"]).logged
        comparison = compare(bench, toy, [first, second])
        body = comparison_json(comparison)
        json.dumps(body, allow_nan=False)
        (challenger,) = body["challengers"]
        assert [part["name"] for part in challenger["slices"]] == ["new people"]  # five people are not shown
        assert {"fit_seconds", "payload_bytes"} <= set(challenger["costs"])
        html = comparison_page(comparison)
        assert "new people" in html
        assert "Verdict: worse." in html
        run_id = bench.tracking.log_page(comparison_record(comparison, html))
        kept = bench.tracking.client.get_run(run_id).data
        assert kept.tags["part"] == "comparison"
        assert kept.metrics["version_2/difference/accuracy"] == pytest.approx(
            challenger["difference"]["value"]
        )
        (row,) = bench.tracking.mlflow.search_runs(
            experiment_names=["toy"], filter_string="tags.part = 'comparison'", output_format="list"
        )
        shown = row.data.metrics
        assert shown["version_2/slice/new people"] == pytest.approx(
            challenger["slices"][0]["difference"]["value"]
        )
        assert shown["version_2/cost/payload_bytes"] == challenger["costs"]["payload_bytes"]
        assert shown["reference/accuracy"] == pytest.approx(body["reference"]["metrics"]["accuracy"])
        ranked = bench.tracking.mlflow.search_logged_models(
            experiment_ids=[row.info.experiment_id], order_by=[{"field_name": "metrics.accuracy", "ascending": False}],
            output_format="list",
        )  # fmt: skip
        assert [model.source_run_id for model in ranked] == [first.run_id, second.run_id]
        from rich.console import Console

        console = Console(width=160, record=True, file=io.StringIO())
        console.print(comparison_report(comparison))
        assert "new people" in console.export_text()


class TestUnits:
    def test_placements_average_to_the_auc_by_hand(self) -> None:
        # leavers .9 and .4 beside stayers .1, .4, .5: pairs won 1+1+1 and 1+.5+0 of 6
        said, left = np.array([0.9, 0.4, 0.1, 0.4, 0.5]), np.array([True, True, False, False, False])
        assert placements(said, left).mean() == pytest.approx(4.5 / 6)

    def test_placements_spread_as_the_auc_does_when_people_are_redrawn(self) -> None:
        rng = np.random.default_rng(3)
        left = rng.random(800) < 0.2
        said = rng.normal(size=800) + left
        error = placements(said, left).std() / np.sqrt(800)
        drawn = [placements(said[rows], left[rows]).mean() for rows in rng.integers(0, 800, (300, 800))]
        assert error == pytest.approx(np.std(drawn), rel=0.15)

    def test_a_slices_interval_covers_the_truth_as_often_as_it_says(self) -> None:
        rng = np.random.default_rng(5)
        found = [mean_interval(rng.normal(1.0, 2.0, 30)) for _ in range(400)]
        assert 0.92 <= np.mean([each.low <= 1.0 <= each.high for each in found]) <= 0.98


def test_the_last_block_alone_holds_the_people_of_the_whole_dataset(small_store: Store) -> None:
    from features.records.protected import protected_attributes
    from training.attrition.dataset import build

    records = small_store.frames()
    context = TrainingContext(records, end_of(records), protected_attributes(small_store))
    alone, whole = last_block(context), build(context)
    assert list(alone.test.names) == list(whole.test.names)
    assert np.array_equal(alone.test.features, whole.test.features, equal_nan=True)
    assert np.array_equal(alone.test.cause, whole.test.cause)
    found = slices(context, alone)
    assert any(name.startswith("department = ") for name in found)
    assert any(name.startswith(("sex = ", "gender = ")) for name in found), sorted(found)
    assert (found["new people (under a year)"] ^ found["a year and more"]).all()
    assert datetime.now(UTC) > context.as_of


def test_the_last_block_of_recommendation_alone_is_that_of_the_whole_dataset(small_store: Store) -> None:
    records = small_store.frames()

    def context() -> TrainingContext:
        return TrainingContext(records, end_of(records), encode=lambda texts: np.zeros((len(texts), 384)))

    alone, whole = recommendation.last_block(context()), build_recommendation(context())
    assert (alone.course_ids, alone.job_ids) == (whole.course_ids, whole.job_ids)
    assert alone.test.size > 0
    for name in ("history", "seen", "targets", "gap_shares"):
        assert (getattr(alone.test, name) != getattr(whole.test, name)).nnz == 0, name
    assert np.array_equal(alone.test.jobs, whole.test.jobs)
    assert set(recommendation.slices(context(), alone)) == set(recommendation.slices(context(), whole))


def test_of_a_corrected_event_the_version_known_at_a_moment_counts() -> None:
    def day(number: int) -> datetime:
        return datetime(2025, 1, number, tzinfo=UTC)

    rows = [("x", "ann", 1, 2, "enrolled"), ("x", "ann", 1, 9, "completed"), ("y", "ann", 3, 3, "started"),
            ("x", "ben", 4, 5, "viewed"), ("z", "ben", 5, 20, "enrolled")]  # fmt: skip
    events = pl.DataFrame({
        "event_id": [event for event, *_ in rows],
        "employee_id": [person for _, person, *_ in rows],
        "course_id": ["c"] * len(rows),
        "kind": [kind for *_, kind in rows],
        "happened_at": [day(happened) for _, _, happened, _, _ in rows],
        "known_at": [day(known) for *_, known, _ in rows],
    })  # fmt: skip
    versions = recommendation.with_later_versions(events)
    for number in (2, 3, 6, 9, 10, 25):
        found = recommendation.told(versions, day(number))["learning_events"]
        expected = history({"learning_events": events}, day(number), FACT_KEYS)["learning_events"]
        assert found.equals(expected.drop("event_id")), number
    once = recommendation.with_later_versions(events.drop("event_id"))
    assert recommendation.told(once, day(10))["learning_events"]["kind"].to_list() == [
        "enrolled", "started", "viewed", "completed"
    ]  # fmt: skip


def test_the_last_block_of_recommendation_read_from_the_store_is_that_of_the_whole_tables(
    small_store: Store,
) -> None:
    stored, frames = StoredTables(small_store), small_store.frames()
    alone, whole = (
        recommendation.last_block(TrainingContext(records, end_of(frames))) for records in (stored, frames)
    )
    assert (alone.course_ids, alone.job_ids) == (whole.course_ids, whole.job_ids)
    for name in ("history", "seen", "targets", "gap_shares"):
        assert (getattr(alone.test, name) != getattr(whole.test, name)).nnz == 0, name
    assert np.array_equal(alone.test.jobs, whole.test.jobs)
    assert "learning_events" not in stored.read


def test_the_last_block_read_from_the_store_is_that_of_the_whole_tables(small_store: Store) -> None:
    from features.records.protected import protected_attributes

    stored, frames = StoredTables(small_store), small_store.frames()
    alone, whole = (
        last_block(TrainingContext(records, end_of(frames), protected_attributes(small_store)))
        for records in (stored, frames)
    )
    assert np.array_equal(alone.test.features, whole.test.features, equal_nan=True)
    assert list(alone.test.names) == list(whole.test.names)
    assert "surveys" not in stored.read
    seen = stored.some(
        "learning_events", ("event_id", "kind"), None, Ever("event_id", "kind", ("completed",))
    )
    assert set(seen["kind"]) == {"completed"}  # no event of the sample was corrected
    assert not stored.has_corrections("learning_events", "event_id")
    assert stored.has_corrections("learning_events", "course_id")  # said of two events, as of two versions
