"""What a feature is worth and costs, what a better model is worth to others, and how often trees are asked: the ML Test Score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from training.attrition.dataset import Dataset, Landmark
from training.attrition.fit import Parameters, fit
from training.attrition.scorer import ROWS_AT_ONCE, Blend, Scorer
from training.loading import load_scorer
from training.payload import write_payload

PLANTED = ("overtime_hours", "pay_to_job_median", "tenure_days")
SHUFFLES = 5
CLEAR = 0.005  # of the loss; who is nearer to another may stand before or behind


def loss(scorer: Any, people: Landmark, features: np.ndarray) -> float:
    """Return the mean negative log-likelihood of who had left after 180 days."""
    said = scorer.scores(features).reshape(len(features), 3, 4)[:, 1, 0]
    left = (people.cause == 1) & (people.duration <= 180)
    return float(-np.mean(np.where(left, np.log(said), np.log1p(-said))))


def without(features: np.ndarray, columns: Sequence[int], seed: int = 0) -> np.ndarray:
    """Return rows whose columns are somebody else's."""
    found = features.copy()
    found[:, columns] = features[np.random.default_rng(seed).permutation(len(features))][:, columns]
    return found


def test_each_feature_that_matters_is_worth_its_place_and_one_that_does_not_is_worth_nothing(
    scorer: Any, planted: Dataset
) -> None:
    people, names = planted.test, list(planted.schema)
    whole = loss(scorer, people, people.features)
    worth = {
        name: float(np.mean([loss(scorer, people, without(people.features, [place], seed)) for seed in range(SHUFFLES)]))
        - whole
        for place, name in enumerate(names)
    }  # fmt: skip
    useless = [worth[name] for name in names if name not in PLANTED]
    assert min(worth[name] for name in PLANTED) > 3 * max(np.abs(useless))
    assert abs(np.mean(useless)) < 0.05 * worth["overtime_hours"]


def test_a_feature_more_is_learnt_explained_and_saved_with_no_other_change(
    planted: Dataset, tmp_path: Path
) -> None:
    overtime = list(planted.schema).index("overtime_hours")

    def moved(features: np.ndarray) -> np.ndarray:
        noise = np.random.default_rng(1).normal(size=len(features))
        found = np.column_stack([features, features[:, overtime]])
        found[:, overtime] = noise
        return found

    wider = replace(
        planted,
        panel=replace(planted.panel, features=moved(planted.panel.features)),
        test=replace(planted.test, features=moved(planted.test.features)),
        past=replace(planted.past, features=moved(planted.past.features)),
        schema={**planted.schema, "night_shifts": "number, nights per month"},
    )
    few = Parameters(shapes=("stumps",), penalties=(10.0,), bags=0)
    write_payload(fit(wider, few, np.random.default_rng(2)), tmp_path / "payload")
    found = load_scorer(tmp_path / "payload")
    size = np.abs(found.contributions(wider.test.features)[:, :-1]).mean(axis=0)
    assert found.features[int(np.argmax(size))] == "night_shifts"


def test_what_is_better_on_the_last_block_is_better_of_people_who_come_after(
    scorer: Any, planted: Dataset, make_planted: Callable[..., Dataset]
) -> None:
    later = make_planted(1_500, seed=9).test
    places = [list(planted.schema).index(name) for name in PLANTED]
    models = [places[:known] for known in range(len(places) + 1)]  # each is kept from knowing so many
    offline, live = (
        [loss(scorer, people, without(people.features, unknown)) for unknown in models]
        for people in (planted.test, later)
    )
    is_clearly_better = np.subtract.outer(offline, offline) < -CLEAR
    assert is_clearly_better.sum() > len(models)
    assert (np.subtract.outer(live, live)[is_clearly_better] < 0).all()
    assert np.corrcoef(offline, live)[0, 1] > 0.9


class Counting:
    """Trees that count how often they are asked."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def predict(self, columns: np.ndarray, **_: Any) -> np.ndarray:
        """Return nothing of anybody."""
        self.rows.append(len(columns))
        return np.zeros(len(columns))


def test_scoring_asks_the_trees_of_each_cause_once_for_each_person(scorer: Any, planted: Dataset) -> None:
    trees: Any = Counting()
    blends = [Blend(trees, 0.5, blend.coefficients) for blend in scorer.blends]
    counted = Scorer(scorer.model, scorer.basis, blends, [])
    counted.scores(np.resize(planted.test.features, (ROWS_AT_ONCE + 5, len(planted.schema))))
    assert trees.rows == [ROWS_AT_ONCE] * 4 + [5] * 4
