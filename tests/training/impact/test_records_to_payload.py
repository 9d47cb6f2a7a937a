"""From records to a saved model: planted effects found, refusals kept, the reloaded scorer equal."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from features.errors import RefusedError
from features.records.store import FRAME_TYPES
from features.records.tables import IMPORTABLE
from training.context import TrainingContext
from training.evaluation import as_json
from training.impact import evaluate as judging
from training.impact.comparisons import comparison, comparison_table
from training.impact.dataset import TABLES, Dataset, build
from training.impact.estimators.crossfit import Pipeline
from training.impact.estimators.learners import Boosted
from training.impact.fit import Parameters, fit
from training.impact.scorer import Scorer
from training.impact.screening import records as listed
from training.impact.screening import screen
from training.loading import load_scorer
from training.payload import write_payload

FIRST = datetime(2023, 1, 1, tzinfo=UTC)
DAYS = 720
PEOPLE = 400
EFFECT = 6.0


def at(day: int) -> datetime:
    return FIRST + timedelta(days=int(day))


def frames(rows: dict[str, list[dict[str, Any]]]) -> dict[str, pl.DataFrame]:
    found = {}
    for name in TABLES:
        schema = {column.name: FRAME_TYPES[column.kind] for column in IMPORTABLE[name].columns}
        stated = [{"known_at": row.get("happened_at"), **row} for row in rows.get(name, [])]
        found[name] = pl.DataFrame({key: [row.get(key) for row in stated] for key in schema}, schema=schema)
    return found


def organisation(
    rng: np.random.Generator, people: int = PEOPLE, steepness: float = 0.0
) -> dict[str, pl.DataFrame]:
    """Return people of whom the motivated enrol in GOOD and EMPTY; ALL is for everybody.

    GOOD raises the KPI by 6, and by `steepness` more for each standard deviation of motivation.
    """
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    rows["courses"] = [
        {"course_id": name, "title": name} for name in ("ALL", "BOUND", "EMPTY", "GOOD", "NOBODY")
    ]
    rows["jobs"] = [{"job_id": "J", "title": "Job", "grade": 3.0}]
    for number in range(people):
        name = f"E{number:04}"
        drive = rng.normal()
        rows["employees"].append(
            {"employee_id": name, "spell": 1, "hired_at": at(-500), "known_at": at(-500)}
        )
        rows["job_history"].append(
            {"employee_id": name, "spell": 1, "happened_at": at(-500), "job_id": "J", "department": f"D{number % 2}",
             "location": "L", "pay_amount": 100.0, "pay_currency": "EUR"}
        )  # fmt: skip
        rows["surveys"].append(
            {"employee_id": name, "item": "motivation", "happened_at": at(-90), "value": 3 + drive,
             "scale_low": 0.0, "scale_high": 6.0}
        )  # fmt: skip
        enrolled = {"GOOD": pick(rng, drive), "EMPTY": pick(rng, drive), "ALL": int(rng.integers(60, 500))}
        if number % 3 == 0:
            enrolled["BOUND"] = int(rng.integers(30, 480))
            rows["assignments"].append(
                {"employee_id": name, "course_id": "BOUND", "happened_at": at(enrolled["BOUND"] - 5), "is_mandatory": True}
            )  # fmt: skip
        for course, day in enrolled.items():
            if day is not None:
                rows["learning_events"].append(
                    {"event_id": f"{name}{course}", "employee_id": name, "course_id": course, "kind": "enrolled",
                     "happened_at": at(day)}
                )  # fmt: skip
        for day in range(-170, DAYS, 90):
            gain = (
                EFFECT + steepness * drive if enrolled["GOOD"] is not None and enrolled["GOOD"] < day else 0.0
            )
            rows["outcomes"].append(
                {"employee_id": name, "kpi": "productivity", "unit": "index", "happened_at": at(day),
                 "value": 100 + 5 * drive + gain + rng.normal(0, 2)}
            )  # fmt: skip
        if rng.random() < 0.15:
            rows["exits"].append(
                {"employee_id": name, "spell": 1, "happened_at": at(rng.integers(100, DAYS)), "reason_class": "voluntary"}
            )  # fmt: skip
    return frames(rows)


def pick(rng: np.random.Generator, drive: float) -> int | None:
    """Return the day of enrolling, or None; the driven enrol more often."""
    return int(rng.integers(30, 480)) if rng.random() < 1 / (1 + np.exp(1.2 - drive)) else None


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    records = organisation(np.random.default_rng(7))
    return build(TrainingContext(records, at(DAYS), threads=1))


@pytest.fixture(scope="module")
def folder(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("impact") / "payload"
    write_payload(fit(dataset, Parameters(), np.random.default_rng(7)), found)
    return found


def estimates(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    listed = json.loads((folder / "estimates.json").read_text())["estimates"]
    return {(one["course_id"], one["outcome"]): one for one in listed}


def test_what_programmes_name_beside_kpis_is_an_outcome_too() -> None:
    records = organisation(np.random.default_rng(7), 60)
    people = records["employees"]["employee_id"]
    moments = [at(day) for day in range(-100, DAYS, 80)]
    tested = [
        {"employee_id": name, "skill_id": "S1", "level": 3.0, "source": "assessed", "happened_at": when, "known_at": when}
        for name in people for when in moments
    ]  # fmt: skip
    kinds = {column.name: FRAME_TYPES[column.kind] for column in IMPORTABLE["held_skills"].columns}
    records["held_skills"] = pl.DataFrame(
        {key: [row.get(key) for row in tested] for key in kinds}, schema=kinds
    )
    plans = [{"programme_id": name, "kpi": name} for name in ("skill S1", "survey motivation", "promotion")]
    kinds = {column.name: FRAME_TYPES[column.kind] for column in IMPORTABLE["programmes"].columns}
    records["programmes"] = pl.DataFrame(
        {key: [row.get(key) for row in plans] for key in kinds}, schema=kinds
    )
    found = build(TrainingContext(records, at(DAYS), threads=1))
    assert found.outcome_names == (
        "productivity",
        "skill S1",
        "survey motivation",
        "promotion",
        "voluntary_exit",
    )
    assert found.units == ("index", "level 0-5", "share 0-1", "probability", "probability")
    assert set(found.outcomes[:, 1][np.isfinite(found.outcomes[:, 1])]) == {3.0}
    assert np.isnan(found.outcomes[:, 2]).all()  # asked once, before the first month
    assert (found.outcomes[:, 3] == 0).all()
    assert "survey motivation" in found.names  # the last answer, told once


def test_records_too_short_to_reach_the_horizon_are_refused() -> None:
    records = organisation(np.random.default_rng(7))
    with pytest.raises(RefusedError, match="No month can be followed"):
        build(TrainingContext(records, at(20)))


def test_a_course_that_nobody_took_is_refused_with_its_reason(folder: Path) -> None:
    found = estimates(folder)["NOBODY", "productivity"]
    assert found["status"] == "refused"
    assert found["effect"] is None
    assert found["verdict"]["code"] == "cannot_tell"
    assert found["reason"]


def test_a_course_that_everybody_takes_soon_shows_nothing_of_going_without(folder: Path) -> None:
    found = estimates(folder)["ALL", "productivity"]
    assert found["status"] == "refused"
    assert "Nearly everybody enrols" in found["reason"]


def test_a_course_that_people_had_to_take_is_refused(folder: Path) -> None:
    found = estimates(folder)["BOUND", "productivity"]
    assert found["status"] == "refused"
    assert "mandatory for those who took it" in found["reason"]


def test_the_compared_had_not_enrolled_by_the_end_of_their_month(dataset: Dataset) -> None:
    good = dataset.course_ids.index("GOOD")
    chosen = comparison(dataset, good, 180, np.random.default_rng(7))
    mine = dataset.enrolled["course"] == good
    enrolled = dict(zip(dataset.enrolled["person"][mine], dataset.enrolled["at"][mine], strict=True))
    for row, trained in zip(chosen.rows, chosen.trained, strict=True):
        person, month = dataset.person_of_row[row], dataset.month_of_row[row]
        when = enrolled.get(person, np.iinfo(np.int64).max)
        inside = dataset.months[month] <= when < dataset.months[month + 1]
        assert inside if trained else when >= dataset.months[month + 1]


def test_the_placebo_is_hidden_from_its_own_covariates(dataset: Dataset) -> None:
    chosen = comparison(dataset, dataset.course_ids.index("GOOD"), 180, np.random.default_rng(7))
    earlier = comparison_table(dataset, chosen, 0).as_placebo()
    assert earlier is not None
    assert not any(name.startswith("previous productivity") for name in earlier.names)
    assert any(name.startswith("last productivity") for name in earlier.names)


def test_the_planted_effect_is_found_and_the_empty_course_is_not_praised(folder: Path) -> None:
    good, empty = (estimates(folder)[course, "productivity"] for course in ("GOOD", "EMPTY"))
    # enrolling now is compared with not enrolling now: some of the compared enrolled later, and gained too
    now_rather_than_not = EFFECT * (1 - good["later_enrolled_share"])
    assert good["effect"]["low"] < now_rather_than_not < good["effect"]["high"]
    assert good["effect"]["low"] > 0.7 * EFFECT
    assert good["verdict"]["code"] == "suggestive"
    assert good["placebo"]["passed"]
    assert good["pipeline"] == "screening"
    assert good["unit"] == "index"
    assert good["q_value"] < 0.01
    assert good["other_courses"] == {"trained": 0.0, "compared": 0.0}  # nobody's completions are recorded
    assert empty["effect"]["low"] < 0 < empty["effect"]["high"]


def test_leaving_is_an_outcome_of_everybody_who_was_there(folder: Path) -> None:
    found = estimates(folder)["GOOD", "voluntary_exit"]
    assert found["n"]["trained_without_outcome"] == 0
    assert found["n"]["compared_without_outcome"] == 0
    assert found["placebo"] is None


def test_a_reloaded_scorer_answers_what_was_estimated_for_everybody_alike(
    folder: Path, dataset: Dataset
) -> None:
    scorer = load_scorer(folder)
    good = dataset.course_ids.index("GOOD")
    found = scorer.scores(course_index=[good, good, -1], outcome_index=[0, 0, 0], covariates=np.zeros((3, 4)))
    effect = estimates(folder)["GOOD", "productivity"]["effect"]
    assert found[0].tolist() == [effect["value"], effect["low"], effect["high"]]
    assert found[1].tolist() == found[0].tolist()
    assert np.isnan(found[2]).all()
    assert scorer.individual_effects is False


def test_a_course_examined_in_full_says_whether_people_have_effects_of_their_own(
    dataset: Dataset, tmp_path: Path
) -> None:
    chosen = Parameters(full_courses=("GOOD",), trees=30, seeds=1)
    write_payload(fit(dataset, chosen, np.random.default_rng(7)), tmp_path / "full")
    found = estimates(tmp_path / "full")
    good = found["GOOD", "productivity"]
    assert good["pipeline"] == "full"
    assert (good["individual"]["gate"], good["individual"].get("line")) == ("shut", None)  # all gain the same
    assert found["EMPTY", "productivity"]["individual"] is None  # screened


def test_where_the_motivated_gain_more_the_gate_opens_and_their_own_effects_are_told() -> None:
    records = organisation(np.random.default_rng(7), people=1_200, steepness=5.0)
    uneven = build(TrainingContext(records, at(DAYS), threads=1))
    course = uneven.course_ids.index("GOOD")
    told = listed(uneven, screen(uneven, [course], Pipeline("full", Boosted(), 2, (0,)), 7))
    good = next(one for one in told if one["outcome"] == "productivity")
    assert good["individual"]["gate"] == "open"
    assert good["individual"]["policy_value"]["best_half_gain"]["low"] > 0
    body = {"course_ids": list(uneven.course_ids), "outcomes": list(uneven.outcome_names), "features": list(uneven.names),
            "estimates": told}  # fmt: skip
    scorer = Scorer(body, {})
    assert [(one["course_id"], one["outcome"]) for one in scorer.lines] == [("GOOD", "productivity")]
    drive = uneven.covariates[:, uneven.names.index("survey motivation")] * 6 - 3
    known = {name: uneven.covariates[:, place] for place, name in enumerate(uneven.names)}
    own = scorer.personal(0, known)[:, 0]
    assert np.corrcoef(own, drive)[0, 1] > 0.8
    assert np.polyfit(drive, own, 1)[0] == pytest.approx(5.0, abs=2.0)  # a share of the compared enrols later


def test_the_same_records_give_the_same_payload(folder: Path, dataset: Dataset, tmp_path: Path) -> None:
    again = fit(replace(dataset, threads=2), Parameters(), np.random.default_rng(7))
    assert write_payload(again, tmp_path / "again") == write_payload(
        fit(dataset, Parameters(), np.random.default_rng(7)), tmp_path / "once"
    )
    assert (tmp_path / "again" / "estimates.json").read_bytes() == (folder / "estimates.json").read_bytes()


def test_the_saved_model_is_judged_on_later_months(
    folder: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "FAKES", 10)
    found = judging.evaluate(folder, dataset, np.random.default_rng(7))
    assert (
        dataset.months[dataset.month_of_row[dataset.earlier_block].max() + 1]
        < dataset.months[dataset.first_judging_month]
    )
    assert found.metrics[judging.PRIMARY].value > found.peers["mean"][judging.PRIMARY].value + 0.1
    assert found.per_unit.shape == found.peer_units["last_measurement"].shape
    passed, words = found.gates["null check"]
    assert passed, words
    json.dumps(as_json(found), allow_nan=False)
    for draw in found.figures.values():
        draw()
