"""The time of the year: told where it shows, drawn towards nothing where it is noise, and moved on as months compound."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from features.attrition.population import NAMES
from training.attrition.dataset import Dataset
from training.attrition.fitting.season import Clock, month_effects
from training.attrition.scorer import months_of

SEASON = [NAMES.index("season_sine"), NAMES.index("season_cosine")]
PLANTED = np.array([0.5, 0.2, 0, 0, 0, 0, 0, 0, 0.3, 0, -0.3, -0.7])


def lived(
    effects: np.ndarray, months: int = 30, people: int = 12_000, level: float = -4.5
) -> tuple[Clock, np.ndarray]:
    """Return months of people who leave more often in some of them."""
    rng = np.random.default_rng(3)
    period = np.repeat(np.arange(months), people)
    month = (period + 4) % 12
    left = rng.random(len(period)) < 1 / (1 + np.exp(-(level + effects[month])))
    return Clock(month, period), left


def test_a_planted_season_is_found_month_by_month() -> None:
    clock, left = lived(PLANTED)
    found = month_effects(clock, left, np.full(len(left), -4.5))
    assert np.abs(found[:12] - found[:12].mean() - (PLANTED - PLANTED.mean())).max() < 0.25
    assert np.corrcoef(found[:12], PLANTED)[0, 1] > 0.95
    assert found[12] == 0.0  # of a month that is not known


def test_without_a_season_months_are_told_next_to_nothing() -> None:
    clock, left = lived(np.zeros(12))
    found = month_effects(clock, left, np.full(len(left), -4.5))
    assert np.abs(found).max() < 0.05


def test_a_level_that_rose_with_the_years_is_no_season() -> None:
    clock, left = lived(np.zeros(12), months=18)
    rng = np.random.default_rng(5)
    later = (clock.period >= 12) & (
        rng.random(len(left)) < 0.012
    )  # twice as many leave in the second year's six months
    found = month_effects(clock, left | later, np.full(len(left), -4.5))
    assert np.abs(found).max() < 0.12


def test_months_are_read_back_from_sine_and_cosine_of_the_season() -> None:
    angle = np.append(np.arange(12) * 2 * np.pi / 12, np.nan)
    rows = np.column_stack([np.sin(angle), np.cos(angle)])
    assert months_of(rows, [0, 1]).tolist() == [*range(12), 12]


@pytest.fixture
def seasonal(scorer: Any) -> Any:
    """Return the planted model's scorer with a season of its first cause."""
    months = [[*PLANTED, 0.0], *[[0.0] * 13] * 3]
    return type(scorer)(
        {**scorer.model, "months": months, "fade": None}, scorer.basis, scorer.blends, scorer.bags
    )


def in_month(rows: np.ndarray, month: int) -> np.ndarray:
    """Return the same people in a calendar month."""
    moved = rows.copy()
    moved[:, SEASON] = np.sin(month * np.pi / 6), np.cos(month * np.pi / 6)
    return moved


def test_a_month_moves_the_first_causes_log_odds_by_its_effect_alone(seasonal: Any, planted: Dataset) -> None:
    rows = planted.test.features[:20]
    december, january = (seasonal.log_odds(in_month(rows, month)) for month in (11, 0))
    assert np.allclose(january - december, [[1.2, 0.0, 0.0, 0.0]] * 20)


def test_reasons_with_a_season_add_up_to_the_log_odds(seasonal: Any, planted: Dataset) -> None:
    rows = in_month(planted.test.features[:20], 11)
    assert np.allclose(seasonal.contributions(rows).sum(axis=1), seasonal.log_odds(rows)[:, 0], atol=1e-6)


def test_later_periods_have_the_season_of_their_own_month(seasonal: Any, planted: Dataset) -> None:
    rows = planted.test.features[:20]
    ahead = seasonal.hazards(in_month(rows, 10))[:, :3, 0]
    own = np.column_stack([seasonal.hazards(in_month(rows, month))[:, 0, 0] for month in (10, 11, 0)])
    assert np.allclose(ahead, own)
