"""Off-policy evaluation: by hand, on a planted truth, and refused where the log cannot tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.errors import BadInputError, RefusedError
from training.recommendation.evaluate_table import run
from training.recommendation.off_policy import Log, estimates, policy_value, sums_by_person

LOGGED = np.array([0.6, 0.3, 0.1])
TARGET = np.array([0.1, 0.3, 0.6])
REWARD = np.array([0.1, 0.2, 0.5])  # of each course: the target's true value is .01 + .06 + .3 = .37


def planted(n: int, rng: np.random.Generator, predicted: bool = True) -> Log:
    """Return a log of three courses whose true rewards are known."""
    shown = rng.choice(3, n, p=LOGGED)
    reward = (rng.random(n) < REWARD[shown]).astype(float)
    model = REWARD + 0.05  # a little wrong: doubly robust corrects it
    return Log(
        reward,
        LOGGED[shown],
        TARGET[shown],
        np.arange(n) // 2,
        model[shown] if predicted else None,
        np.full(n, TARGET @ model) if predicted else None,
    )


def test_two_rows_by_hand() -> None:
    # Weights 2 and .5; rewards 1 and 0: IPS 2 / 2 = 1, SNIPS 2 / 2.5 = .8, logged .5.
    log = Log(np.array([1.0, 0.0]), np.array([0.25, 0.8]), np.array([0.5, 0.4]), np.array([0, 1]))
    found = estimates({name: float(each.sum()) for name, each in sums_by_person(log).items()})
    assert found["ips"] == pytest.approx(1.0)
    assert found["snips"] == pytest.approx(0.8)
    assert found["logged"] == pytest.approx(0.5)


def test_every_estimator_finds_the_planted_value() -> None:
    values, differences, overlap = policy_value(
        planted(8_000, np.random.default_rng(7)), np.random.default_rng(7)
    )
    for name in ("ips", "snips", "dr"):
        assert values[name].low < 0.37 < values[name].high
        assert differences[name].low > 0
    assert values["logged"].value == pytest.approx(0.17, abs=0.02)
    assert overlap.mean_weight.low < 1.0 < overlap.mean_weight.high


def test_the_doubly_robust_interval_covers_the_planted_value_as_often_as_it_says() -> None:
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(60):
        values, _, _ = policy_value(planted(800, rng), rng)
        covered += values["dr"].low <= 0.37 <= values["dr"].high
    assert covered >= 52  # of 60; 57 are expected


def test_without_predictions_there_is_no_doubly_robust_estimate() -> None:
    values, _, _ = policy_value(planted(2_000, np.random.default_rng(7), False), np.random.default_rng(7))
    assert set(values) == {"ips", "snips", "logged"}


def test_a_policy_that_was_never_shown_is_refused() -> None:
    log = planted(1_000, np.random.default_rng(7))
    never = Log(log.reward, log.propensity, np.zeros(1_000), log.people)
    with pytest.raises(RefusedError, match="hardly overlap"):
        policy_value(never, np.random.default_rng(7))
    half = Log(
        log.reward, log.propensity, log.target / 2, log.people
    )  # half of what it shows is not in the log
    with pytest.raises(RefusedError, match="never shown"):
        policy_value(half, np.random.default_rng(7))


def test_missing_and_impossible_propensities_are_refused() -> None:
    log = planted(500, np.random.default_rng(7))
    gone = log.propensity.copy()
    gone[3] = np.nan
    with pytest.raises(RefusedError, match="Propensities are missing"):
        policy_value(Log(log.reward, gone, log.target, log.people), np.random.default_rng(7))
    gone[3] = 0.0
    with pytest.raises(BadInputError, match="row 4"):
        policy_value(Log(log.reward, gone, log.target, log.people), np.random.default_rng(7))


def test_a_log_is_evaluated_by_the_command(tmp_path: Path) -> None:
    log = planted(3_000, np.random.default_rng(7))
    frame = pd.DataFrame({
        "employee_id": log.people, "reward": log.reward, "propensity": log.propensity, "new": log.target,
        "expected": log.expected, "expected_of_target": log.expected_of_target,
    })  # fmt: skip
    frame.to_csv(tmp_path / "log.csv", index=False)
    found = run(["--log", str(tmp_path / "log.csv"), "--target-column", "new"])
    assert found.primary == "dr"
    assert found.metrics["dr"].low < 0.37 < found.metrics["dr"].high
    assert found.n == {"rows": 3_000, "people": 1_500}
    assert "ahead of what was shown" in found.verdict


@pytest.mark.parametrize(
    ("dropped", "kind", "message"),
    [("propensity", RefusedError, "no propensities"), ("target", BadInputError, "no column for target")],
)
def test_a_log_without_a_column_says_which(
    tmp_path: Path, dropped: str, kind: type[Exception], message: str
) -> None:
    frame = pd.DataFrame({"reward": [1.0], "propensity": [0.5], "target": [0.5]}).drop(columns=dropped)
    frame.to_csv(tmp_path / "log.csv", index=False)
    with pytest.raises(kind, match=message):
        run(["--log", str(tmp_path / "log.csv")])


def test_neither_interactions_nor_a_log_is_refused() -> None:
    with pytest.raises(BadInputError, match="nothing to evaluate"):
        run(["--seed", "1"])
