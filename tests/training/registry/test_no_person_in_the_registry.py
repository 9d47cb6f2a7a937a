"""No row about a person is in any artefact: canaries are planted among the records and looked for in every file."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from features.records.shown import packed, shadow_key
from features.records.store import Store
from training.comparison import compare
from training.pictures.comparison import comparison_page, comparison_record
from training.promotion import Place, promote
from training.questions import Question
from training.runs import Workbench, end_of, open_workbench
from training.settings import TrainingSettings
from training.watching.report import keep_last, watch_record
from training.watching.watch import watch

CANARY = "canary-7f3a"
COUNT = 60


def with_canaries(bench: Workbench) -> list[str]:
    """Rename people of every table, so that whatever carries them can be found; return their new names."""
    people = bench.context.records["employees"]["employee_id"].unique().sort().to_list()[:COUNT]
    renamed = {name: f"{CANARY}-{number:03d}" for number, name in enumerate(people)}
    columns = ("employee_id", "manager_id")
    bench.context.records = {
        name: frame.with_columns(
            pl.col(column).replace(renamed) for column in columns if column in frame.columns
        )
        for name, frame in bench.context.records.items()
    }
    bench.context.protected = bench.context.protected.with_columns(pl.col("employee_id").replace(renamed))
    return list(renamed.values())


def ledger(bench: Workbench, people: list[str], champion: str, shadow: str) -> pl.DataFrame:
    """Return what the planted people were shown, and the same list of the shadow beside it."""
    courses = bench.context.records["courses"]["course_id"].unique().sort().to_list()[:5]
    return pl.DataFrame({
        "recommendation_id": [f"answer to {name}" for name in people], "employee_id": people, "model_digest": champion,
        "shown_at": bench.context.as_of - timedelta(days=60), "first_rank": 1,
        "items": packed([(course, 0.5, 1.0) for course in courses]), "arm": None,
        "shadows": json.dumps({shadow_key(shadow): courses}),
    })  # fmt: skip


def test_planted_canaries_are_nowhere_in_the_registry(
    small_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    bench = open_workbench(TrainingSettings(var=tmp_path / "var", progress=False), small_store)
    planted = with_canaries(bench)
    assert end_of(bench.context.records) <= bench.context.as_of
    question = Question("recommendation")
    first, second = (
        bench.train(question, [f"ridge={ridge}", "person_power=0.5"]).logged for ridge in (50, 100)
    )
    found = compare(bench, question, [first, second])
    bench.tracking.log_page(comparison_record(found, comparison_page(found)))
    promote(bench, question, second, place=Place("shadow"))
    bench.tracking.point(first, "champion")
    seen = watch(bench, question, ledger(bench, planted, first.payload_digest, second.payload_digest))
    assert [each.role for each in seen.worths] == ["champion", "shadow"]
    assert {each.people for each in seen.worths} == {COUNT}
    assert all(each.taken_share is not None for each in seen.worths)
    bench.tracking.log_page(watch_record(seen))
    keep_last(seen, tmp_path / "var" / "watch")
    files = [path for path in (tmp_path / "var").rglob("*") if path.is_file()]
    assert len(files) > 20
    assert {"mlflow.db", "MLmodel", "comparison.html", "watch.html", "golden.npz"} <= {
        path.name for path in files
    }
    hits = [path.name for path in files if CANARY.encode() in path.read_bytes()]
    assert planted
    assert hits == []
