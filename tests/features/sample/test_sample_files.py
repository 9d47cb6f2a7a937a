"""The files of the sample organisation: allowed values, sound references, dates in order, same bytes."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from features.errors import BadInputError
from features.records.columns import Kind, Nature
from features.records.sample import write_sample
from features.records.tables import IMPORTABLE


@pytest.fixture(scope="module")
def tables(
    small_organisation: Path, read_table: Callable[[Path, str], pl.DataFrame]
) -> dict[str, pl.DataFrame]:
    """Return every table of the sample, days and moments parsed."""
    return {path.stem: read_table(small_organisation, path.stem) for path in small_organisation.glob("*.csv")}


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def lasting(tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Return one row per spell with its first and last day (null while it lasts)."""
    exits = tables["exits"].sort("known_at").unique(["employee_id", "spell"], keep="last")
    ends = exits.select("employee_id", "spell", left="happened_at")
    return tables["employees"].join(ends, on=["employee_id", "spell"], how="left")


@pytest.mark.parametrize("arguments", [(59, 3, 7), (200, 0, 7), (200, 11, 7), (200, 3, -1)])
def test_numbers_out_of_bounds_are_refused_and_nothing_is_written(
    arguments: tuple[int, int, int], tmp_path: Path
) -> None:
    with pytest.raises(BadInputError, match="Allowed"):
        write_sample(tmp_path / "out", *arguments)
    assert not (tmp_path / "out").exists()


def test_the_same_seed_writes_the_same_bytes_and_another_does_not(tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("two", 3), ("three", 4)):
        write_sample(tmp_path / name, employees=80, years=1, seed=seed)
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    different = digest(tmp_path / "three")
    changed = {name for name, value in digest(tmp_path / "one").items() if different[name] != value}
    assert {"employees.csv", "outcomes.csv", "learning_events.csv", "truth.json"} <= changed
    assert "courses.csv" not in changed


def test_progress_is_told_after_every_month(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    write_sample(tmp_path, 60, 1, 1, progress=lambda done, total: told.append((done, total)))
    assert told == [(month, 12) for month in range(1, 13)]


def test_every_table_but_tasks_is_written_and_the_counts_agree(
    tables: dict[str, pl.DataFrame], small_organisation: Path
) -> None:
    assert set(tables) == set(IMPORTABLE) - {"job_tasks"}
    described = tomllib.loads((small_organisation / "organisation.toml").read_text())
    assert described["rows"] == {name: frame.height for name, frame in tables.items()}
    assert described["as_of"].isoformat() == "2026-01-01T00:00:00+00:00"


def test_columns_values_and_keys_are_those_of_the_tables(tables: dict[str, pl.DataFrame]) -> None:
    for name, frame in tables.items():
        table = IMPORTABLE[name]
        assert set(frame.columns) <= set(table.names)
        assert not frame.select(table.unique).is_duplicated().any(), name
        for column in table.columns:
            if column.required:
                assert frame[column.name].null_count() == 0, (name, column.name)
            if column.allowed and column.name in frame.columns:
                assert set(frame[column.name].drop_nulls()) <= set(column.allowed)


def test_numbers_lie_within_the_bounds_of_their_columns(tables: dict[str, pl.DataFrame]) -> None:
    for name, frame in tables.items():
        for column in IMPORTABLE[name].columns:
            if column.name in frame.columns and column.kind in (Kind.NUMBER, Kind.INTEGER):
                values = frame[column.name].drop_nulls()
                assert not values.cast(pl.Float64).is_nan().any()
                assert column.low is None or values.is_empty() or float(values.min()) >= column.low  # type: ignore[arg-type]
                assert column.high is None or values.is_empty() or float(values.max()) <= column.high  # type: ignore[arg-type]


def test_every_reference_points_at_a_row_that_exists(tables: dict[str, pl.DataFrame]) -> None:
    for name, frame in tables.items():
        for column in IMPORTABLE[name].columns:
            if column.refers_to and column.name in frame.columns:
                target, key = column.refers_to.split(".")
                assert set(frame[column.name].drop_nulls()) <= set(tables[target][key]), (name, column.name)
    for name, column_name in (("job_history", "manager_id"), ("assignments", "assigned_by_id")):
        assert set(tables[name][column_name].drop_nulls()) <= set(tables["employees"]["employee_id"])


def test_nothing_lies_after_the_end_of_the_data(tables: dict[str, pl.DataFrame]) -> None:
    for name, frame in tables.items():
        if IMPORTABLE[name].nature is Nature.FACT:
            assert frame["happened_at"].max().isoformat() < "2026", name  # type: ignore[union-attr]
            assert frame["known_at"].max().isoformat() < "2026", name  # type: ignore[union-attr]


def test_spells_end_after_they_begin_and_a_rehire_begins_later(tables: dict[str, pl.DataFrame]) -> None:
    spells = lasting(tables).sort("employee_id", "spell")
    assert (spells.drop_nulls("left")["left"] > spells.drop_nulls("left")["hired_at"]).all()
    again = spells.with_columns(earlier=pl.col("left").shift(1).over("employee_id")).filter(
        pl.col("spell") > 1
    )
    assert again.height > 0
    assert (again["hired_at"] > again["earlier"]).all()


@pytest.mark.parametrize("name", ["surveys", "outcomes", "held_skills", "goals", "assignments"])
def test_no_fact_about_a_person_lies_outside_a_spell(name: str, tables: dict[str, pl.DataFrame]) -> None:
    facts = tables[name].select("employee_id", "happened_at").unique()
    inside = facts.join(lasting(tables), on="employee_id").filter(
        (pl.col("hired_at") <= pl.col("happened_at"))
        & (pl.col("left").is_null() | (pl.col("happened_at") <= pl.col("left")))
    )
    assert inside.select("employee_id", "happened_at").unique().height == facts.height


def test_learning_events_lie_within_a_spell_and_follow_their_order(tables: dict[str, pl.DataFrame]) -> None:
    events = tables["learning_events"].with_columns(day=pl.col("happened_at").dt.date())
    joined = events.join(lasting(tables), on="employee_id").filter(
        (pl.col("hired_at") <= pl.col("day")) & (pl.col("left").is_null() | (pl.col("day") <= pl.col("left")))
    )
    assert joined["event_id"].n_unique() == events.height
    keys = ["employee_id", "course_id"]
    first = {
        kind: events.filter(pl.col("kind") == kind).group_by(keys).agg(pl.col("happened_at").min())
        for kind in ("enrolled", "started", "completed")
    }
    both = first["enrolled"].join(first["completed"], on=keys, suffix="_end")
    assert (both["happened_at"] <= both["happened_at_end"]).all()
    assert set(events["kind"]) >= {"shown", "enrolled", "started", "progressed", "completed", "passed",
                                   "rated", "withdrawn", "dismissed"}  # fmt: skip


def test_no_course_is_completed_before_its_prerequisites(tables: dict[str, pl.DataFrame]) -> None:
    done = (
        tables["learning_events"].filter(pl.col("kind") == "completed").group_by("employee_id", "course_id")
    )
    first = done.agg(pl.col("happened_at").min())
    asked = first.join(tables["course_prerequisites"], on="course_id")
    met = asked.join(
        first.rename({"course_id": "prerequisite_id", "happened_at": "earlier"}),
        on=["employee_id", "prerequisite_id"], how="left",
    )  # fmt: skip
    assert asked.height > 20
    assert (met["earlier"] <= met["happened_at"]).fill_null(value=False).all()


def test_managers_are_employed_when_they_are_named(tables: dict[str, pl.DataFrame]) -> None:
    named = tables["job_history"].drop_nulls("manager_id").select("manager_id", "happened_at").unique()
    there = named.join(lasting(tables), left_on="manager_id", right_on="employee_id").filter(
        (pl.col("hired_at") <= pl.col("happened_at"))
        & (pl.col("left").is_null() | (pl.col("happened_at") < pl.col("left")))
    )
    assert there.select("manager_id", "happened_at").unique().height == named.height


def test_managers_form_a_tree_with_one_root(tables: dict[str, pl.DataFrame]) -> None:
    exits = tables["exits"].select("employee_id", "spell").unique()
    last = tables["job_history"].sort("happened_at", "known_at").unique(["employee_id", "spell"], keep="last")
    manager = dict(
        last.join(exits, on=["employee_id", "spell"], how="anti").select("employee_id", "manager_id").rows()
    )
    for employee in manager:
        seen = set()
        while (above := manager.get(employee)) is not None:
            assert above not in seen
            seen.add(above)
            employee = above  # noqa: PLW2901
    assert sum(one is None for one in manager.values()) == 1


def test_prerequisites_have_no_cycle(tables: dict[str, pl.DataFrame]) -> None:
    asks: dict[str, set[str]] = {}
    for course, earlier in tables["course_prerequisites"].rows():
        asks.setdefault(course, set()).add(earlier)
    while asks:
        free = {course for course, needs in asks.items() if not needs & asks.keys()}
        assert free, f"a cycle among {sorted(asks)}"
        asks = {course: needs for course, needs in asks.items() if course not in free}


def test_the_catalogue_is_as_rich_as_promised(tables: dict[str, pl.DataFrame]) -> None:
    courses, jobs, skills = tables["courses"], tables["jobs"], tables["skills"]
    assert courses.height >= 150
    assert jobs.height >= 30
    assert skills.filter(pl.col("skill_type") != "group").height >= 120
    assert courses["title"].n_unique() == courses.height
    assert courses["description"].n_unique() == courses.height
    assert (courses["description"].str.len_chars() > 90).all()
    assert courses["modality"].n_unique() == 8
    assert courses["certificate_valid_days"].drop_nulls().len() >= 5
    assert set(tables["course_skills"]["skill_id"]) == set(
        skills.filter(pl.col("skill_type") != "group")["skill_id"]
    )
    assert (jobs["description"].str.count_matches(r"[.!?](?:\s|$)") >= 3).all()
    openings = courses["description"].str.split(" ").list.head(3).list.join(" ")
    assert openings.n_unique() > 0.95 * courses.height


def test_what_happens_in_organisations_happens_here(tables: dict[str, pl.DataFrame]) -> None:
    history = tables["job_history"]
    assert history["pay_currency"].n_unique() >= 4
    assert history["is_on_leave"].any()
    assert set(history["employment_type"]) >= {"permanent", "temporary", "contractor"}
    assert (history["fte_share"] < 1).any()
    late = (history["known_at"] - history["happened_at"]).dt.total_days() > 10
    assert late.any()
    corrected = tables["outcomes"].select("employee_id", "kpi", "happened_at").is_duplicated()
    assert corrected.any()
    assert set(tables["assignments"]["is_mandatory"]) == {True, False}
    assert set(tables["programmes"]["design"]) == {"randomised", "offer", "staggered", "observational"}
    assert tables["job_skills"]["required_from"].drop_nulls().len() >= 5
    assert tables["held_skills"]["source"].n_unique() == 5


def test_the_reader_takes_every_file_without_a_rejection(
    small_organisation: Path, sqlite_store: object
) -> None:
    from features.records.reading import import_organisation
    from features.records.store import Store

    assert isinstance(sqlite_store, Store)
    reports = import_organisation(sqlite_store, small_organisation)
    described = tomllib.loads((small_organisation / "organisation.toml").read_text())
    assert {name: report.accepted for name, report in reports.items()} == described["rows"]
    assert sum(report.rejected + report.quarantined + report.duplicates for report in reports.values()) == 0
