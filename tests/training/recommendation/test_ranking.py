"""Ranking metrics, with the arithmetic written out."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from training.recommendation.blend import ENOUGH_PEOPLE, ENOUGH_TARGETS, sampled
from training.recommendation.dataset import Block
from training.recommendation.ranking import (
    all_target_ranks,
    gini,
    per_person,
    target_ranks,
    top,
    without_seen,
)


def rows(*lists: list[int], n: int) -> sp.csr_matrix:
    """Return a matrix with ones at those columns of each row."""
    made = sp.lil_matrix((len(lists), n))
    for row, columns in enumerate(lists):
        made[row, columns] = 1.0
    return sp.csr_matrix(made)


def test_a_rank_counts_better_courses_and_earlier_ties() -> None:
    scores = np.array([[0.9, 0.5, 0.5, 0.1]])
    assert target_ranks(scores, rows([0, 1, 2, 3], n=4)).tolist() == [1, 2, 3, 4]


def test_what_was_taken_before_is_not_ranked() -> None:
    scores = np.array([[9.0, 5.0, 7.0]])
    hidden = without_seen(scores, rows([0], n=3))
    assert target_ranks(hidden, rows([1], n=3)).tolist() == [2]


@pytest.mark.parametrize("kinds", [1, 3, 40, 10_000])
def test_ranks_count_what_is_higher_and_the_equals_that_come_earlier(kinds: int) -> None:
    rng = np.random.default_rng(7)
    scores = rng.integers(0, kinds, (30, 50)).astype(np.float32)
    scores[:, ::7] = -np.inf
    targets = sp.csr_matrix(rng.random((30, 50)) < 0.1)
    expected = [
        1
        + sum(
            other > scores[row, one] or (other == scores[row, one] and place < one)
            for place, other in enumerate(scores[row])
        )
        for row, one in zip(*targets.nonzero(), strict=True)
    ]
    assert target_ranks(scores, targets).tolist() == expected


def test_ndcg_hit_rate_recall_and_mrr_by_hand() -> None:
    # Ranks 1 and 12 of two targets: DCG = 1/log2(2) = 1; ideal = 1 + 1/log2(3) = 1.63093.
    found = per_person(np.array([1, 12, 30]), rows([0, 1], [2], n=40))
    assert found["ndcg@10"].tolist() == pytest.approx([1 / 1.6309297535714573, 0.0])
    assert found["hr@10"].tolist() == [1.0, 0.0]
    assert found["recall@20"].tolist() == [1.0, 0.0]
    assert found["mrr"].tolist() == pytest.approx([1.0, 1 / 30])


def test_the_ideal_is_truncated_at_ten() -> None:
    found = per_person(np.arange(1, 13), rows(list(range(12)), n=12))
    assert found["ndcg@10"].tolist() == pytest.approx([1.0])


def test_a_single_target_at_rank_three_is_worth_a_half() -> None:
    assert per_person(np.array([3]), rows([0], n=5))["ndcg@10"].tolist() == pytest.approx([0.5])  # 1/log2(4)


def test_batches_give_the_ranks_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    scores = rng.random((7, 11))
    seen, targets = rows(*([[0]] * 7), n=11), rows(*([[1, 5]] * 7), n=11)
    whole = all_target_ranks(lambda part: scores[part], seen, targets)
    monkeypatch.setattr("training.recommendation.ranking.BATCH_CELLS", 24)
    assert all_target_ranks(lambda part: scores[part], seen, targets).tolist() == whole.tolist()


def test_the_best_come_first_and_no_more_than_there_are() -> None:
    assert top(np.array([[0.1, 0.9, 0.5]]), 2).tolist() == [[1, 2]]
    assert top(np.array([[0.1, 0.9]]), 10).tolist() == [[1, 0]]


def test_gini_is_zero_where_all_are_shown_alike() -> None:
    assert gini(np.array([3.0, 3.0, 3.0])) == pytest.approx(0.0)
    assert gini(np.array([0.0, 0.0, 0.0, 1.0])) == pytest.approx(0.75)  # (n − 1) / n
    assert np.isnan(gini(np.zeros(3)))


def test_a_choice_asks_fewer_people_where_each_was_sought_for_many_courses() -> None:
    people = ENOUGH_PEOPLE + 1_500
    for sought, expected in ((1, people), (4, ENOUGH_TARGETS // 4), (12, ENOUGH_PEOPLE)):
        targets = sp.csr_matrix(np.tile(np.arange(12) < sought, (people, 1)) * 1.0)
        block = Block(targets, targets, targets, np.zeros(people, dtype=np.int64))
        assert sampled(block, 10_000, np.random.default_rng(7)).size == expected
        assert sampled(block, 50, np.random.default_rng(7)).size == 50
