"""A shadow's probabilities beside the champion's: compared on what neither has learnt from, by a score worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from features.records.store import Store
from training.context import TrainingContext
from training.runs import end_of
from training.stored import StoredTables
from training.watching.level import level
from training.watching.report import rival_words, watch_page
from training.watching.rival import Rival, in_order, log_score, rival
from training.watching.watch import Watch

SCORER = """
import numpy as np
class Scorer:
    horizons, causes, model = ({horizon},), ("voluntary",), {{"period": 30.0}}
    @classmethod
    def load(cls, folder):
        return cls()
    def scores(self, features):
        return np.full((len(features), 1), {said})
"""
Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return what writes a payload that says the same of everybody."""

    def write(said: float, horizon: float = 12.0) -> Path:
        folder = tmp_path / f"{said} {horizon}"
        folder.mkdir()
        (folder / "scorer.py").write_text(SCORER.format(said=said, horizon=horizon))
        return folder

    return write


@pytest.fixture(scope="module")
def context(small_store: Store) -> TrainingContext:
    """Return the small organisation at its end."""
    records = StoredTables(small_store)
    return TrainingContext(records=records, as_of=end_of(records))


def before(context: TrainingContext, days: float) -> str:
    """Return a moment before the end of the data."""
    moment: datetime = context.as_of - timedelta(days=days)
    return moment.isoformat()


def compare(folders: tuple[Path, Path], context: TrainingContext, learnt_until: str) -> Rival:
    return rival(folders, ("2", learnt_until), context, np.random.default_rng(1))


@pytest.mark.parametrize("learnt_until", ["", "recently"])
def test_what_a_shadow_has_learnt_from_is_not_compared(
    make: Make, context: TrainingContext, learnt_until: str
) -> None:
    found = compare((make(0.1), make(0.2)), context, learnt_until and before(context, 10))
    assert found.gain is None
    assert "learnt from" in found.why_not
    assert "cannot be told yet" in rival_words(found)


def test_other_horizons_are_not_compared(make: Make, context: TrainingContext) -> None:
    found = compare((make(0.1), make(0.2, 6.0)), context, before(context, 1_000))
    assert "horizons differ" in found.why_not


def test_the_gain_is_the_log_score_worked_out_by_hand(make: Make, context: TrainingContext) -> None:
    champion, shadow = make(0.1), make(0.2)
    seen = level(champion, context)
    people = seen.expected / 0.1
    left = seen.observed
    assert left >= 5
    by_hand = (left * np.log(0.2 / 0.1) + (people - left) * np.log(0.8 / 0.9)) / people
    found = compare((champion, shadow), context, before(context, 1_000))
    assert found.gain is not None
    assert found.gain.value == pytest.approx(by_hand)
    assert found.mean_difference == pytest.approx(0.1)
    assert "above the champion's" in rival_words(found)
    assert "shadow beside" in watch_page([Watch("attrition", "1", "2026-01-01", rival=found)])


def test_one_order_is_told_where_there_is_one() -> None:
    assert in_order(np.array([0.1, 0.2, 0.3]), np.array([0.2, 0.5, 0.9])) == pytest.approx(1.0)
    assert np.isnan(in_order(np.array([0.1, 0.2, 0.3]), np.full(3, 0.2)))


def test_a_certain_mistake_is_bad_but_not_endless() -> None:
    found = log_score(np.array([0.0, 1.0, 0.5]), np.array([True, True, False]))
    assert found == pytest.approx([np.log(1e-6), 0.0, np.log(0.5)], abs=1e-5)
