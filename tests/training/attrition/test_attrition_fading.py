"""What is known today tells less of later months: found where it was planted, not invented where it was not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from training.attrition.dataset import Dataset
from training.attrition.fitting.fading import fade_of, kept_share, rows_ahead
from training.attrition.scorer import sigmoid

PEOPLE, MONTHS = 30_000, 6


def lived(kept: float) -> tuple[np.ndarray, ...]:
    """Return log-odds, exits, people and months of a world in which differences last by `kept` from month to month."""
    rng = np.random.default_rng(4)
    state = rng.normal(size=PEOPLE)
    here = np.ones(PEOPLE, dtype=bool)
    parts = []
    for month in range(MONTHS):
        odds = -4.0 + state
        left = here & (rng.random(PEOPLE) < sigmoid(odds))
        who = np.flatnonzero(here)
        parts.append((odds[who], left[who], who, np.full(len(who), month)))
        here &= ~left
        state = kept * state + np.sqrt(1 - kept**2) * rng.normal(size=PEOPLE)
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def test_rows_of_the_same_person_are_found_some_periods_later() -> None:
    person, period = np.array([3, 1, 3, 1, 3]), np.array([0, 0, 1, 2, 2])
    now, then = rows_ahead(person, period, 2)
    assert list(zip(now.tolist(), then.tolist(), strict=True)) == [(0, 4), (1, 3)]


def test_a_planted_fading_is_found_within_its_error() -> None:
    assert kept_share(*lived(0.9)) == pytest.approx(0.9, abs=0.03)


def test_where_people_stay_as_they_are_next_to_nothing_fades() -> None:
    assert kept_share(*lived(1.0)) > 0.97


def test_with_few_exits_nothing_is_said_to_fade() -> None:
    odds, left, person, period = lived(0.8)
    assert kept_share(odds[:400], left[:400], person[:400], period[:400]) == 1.0


def test_fading_holds_the_level_and_draws_people_together() -> None:
    odds = np.random.default_rng(2).normal(-4.0, 1.2, 5_000)
    fade = fade_of(0.9, odds, (1.0, 1.0, 0.0), 6)
    assert fade[0][0] == 1.0
    for share, middle in fade:
        assert sigmoid(middle + share * (odds - middle)).mean() == pytest.approx(
            sigmoid(odds).mean(), rel=1e-4
        )
    assert [share for share, _ in fade] == pytest.approx([0.9**period for period in range(6)])


def test_a_faded_model_says_the_same_of_the_next_period_and_less_of_later_ones(
    scorer: Any, planted: Dataset
) -> None:
    fade = fade_of(
        0.8,
        scorer.log_odds(planted.test.features)[:, 0],
        scorer.model["calibration"][0],
        scorer.model["periods"],
    )
    faded = type(scorer)({**scorer.model, "fade": fade}, scorer.basis, scorer.blends, scorer.bags)
    before, after = (each.hazards(planted.test.features)[:, :, 0] for each in (scorer, faded))
    assert np.allclose(before[:, 0], after[:, 0])
    assert after[:, 5].std() < 0.6 * before[:, 5].std()
    assert after[:, 5].mean() == pytest.approx(before[:, 5].mean(), rel=0.05)
