"""`skillpath evaluate impact` reads what people write: percentages, dates, gaps, quarters, never; what it cannot, it says how to write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.errors import BadInputError
from training.evaluation import Evaluation
from training.impact.evaluate_table import run

N = 240


@pytest.fixture
def frame() -> pd.DataFrame:
    """Return people of whom some were trained, which raised the outcome by 2."""
    rng = np.random.default_rng(5)
    skill, trained = rng.normal(size=N), rng.random(N) < 0.4
    outcome = (10 + skill + 2.0 * trained + rng.normal(size=N)).round(1)
    return pd.DataFrame({"trained": trained.astype(int), "skill": skill, "after": outcome})


def estimate(frame: pd.DataFrame, folder: Path, *more: str) -> Evaluation:
    path = folder / "table.csv"
    frame.to_csv(path, index=False)
    return run(["--table", str(path), "--treatment", "trained", "--outcome", "after", "--pipeline", "screening",
                "--threads", "1", "--covariates", "skill", *more])  # fmt: skip


def rolled_out(rng: np.random.Generator) -> pd.DataFrame:
    rows = [
        (unit, year, start, 2.0 * (start > 0 and year >= start) + rng.normal(0, 0.3))
        for unit, start in enumerate(rng.choice([2021, 2022, 0], 60))
        for year in range(2019, 2024)
    ]
    return pd.DataFrame(rows, columns=["unit", "year", "first", "kpi"])


def roll_out(frame: pd.DataFrame, folder: Path, *more: str) -> Evaluation:
    path = folder / "panel.csv"
    frame.to_csv(path, index=False)
    return run(["--table", str(path), "--design", "staggered", "--unit", "unit", "--period", "year", "--outcome", "kpi",
                *(more or ("--first-treated", "first"))])  # fmt: skip


def test_percentages_are_numbers(frame: pd.DataFrame, tmp_path: Path) -> None:
    plain = estimate(frame, tmp_path)
    signed = estimate(frame.assign(after=frame["after"].map("{:.1f} %".format)), tmp_path)
    assert signed.metrics["estimate"] == plain.metrics["estimate"]


def test_one_that_gaps_turned_into_a_fraction_is_one(frame: pd.DataFrame, tmp_path: Path) -> None:
    gaps = frame.assign(trained=frame["trained"].astype(float).where(frame.index > 9))
    found = estimate(gaps, tmp_path, "--treated-value", "1")
    assert found.n["trained"] == int(frame["trained"][10:].sum())
    assert found.diagnostics["left_out"]["rows"] == "10 rows do not say who was trained"
    arms = gaps.assign(trained=gaps["trained"].mask(gaps.index > 200, 2.0))
    two = estimate(arms, tmp_path, "--treated-value", "1", "--compared-value", "0")
    assert two.diagnostics["left_out"]["arms"] == "49 rows belong to other arms"


def test_who_has_a_date_of_training_was_trained(frame: pd.DataFrame, tmp_path: Path) -> None:
    plain = estimate(frame, tmp_path)
    dated = frame.assign(trained=np.where(frame["trained"] == 1, "2024-03-01", ""), measured="2024-09-01")
    when = ("--trained-at", "trained", "--measured-at", "measured")
    found = estimate(dated, tmp_path, *when)
    assert found.metrics["estimate"] == plain.metrics["estimate"]
    assert "who has one counts as trained" in found.diagnostics["left_out"]["trained"]
    early = estimate(dated.assign(measured="2024-02-01"), tmp_path, *when)
    assert "measured before their training" in early.reason


def test_words_for_unknown_are_gaps(frame: pd.DataFrame, tmp_path: Path) -> None:
    words = np.array([".", "n/a ", "missing", "-"])[np.arange(N) % 4]
    gaps = frame.assign(after=frame["after"].astype(str).where(frame.index >= 12, words))
    found = estimate(gaps, tmp_path)
    assert found.n["trained_without_outcome"] + found.n["compared_without_outcome"] == 12
    plain = estimate(frame.assign(after=frame["after"].where(frame.index >= 12)), tmp_path)
    assert found.metrics["estimate"] == plain.metrics["estimate"]


def test_a_code_for_unknown_is_no_outcome(frame: pd.DataFrame, tmp_path: Path) -> None:
    coded = frame.assign(after=frame["after"].where(frame.index >= 3, 9999))
    assert "looks like a code for unknown" in estimate(coded, tmp_path).reason
    once = frame.assign(after=frame["after"].where(frame.index >= 1, 999))  # one person may be far off
    assert estimate(once, tmp_path).status == "estimated"
    counts = frame.assign(after=(frame["after"] - 3).round())  # 7, 8 and 9 among their like
    assert estimate(counts, tmp_path).status == "estimated"


def test_days_before_months_are_not_guessed_at(frame: pd.DataFrame, tmp_path: Path) -> None:
    when = ("--trained-at", "on", "--measured-at", "measured")
    written = frame.assign(on="01/03/2024", measured="05/04/2024")
    with pytest.raises(BadInputError, match="nothing tells day from month"):
        estimate(written, tmp_path, *when)
    assert (
        estimate(frame.assign(on="01.03.2024", measured="05.04.2024"), tmp_path, *when).status == "estimated"
    )
    early = frame.assign(on="05.04.2024", measured="01.05.2023")
    assert "measured before" in estimate(early, tmp_path, *when).reason


@pytest.mark.parametrize(
    ("written", "says"),
    [("${:,.0f}", "no thousands separator"), ("{:,.0f} people", "Write the number alone")],
)
def test_other_numbers_are_told_how_to_be_written(
    frame: pd.DataFrame, tmp_path: Path, written: str, says: str
) -> None:
    with pytest.raises(BadInputError, match=says):
        estimate(frame.assign(after=(1000 * frame["after"]).map(written.format)), tmp_path)


def test_two_words_are_told_to_become_one_and_nought(frame: pd.DataFrame, tmp_path: Path) -> None:
    words = frame.assign(after=np.where(frame["after"] > 11, "promoted", "stayed"))
    with pytest.raises(BadInputError, match="Write 1 for one of “promoted” and “stayed”"):
        estimate(words, tmp_path)


def test_an_offer_needs_to_know_who_took_part_without_it(frame: pd.DataFrame, tmp_path: Path) -> None:
    offered = frame.rename(columns={"trained": "offer"})
    took = offered.assign(trained=np.where(offered["offer"] == 1, offered.index % 2, np.nan))
    design = ("--design", "offer", "--offer", "offer")
    assert "Of nobody without the offer is it known" in estimate(took, tmp_path, *design).reason
    found = estimate(took.fillna({"trained": 0}), tmp_path, *design)
    assert found.diagnostics["uptake_if_not_offered"] == 0
    assert found.metrics["itt"].value == pytest.approx(
        found.metrics["late"].value * found.metrics["first_stage"].value
    )


def test_never_and_quarters_are_read_in_a_roll_out(tmp_path: Path) -> None:
    plain = rolled_out(np.random.default_rng(7))
    found = roll_out(plain, tmp_path)
    words = plain.assign(first=plain["first"].astype(str).where(plain["first"] > 0, "Never"))
    assert roll_out(words, tmp_path).metrics["estimate"] == found.metrics["estimate"]
    quarters = words.assign(
        year=plain["year"].map("{}Q3".format),
        first=words["first"].where(plain["first"] == 0, words["first"] + "-Q3"),
    )
    dated = roll_out(quarters, tmp_path)
    assert dated.metrics["estimate"] == found.metrics["estimate"]
    assert dated.diagnostics["left_out"]["periods"].startswith("dates, counted from 1 (2019-07-01)")


def test_units_that_stop_being_treated_are_told(tmp_path: Path) -> None:
    plain = rolled_out(np.random.default_rng(7))
    once = plain.assign(treated=(plain["year"] == plain["first"]).astype(int))
    found = roll_out(once, tmp_path, "--treatment", "treated")
    assert "units stop being treated" in found.diagnostics["left_out"]["treated"]
    assert found.metrics["estimate"] == roll_out(plain, tmp_path).metrics["estimate"]


def test_first_periods_under_the_wrong_name_are_told_so(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="--first-treated"):
        roll_out(rolled_out(np.random.default_rng(7)), tmp_path, "--treatment", "first")
