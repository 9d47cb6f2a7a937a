"""Horizons longer than the last block are judged from an earlier moment, by a model that knows nothing later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from features.records.store import Store
from training.attrition import longer
from training.attrition.dataset import Dataset, Landmark, Panel, build
from training.attrition.evaluate import horizons_told
from training.attrition.judging.horizons import plain_methods
from training.context import TrainingContext
from training.runs import end_of

CHOICE = {"shape": "few stumps", "penalty": 10.0}


@pytest.fixture(scope="module")
def built(small_store: Store) -> Dataset:
    """Return the dataset of a small organisation of three years."""
    records = small_store.frames()
    return build(TrainingContext(records, end_of(records)))


def test_three_years_hold_a_second_cut_a_year_before_their_end(built: Dataset) -> None:
    earlier = built.longer
    assert earlier is not None
    months = len(built.period_names)
    assert built.panel.period.max() == months - 7
    assert earlier.panel.period.max() == months - 13
    assert earlier.test.duration.max() == pytest.approx(365, abs=1)
    assert built.test.duration.max() == pytest.approx(184, abs=1)
    assert (earlier.digest, earlier.threads, earlier.longer) == (built.digest, built.threads, None)
    assert max(int(rows.max()) for fold in earlier.folds for rows in fold) < len(earlier.panel)


def test_the_earlier_cut_keeps_no_second_copy_of_the_months(built: Dataset) -> None:
    assert built.longer is not None
    assert np.shares_memory(built.longer.panel.features, built.panel.features)


def test_months_that_stand_in_no_order_are_picked_out() -> None:
    panel = Panel(np.arange(4.0)[:, None], np.zeros(4, np.int64), np.arange(4), np.array([2, 0, 1, 0]))
    assert panel.before(1).features[:, 0].tolist() == [1.0, 3.0]
    assert panel.before(3).person.tolist() == [0, 1, 2, 3]


def test_references_learn_from_moments_that_show_who_stays() -> None:
    """Ten people followed for a year, two of whom left; and ten leavers of a moment followed for a month."""
    people = np.arange(20)
    past = Landmark(
        np.random.default_rng(1).normal(size=(20, 2)), np.where(people < 8, 365.0, 20.0),
        (people >= 8).astype(np.int64), people, followed=np.where(people < 10, 365.0, 31.0),
    )  # fmt: skip
    dataset = Dataset(
        panel=Panel(past.features, past.cause, people, people), folds=[], final_rows=people, test=past, past=past,
        schema={"a": "", "b": ""}, threads=1,
    )  # fmt: skip
    assert plain_methods(dataset, 365.0)["base_rate"] == pytest.approx(np.full(20, 0.2))


@pytest.fixture(scope="module")
def lengthened(make_planted: Callable[..., Dataset]) -> Dataset:
    """Return a planted dataset whose last block is taken for a year: people leave half as fast as before."""
    found = make_planted(900, seed=5)
    year = replace(found.test, duration=np.minimum(found.test.duration * 2, 365.0))
    return replace(found, test=year)


def test_a_longer_horizon_is_reported_with_its_references_and_in_words(
    planted: Dataset, lengthened: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(longer, "MOST_ROWS", 6_000)  # every other person
    found = longer.judge_longer(replace(planted, longer=lengthened), CHOICE, 184.0)
    ((name, year),) = found.items()
    assert name == "365 days"
    assert year["metrics"]["auc"]["low"] > 0.5
    assert year["metrics"]["o_e"]["low"] < year["metrics"]["o_e"]["value"] < year["metrics"]["o_e"]["high"]
    assert set(year["peers"]) == {"base_rate", "logistic", "lightgbm"}
    assert year["n"]["exits"] == ((lengthened.test.cause == 1) & (lengthened.test.duration <= 365)).sum()
    assert "within 365 days, asked of a model of the same kind" in longer.in_words(found)
    assert horizons_told(planted, [0, 1], found)["horizons_not_evaluated"] == {}
    assert horizons_told(planted, [0, 1], {})["horizons_not_evaluated"]["horizons"] == ["365"]


def test_a_model_that_was_fitted_elsewhere_has_no_earlier_one_of_its_kind(
    planted: Dataset, lengthened: Dataset
) -> None:
    brought = {**CHOICE, "shape": "brought", "penalty": None}
    assert longer.judge_longer(replace(planted, longer=lengthened), brought, 184.0) == {}


def test_the_earlier_model_learns_from_whole_people_and_no_more_rows_than_allowed(
    lengthened: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(longer, "MOST_ROWS", 5_000)
    some = longer.sampled(lengthened)
    assert len(some.final_rows) <= 5_000
    kept = set(lengthened.panel.person[some.final_rows].tolist())
    for rows in (each for fold in some.folds for each in fold):
        assert set(lengthened.panel.person[rows].tolist()) <= kept


def test_too_few_exits_within_the_year_are_not_judged(planted: Dataset, lengthened: Dataset) -> None:
    nobody = replace(lengthened.test, cause=np.zeros_like(lengthened.test.cause))
    assert longer.judge_longer(replace(planted, longer=replace(lengthened, test=nobody)), CHOICE, 184.0) == {}
    assert longer.judge_longer(planted, CHOICE, 184.0) == {}
