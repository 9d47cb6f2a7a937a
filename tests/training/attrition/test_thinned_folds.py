"""Of very many rows some people's are enough to say what rows checked are told."""

from __future__ import annotations

import numpy as np

from training.attrition.fitting.origins import thinned


def test_people_stay_whole_and_what_is_checked_stays() -> None:
    person = np.tile(np.arange(1_000), 12)
    fit, check = np.arange(10_000), np.arange(10_000, 12_000)
    ((kept, checked),) = thinned([(fit, check)], person, enough=2_500)
    assert checked is check
    assert set(person[kept]) == set(range(0, 1_000, 4))
    assert np.bincount(person[kept])[::4].tolist() == [10] * 250


def test_few_rows_are_all_learnt_from() -> None:
    person, fit, check = np.arange(100), np.arange(90), np.arange(90, 100)
    ((kept, _),) = thinned([(fit, check)], person, enough=80)
    assert kept is fit
