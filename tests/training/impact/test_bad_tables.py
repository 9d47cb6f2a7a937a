"""Tables that nobody can answer from: each is refused for what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.errors import BadInputError
from training.evaluation import as_json
from training.impact.evaluate_table import run

N = 300


@pytest.fixture
def frame() -> pd.DataFrame:
    """Return people of whom some were trained, without any effect, at known moments."""
    rng = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "trained": rng.random(N) < 0.4,
            "skill": rng.normal(size=N),
            "after": rng.normal(10, 1, N),
            "team": rng.integers(0, 30, N),
            "trained_on": "2024-03-01",
            "measured_on": "2024-09-01",
            "known_on": "2024-02-01",
        }
    )


def reason(frame: pd.DataFrame, folder: Path, *more: str) -> str:
    path = folder / "table.csv"
    frame.to_csv(path, index=False)
    arguments = [
        "--table",
        str(path),
        "--treatment",
        "trained",
        "--outcome",
        "after",
        "--pipeline",
        "screening",
    ]
    found = as_json(run([*arguments, *([] if "--covariates" in more else ["--covariates", "skill"]), *more]))
    assert found["status"] == "refused"
    assert found["verdict"] == "cannot tell"
    assert found["metrics"] == {}
    return str(found["reason"])


def test_an_outcome_from_before_the_training_is_refused(frame: pd.DataFrame, tmp_path: Path) -> None:
    early = frame.assign(measured_on=np.where(frame.index < 250, "2024-02-15", "2024-09-01"))
    says = reason(early, tmp_path, "--trained-at", "trained_on", "--measured-at", "measured_on")
    assert "measured before their training" in says


def test_covariates_from_after_the_training_are_refused(frame: pd.DataFrame, tmp_path: Path) -> None:
    late = frame.assign(known_on="2024-05-01")
    assert "known only after" in reason(
        late, tmp_path, "--trained-at", "trained_on", "--known-at", "known_on"
    )


def test_periods_may_stand_for_dates(frame: pd.DataFrame, tmp_path: Path) -> None:
    numbered = frame.assign(trained_on=3, measured_on=2)
    says = reason(numbered, tmp_path, "--trained-at", "trained_on", "--measured-at", "measured_on")
    assert "measured before their training" in says


@pytest.mark.parametrize("named", [True, False], ids=["named", "by its name"])
def test_mixed_units_in_a_column_are_refused(frame: pd.DataFrame, tmp_path: Path, named: bool) -> None:
    mixed = frame.assign(after_unit=np.where(frame.index % 2 == 0, "hours", "days"))
    if named:
        says = reason(mixed.rename(columns={"after_unit": "u"}), tmp_path, "--outcome-unit", "u")
    else:
        says = reason(mixed, tmp_path)
    assert "more than one unit" in says
    assert "days, hours" in says


def test_units_written_into_the_values_are_refused(frame: pd.DataFrame, tmp_path: Path) -> None:
    written = frame.assign(
        after=[f"{value:.1f} {'h' if n % 3 else 'd'}" for n, value in enumerate(frame["after"])]
    )
    assert "more than one unit" in reason(written, tmp_path)


def test_people_named_twice_are_refused_without_naming_the_column(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    twice = frame.assign(employee_id=[f"E{n // 2}" for n in range(N)])
    assert "more than once" in reason(twice, tmp_path)


def test_rows_copied_digit_for_digit_are_refused(frame: pd.DataFrame, tmp_path: Path) -> None:
    assert "copies of others" in reason(pd.concat([frame, frame.head(60)]), tmp_path)


def test_rounded_people_who_happen_to_be_alike_are_no_copies(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    alike = pd.DataFrame(
        {"trained": rng.random(N) < 0.4, "skill": rng.integers(0, 2, N), "after": rng.integers(0, 3, N)}
    )
    path = tmp_path / "table.csv"
    alike.to_csv(path, index=False)
    arguments = [
        "--table",
        str(path),
        "--treatment",
        "trained",
        "--outcome",
        "after",
        "--pipeline",
        "screening",
    ]
    assert run(arguments).status == "estimated"


def test_one_trained_team_beside_others_is_refused(frame: pd.DataFrame, tmp_path: Path) -> None:
    one = frame.assign(team=np.where(frame["trained"], 0, frame["team"] + 1))
    assert "one cluster" in reason(one, tmp_path, "--cluster", "team", "--design", "randomised")


def test_no_overlap_is_refused(frame: pd.DataFrame, tmp_path: Path) -> None:
    apart = frame.assign(skill=frame["skill"] + 9 * frame["trained"])
    assert "no overlap: skill alone tells" in reason(apart, tmp_path)
    # neither of two columns tells the sides apart, both together do
    both = frame.assign(skill=frame["skill"], other=frame["skill"] + np.where(frame["trained"], 0.5, -0.5))
    assert "no counterpart" in reason(both, tmp_path, "--covariates", "skill,other")


def test_the_outcome_in_another_unit_is_no_covariate(frame: pd.DataFrame, tmp_path: Path) -> None:
    twice = frame.assign(skill=frame["after"] * 60 + 3)
    assert "skill is the outcome itself" in reason(twice, tmp_path)


@pytest.mark.parametrize("size", [1e300, 1e-300])
def test_numbers_whose_squares_are_none_are_refused(frame: pd.DataFrame, tmp_path: Path, size: float) -> None:
    assert "too large, or too small" in reason(frame.assign(after=frame["after"] * size), tmp_path)


@pytest.mark.parametrize("side", [True, False])
def test_outcomes_of_one_side_alone_are_refused(frame: pd.DataFrame, tmp_path: Path, side: bool) -> None:
    lost = frame.assign(after=frame["after"].mask(frame["trained"] == side))
    assert f"anybody who was {'trained' if side else 'compared'}" in reason(lost, tmp_path)


@pytest.mark.parametrize("offered", [0, 1])
def test_an_offer_to_everybody_or_nobody_decides_nothing(
    frame: pd.DataFrame, tmp_path: Path, offered: int
) -> None:
    found = reason(frame.assign(offer=offered), tmp_path, "--design", "offer", "--offer", "offer")
    assert "no lot decided anything" in found


def test_a_roll_out_whose_outcomes_all_lie_before_training_is_refused(tmp_path: Path) -> None:
    rows = [
        (unit, period, 9 if unit % 2 else 0, float(unit + period))
        for unit in range(40)
        for period in (1, 2, 3)
    ]
    path = tmp_path / "panel.csv"
    pd.DataFrame(rows, columns=["unit", "month", "first", "kpi"]).to_csv(path, index=False)
    found = run(["--table", str(path), "--design", "staggered", "--outcome", "kpi", "--unit", "unit", "--period", "month",
                 "--first-treated", "first"])  # fmt: skip
    assert "Nobody starts being trained" in found.reason


def test_times_without_the_training_to_compare_with_teach(frame: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    frame.to_csv(path, index=False)
    arguments = [
        "--table",
        str(path),
        "--treatment",
        "trained",
        "--outcome",
        "after",
        "--measured-at",
        "measured_on",
    ]
    with pytest.raises(BadInputError, match="--trained-at"):
        run(arguments)


def test_outcomes_missing_on_one_side_bound_the_effect_and_lower_the_verdict(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    gone = frame["trained"] & (np.arange(N) % 5 < 2)
    path = tmp_path / "table.csv"
    frame.assign(after=frame["after"].where(~gone)).to_csv(path, index=False)
    found = run(
        ["--table", str(path), "--treatment", "trained", "--outcome", "after", "--design", "randomised"]
    )
    low, high = found.diagnostics["bounds"]
    assert low < found.metrics["estimate"].value < high
    assert found.verdict == "suggestive"
    assert "missing more often on one side" in " ".join(found.diagnostics["verdict_reasons"])


def test_a_negative_control_that_moves_forbids_belief(frame: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    frame.assign(weather=frame["skill"] * 0 + 3 * frame["trained"] + frame["after"]).to_csv(path, index=False)
    found = run(["--table", str(path), "--treatment", "trained", "--outcome", "after", "--design", "randomised",
                 "--negative-control", "weather"])  # fmt: skip
    assert found.metrics["negative_control"].low > 0
    assert found.verdict == "cannot tell"
