"""The planted truth: exits follow the written hazard, and confounding is there and can be adjusted for."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from features.records.sample import write_sample
from features.records.sample.effects import draw_effects
from features.records.sample.forms import SIZES, TEXTS
from features.records.sample.hazard import hill, intercept_for, saturating

EMPLOYEES, YEARS = 1200, 3


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write an organisation large enough for averages to speak."""
    folder = tmp_path_factory.mktemp("truth")
    write_sample(folder, employees=EMPLOYEES, years=YEARS, seed=11)
    return folder


@pytest.fixture(scope="module")
def truth(organisation: Path) -> dict[str, Any]:
    return dict(json.loads((organisation / "truth.json").read_text()))


@pytest.fixture(scope="module")
def frames(organisation: Path, read_table: Callable[[Path, str], pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Return the tables that these tests compare with the truth."""
    names = ("employees", "job_history", "exits", "surveys", "outcomes", "held_skills", "learning_events",
             "programmes", "programme_members", "protected_attributes")  # fmt: skip
    return {name: read_table(organisation, name) for name in names}


def test_a_saturating_term_is_zero_below_its_threshold_and_one_far_above() -> None:
    assert saturating(np.array([-1.0, 0.0]), 2.0).tolist() == [0.0, 0.0]
    assert saturating(np.array([2.0]), 2.0)[0] == pytest.approx(1 - np.exp(-1))
    assert hill(np.array([32.0]), 32.0, 4.0)[0] == pytest.approx(0.5)


def test_the_intercept_gives_the_wanted_mean_hazard() -> None:
    terms = {"one": np.array([0.0, 1.0, -1.0]), "two": np.array([0.5, 0.0, 0.0])}
    intercept = intercept_for(terms, 0.01)
    assert np.mean(1 - np.exp(-np.exp(intercept + sum(terms.values())))) == pytest.approx(0.01, rel=1e-6)


def test_exit_rates_a_year_lie_where_organisations_have_them(
    organisation: Path, frames: dict[str, pl.DataFrame]
) -> None:
    months = pl.read_parquet(organisation / "truth" / "person_months.parquet")
    years = months.height / 12
    exits = frames["exits"].sort("known_at").unique(["employee_id", "spell"], keep="last")
    rate = {cause: exits.filter(pl.col("reason_class") == cause).height / years for cause in TEXTS}
    assert 0.08 <= rate["voluntary"] <= 0.12
    assert 0.015 <= rate["involuntary"] <= 0.04
    assert 0.006 <= rate["retirement"] <= 0.025


def test_exits_follow_the_written_hazards(organisation: Path, frames: dict[str, pl.DataFrame]) -> None:
    months = pl.read_parquet(organisation / "truth" / "person_months.parquet")
    exits = frames["exits"].sort("known_at").unique(["employee_id", "spell"], keep="last")
    left = exits.select(
        "employee_id", "spell", "reason_class", month=pl.col("happened_at").dt.truncate("1mo")
    )
    joined = months.join(left, on=["employee_id", "spell", "month"], how="left")
    expected = joined["voluntary"].sum()
    seen = (joined["reason_class"] == "voluntary").sum()
    assert abs(seen - expected) < 3.5 * np.sqrt(expected)
    order = joined["voluntary"].rank("ordinal") > 0.9 * joined.height
    top = joined.filter(order)
    assert (top["reason_class"] == "voluntary").sum() / seen > 0.22  # lift above 2 in the riskiest tenth


def test_leavers_have_no_outcomes_after_they_left(frames: dict[str, pl.DataFrame]) -> None:
    exits = frames["exits"].group_by("employee_id").agg(pl.col("happened_at").max().alias("left"))
    last_spell = frames["employees"].group_by("employee_id").agg(pl.col("hired_at").max())
    gone = exits.join(last_spell, on="employee_id").filter(pl.col("hired_at") < pl.col("left"))
    later = frames["outcomes"].join(gone, on="employee_id")
    assert later.filter(pl.col("happened_at") > pl.col("left")).is_empty()


def test_some_effects_are_zero_some_positive_and_a_few_negative(truth: dict[str, Any]) -> None:
    effects = [entry["productivity"] for entry in truth["effects"].values()]
    assert sum(effect == 0 for effect in effects) > 0.3 * len(effects)
    assert sum(effect > 1 for effect in effects) > 0.25 * len(effects)
    assert sum(effect < 0 for effect in effects) == 2
    assert len(truth["zero_effects"]["productivity"]) == sum(effect == 0 for effect in effects)
    assert all(truth["effects"][course]["productivity"] == 0 for course in ("CO-101", "CO-102", "PR-102"))


def test_drivers_are_ranked_and_carry_their_coefficients(truth: dict[str, Any]) -> None:
    drivers = truth["hazard_drivers"]["voluntary"]
    sizes = [driver["importance"] for driver in drivers]
    assert sizes == sorted(sizes, reverse=True)
    assert {driver["driver"] for driver in drivers} == set(TEXTS["voluntary"])
    by_name = {driver["driver"]: driver for driver in drivers}
    assert by_name["overtime"]["coefficients"] == {"overtime": SIZES["voluntary"]["overtime"]}
    assert not by_name["frailty"]["is_recorded"]


def test_the_written_truth_about_people_covers_everybody(
    organisation: Path, frames: dict[str, pl.DataFrame]
) -> None:
    employees = frames["employees"]
    people = pl.read_parquet(organisation / "truth" / "people.parquet")
    levels = pl.read_parquet(organisation / "truth" / "levels.parquet")
    assert (
        people.select("employee_id", "spell")
        .sort("employee_id", "spell")
        .equals(
            employees.select("employee_id", "spell")
            .cast({"spell": people["spell"].dtype})
            .sort("employee_id", "spell")
        )
    )
    assert set(levels["employee_id"]) == set(employees["employee_id"])
    assert levels["level"].is_between(0, 5).all()


def test_evidence_of_skills_follows_the_true_levels(
    organisation: Path, frames: dict[str, pl.DataFrame]
) -> None:
    levels = pl.read_parquet(organisation / "truth" / "levels.parquet").rename({"level": "true"})
    held = frames["held_skills"].join(levels, on=["employee_id", "skill_id"])
    assert held.filter(pl.col("source") == "manager").select(pl.corr("level", "true")).item() > 0.7
    error = held.group_by("source").agg(((pl.col("level") - pl.col("true")) ** 2).mean().sqrt())
    by_source = dict(error.rows())
    assert by_source["assessed"] < by_source["manager"] < by_source["inferred"]


def test_randomised_arms_differ_by_the_planted_effect(
    frames: dict[str, pl.DataFrame], truth: dict[str, Any]
) -> None:
    programmes = {row["programme_id"]: row for row in frames["programmes"].iter_rows(named=True)}
    members = frames["programme_members"].filter(pl.col("programme_id") == "P-FOCUS")
    after = programmes["P-FOCUS"]["starts_at"] + timedelta(days=200)
    outcomes = frames["outcomes"].filter(pl.col("kpi") == "productivity")
    value = pl.col("value").mean()
    post = outcomes.filter(pl.col("happened_at") > after).group_by("employee_id").agg(value)
    before = outcomes.filter(pl.col("happened_at") < programmes["P-FOCUS"]["starts_at"]).group_by(
        "employee_id"
    )
    change = members.join(post, on="employee_id").join(before.agg(value.alias("before")), on="employee_id")
    change = change.with_columns(gain=pl.col("value") - pl.col("before"))
    trained = change.filter(pl.col("arm") == "trained")["gain"]
    others = change.filter(pl.col("arm") == "comparison")["gain"]
    error = np.sqrt(trained.var() / trained.len() + others.var() / others.len())  # type: ignore[operator]
    planted = truth["programmes"]["P-FOCUS"]["effect_of_completing"] * 0.93
    assert abs(trained.mean() - others.mean() - planted) < 3.5 * error  # type: ignore[operator]
    assert trained.mean() > others.mean()  # type: ignore[operator]


def test_protected_attributes_drive_nothing_but_hours_and_place(
    organisation: Path, frames: dict[str, pl.DataFrame]
) -> None:
    wide = frames["protected_attributes"].pivot(on="attribute", index="employee_id", values="value")
    history = frames["job_history"].sort("happened_at").unique("employee_id", keep="last")
    joined = wide.join(history, on="employee_id")
    hours = dict(joined.group_by("sex").agg(pl.col("fte_share").mean()).rows())
    assert hours["male"] - hours["female"] > 0.03
    people = pl.read_parquet(organisation / "truth" / "people.parquet").filter(pl.col("spell") == 1)
    ability = dict(wide.join(people, on="employee_id").group_by("sex").agg(pl.col("ability").mean()).rows())
    assert abs(ability["male"] - ability["female"]) < 0.2


def test_mandatory_courses_and_programmes_get_no_drawn_effect() -> None:
    from features.records.sample.catalogue import read_catalogue

    catalogue = read_catalogue()
    effects = draw_effects(catalogue, np.random.default_rng(5))
    bound = catalogue.course_flags("mandatory")
    assert np.all(effects.outcome[bound] == 0)
    assert np.all(effects.exit[bound] == 0)


def test_naive_comparison_misleads_and_adjusting_recovers_the_effects(
    frames: dict[str, pl.DataFrame], truth: dict[str, Any]
) -> None:
    rows = comparisons(frames)
    planted = np.array([truth["effects"][row[0]]["productivity"] for row in rows])
    weight = np.array([row[1] for row in rows], float)
    naive = np.average(np.array([row[2] for row in rows]) - planted, weights=weight)
    adjusted = np.average(np.array([row[3] for row in rows]) - planted, weights=weight)
    assert naive > 0.7
    assert abs(adjusted) < 0.4
    assert abs(adjusted) < naive / 2


def comparisons(frames: dict[str, pl.DataFrame]) -> list[tuple[str, int, float, float]]:
    """Return (course, trained, naive difference, adjusted difference), quarter by quarter.

    Adjusted by least squares: what the covariates do not explain of the outcome, against what they do not
    explain of being trained (Frisch and Waugh).
    """
    quarters = [date(2023, 12, 31), date(2024, 3, 31), date(2024, 6, 30), date(2024, 9, 30), date(2024, 12, 31),
                date(2025, 3, 31), date(2025, 6, 30), date(2025, 9, 30)]  # fmt: skip
    out: list[tuple[str, int, float, float]] = []
    for start, end in zip(quarters[:-2], quarters[2:], strict=True):
        out += quarter(frames, start, end)
    return out


def quarter(frames: dict[str, pl.DataFrame], start: date, end: date) -> list[tuple[str, int, float, float]]:
    """Compare who enrolled after `start` and completed by `end` with those who never enrolled."""
    table, design = covariates(frames, start, end)
    events = frames["learning_events"].with_columns(day=pl.col("happened_at").dt.date())
    keys = ["employee_id", "course_id"]
    by_end = events.filter(pl.col("day") <= end)
    enrolled = by_end.filter(pl.col("kind") == "enrolled")
    fresh = enrolled.group_by(keys).agg(pl.col("day").min()).filter(pl.col("day") > start)
    completed = by_end.filter(pl.col("kind") == "completed").select(keys).unique().join(fresh, on=keys)
    outcome = table["y"].to_numpy()
    place = {name: number for number, name in enumerate(table["employee_id"])}
    touched = members(by_end.filter(pl.col("kind").is_in(["enrolled", "completed"])), place)
    basis = np.linalg.qr(design)[0]
    unexplained = outcome - basis @ (basis.T @ outcome)
    out = []
    for course, trained in members(completed, place).items():
        if len(trained) < 3 or course.startswith(("CO", "PR")):
            continue
        is_trained = np.isin(np.arange(len(outcome)), trained)
        keep = is_trained | ~np.isin(np.arange(len(outcome)), touched[course])
        naive = outcome[is_trained].mean() - outcome[keep & ~is_trained].mean()
        unusual = is_trained - basis @ (basis.T @ is_trained)
        adjusted = (unusual[keep] @ unexplained[keep]) / (unusual[keep] @ unusual[keep])
        out.append((course, len(trained), float(naive), float(adjusted)))
    return out


def members(frame: pl.DataFrame, place: dict[str, int]) -> dict[str, Any]:
    """Return, per course, the row numbers of the people in the frame."""
    grouped = frame.group_by("course_id").agg(pl.col("employee_id").unique())
    return {
        course: np.array([place[one] for one in people if one in place]) for course, people in grouped.rows()
    }


def covariates(frames: dict[str, pl.DataFrame], start: date, end: date) -> tuple[pl.DataFrame, Any]:
    """Return people with their later productivity, and what was recorded of them up to `start`."""
    values = frames["outcomes"].filter(pl.col("kpi") == "productivity").sort("known_at")
    values = values.unique(["employee_id", "happened_at"], keep="last")
    past = values.filter(pl.col("happened_at") < start).group_by("employee_id").agg(p0=pl.col("value").mean())
    asked = frames["surveys"].filter((pl.col("item") == "motivation") & (pl.col("known_at") <= start))
    drive = asked.sort("happened_at").group_by("employee_id").agg(m=pl.col("value").last())
    jobs = frames["job_history"].filter(pl.col("happened_at") <= start).sort("happened_at")
    jobs = jobs.group_by("employee_id").agg(pl.col("department", "location", "overtime_hours").last())
    hired = frames["employees"].group_by("employee_id").agg(pl.col("hired_at").max())
    table = (
        values.filter(pl.col("happened_at") == end).select("employee_id", y="value")
        .join(values.filter(pl.col("happened_at") == start).select("employee_id", p1="value"), on="employee_id")
        .join(past, on="employee_id").join(drive, on="employee_id").join(jobs, on="employee_id")
        .join(hired, on="employee_id").sort("employee_id")
    )  # fmt: skip
    new = np.exp(-np.array([(start - day).days for day in table["hired_at"]]) / 365.25 / 0.6)
    dummies = table.select("department", "location").to_dummies().to_numpy()[:, 1:]
    parts = [
        np.ones(table.height),
        table["m"],
        table["p1"],
        table["p0"],
        table["overtime_hours"],
        new,
        dummies,
    ]
    return table, np.column_stack([np.asarray(part, float) for part in parts])
