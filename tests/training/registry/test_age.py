"""What a model's age costs: earlier fits are judged on today's last block too."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from training import rolling
from training.loading import load_scorer
from training.rescoring.rescored import Rescored
from training.rescoring.rescoring import RESCORE
from training.runs import Workbench

TODAY, TURN = np.array([1.0, -2.0, 0.5]), 0.4  # by so much the world turned with each block


def test_the_older_a_model_the_less_it_is_worth_today_where_the_world_turns(
    bench: Workbench, toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = toy.dataset.build(bench.context)

    def before(_bench: object, _question: object, steps: int) -> object:
        return type(newest)(newest.features, newest.features @ (TODAY + steps * TURN))

    def rescored(folder: Path, dataset) -> Rescored:
        said = load_scorer(folder).scores(features=dataset.features[100:])
        return Rescored("accuracy", -np.abs(said - dataset.outcome[100:]))

    monkeypatch.setattr(rolling, "dataset_before", before)
    monkeypatch.setitem(RESCORE, "toy", rescored)  # type: ignore[misc]
    parts = rolling.back_test(bench, toy, toy.fit.Parameters(), folds=3)
    today = [part.metrics["accuracy_today"] for part in parts]
    assert all(newer.value > older.value for newer, older in pairwise(today))
    assert today[0].low > today[2].high  # and beyond chance
    then = [part.metrics["accuracy"].value for part in parts]
    assert min(then) > -0.01  # each was as good in its own time


def test_a_question_that_is_not_scored_again_by_itself_says_nothing_of_age(bench: Workbench, toy) -> None:
    assert rolling.said_today(bench, toy, Path()) == {}
