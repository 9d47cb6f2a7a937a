"""The whole question on planted records: built, fitted, written, loaded back, evaluated, explained."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from features.errors import RefusedError
from training.context import TrainingContext
from training.loading import golden_difference, load_scorer
from training.payload import payload_digest, write_payload
from training.recommendation.dataset import Dataset, build
from training.recommendation.evaluate import evaluate
from training.recommendation.fit import Parameters, completion_shares, fit
from training.recommendation.scorer import CONTENT, POPULAR, TAKERS

COLD = "c12"


@pytest.fixture
def dataset(even_and_odd: TrainingContext) -> Dataset:
    """Return the dataset of even and odd people."""
    return build(even_and_odd)


@pytest.fixture
def folder(dataset: Dataset, tmp_path: Path) -> Path:
    """Return a written payload."""
    write_payload(fit(dataset, Parameters(), np.random.default_rng(7)), tmp_path / "payload")
    return tmp_path / "payload"


def with_events(context: TrainingContext, events: pl.DataFrame) -> TrainingContext:
    return dataclasses.replace(context, records={**context.records, "learning_events": events})


def test_no_events_are_refused(even_and_odd: TrainingContext) -> None:
    none = even_and_odd.records["learning_events"].clear()
    with pytest.raises(RefusedError, match="too few enrolments"):
        build(with_events(even_and_odd, none))


def test_one_single_employee_is_refused(even_and_odd: TrainingContext) -> None:
    one = even_and_odd.records["learning_events"].with_columns(employee_id=pl.lit("p0"))
    with pytest.raises(RefusedError, match="too few enrolments"):
        build(with_events(even_and_odd, one))


def test_the_blocks_follow_each_other_in_time(dataset: Dataset, even_and_odd: TrainingContext) -> None:
    total = even_and_odd.records["learning_events"].height
    assert dataset.train.nnz + dataset.validation.targets.nnz == dataset.known.nnz
    assert dataset.known.nnz + dataset.test.targets.nnz == total
    assert dataset.test.targets.nnz == pytest.approx(total / 10, abs=1)
    assert dataset.test.seen.multiply(dataset.test.targets).nnz == 0


def test_what_became_known_late_is_not_in_the_history_of_a_block(even_and_odd: TrainingContext) -> None:
    events = even_and_odd.records["learning_events"]
    late = events.with_columns(known_at=pl.lit(even_and_odd.as_of) - timedelta(minutes=1))
    made = build(with_events(even_and_odd, late))
    assert made.known.nnz == made.train.nnz == 0
    assert made.test.is_new.all()


def test_the_saved_model_answers_as_the_fitted_one_and_as_its_golden_says(folder: Path) -> None:
    assert golden_difference(folder) <= 1e-9


def test_the_same_data_give_the_same_payload(dataset: Dataset, folder: Path, tmp_path: Path) -> None:
    again = write_payload(fit(dataset, Parameters(), np.random.default_rng(7)), tmp_path / "again")
    assert again == payload_digest(folder)


def test_scores_of_many_are_the_scores_of_each(folder: Path, dataset: Dataset) -> None:
    scorer, block = load_scorer(folder), dataset.test
    history = block.history
    together = scorer.scores(history.indptr, history.indices, history.data, block.jobs)
    for row in range(0, block.size, 7):
        one = history[row]
        alone = scorer.scores(one.indptr, one.indices, one.data, block.jobs[row : row + 1])
        assert np.abs(alone[0] - together[row]).max() <= 1e-9


def test_people_are_shown_their_own_kind(folder: Path, dataset: Dataset) -> None:
    found = evaluate(folder, dataset, np.random.default_rng(7))
    assert found.metrics["hr@10"].value > 0.95
    assert found.metrics["ndcg@10"].value > found.peers["popularity"]["ndcg@10"].value
    assert set(found.peers) == {"popularity", "cohort_popularity", "itemknn", "ease"}
    assert found.per_unit.shape == found.peer_units["ease"].shape
    assert found.data_digest == dataset.digest


def test_a_model_of_another_catalogue_is_matched_by_identifiers(folder: Path, dataset: Dataset) -> None:
    before = evaluate(folder, dataset, np.random.default_rng(7), [])
    order = np.random.default_rng(3).permutation(len(dataset.course_ids))
    test = dataset.test

    def moved(matrix: sp.csr_matrix) -> sp.csr_matrix:
        return sp.hstack([matrix[:, order], sp.csr_matrix((matrix.shape[0], 1))], "csr")

    other = dataclasses.replace(
        dataset,
        course_ids=(*(dataset.course_ids[place] for place in order), "later"),
        job_ids=dataset.job_ids[::-1],
        known=moved(dataset.known),
        test=dataclasses.replace(
            test,
            history=moved(test.history),
            seen=moved(test.seen),
            targets=moved(test.targets),
            jobs=np.where(test.jobs < 0, -1, 1 - test.jobs),
            gap_shares=moved(test.gap_shares),
        ),
    )
    after = evaluate(folder, other, np.random.default_rng(7), [])
    assert after.per_unit == pytest.approx(before.per_unit)


def test_gap_closure_is_the_share_that_a_list_of_ten_closes(folder: Path, dataset: Dataset) -> None:
    each = sp.csr_matrix(np.full(dataset.test.targets.shape, 0.03))
    block = dataclasses.replace(dataset.test, gap_shares=each, seen=dataset.test.seen * 0)
    found = evaluate(
        folder, dataclasses.replace(dataset, test=block), np.random.default_rng(7), ["popularity"]
    )
    assert found.diagnostics["lists"]["gap_closure@10"].value == pytest.approx(0.3)


def test_a_course_that_nobody_took_is_reached_by_its_content(folder: Path, dataset: Dataset) -> None:
    scorer = load_scorer(folder)
    even = scorer.course_ids.index("c00")
    odd = scorer.course_ids.index("c01")
    scores = scorer.scores([0, 1, 2], [even, odd], [1.0, 1.0], [-1, -1])
    cold = scorer.course_ids.index(COLD)
    assert np.asarray(dataset.known.sum(axis=0)).ravel()[cold] == 0
    assert scores[0, cold] > 0 > scores[1, cold]


def test_a_person_without_history_gets_what_their_job_takes(folder: Path) -> None:
    scorer = load_scorer(folder)
    scores = scorer.scores([0, 0], [], [], [scorer.job_ids.index("odd")])[0]
    taken = [place for place, course in enumerate(scorer.course_ids) if course != COLD]
    odd = [place for place in taken if place % 2]
    assert min(scores[odd]) > max(scores[place] for place in taken if place not in odd)
    parts = scorer.parts([0, 0], [], [], [scorer.job_ids.index("odd")])
    kinds, because = scorer.causes([], [], {name: part[0] for name, part in parts.items()}, np.array(odd))
    assert set(kinds) == {POPULAR}
    assert set(because) == {-1}


def test_removing_what_a_reason_points_to_lowers_the_score(folder: Path) -> None:
    scorer = load_scorer(folder)
    items = np.array([scorer.course_ids.index(one) for one in ("c00", "c02", "c05")])
    candidates = np.array([scorer.course_ids.index("c04")])
    parts = {name: part[0] for name, part in scorer.parts([0, 3], items, np.ones(3), [-1]).items()}
    kinds, because = scorer.causes(items, np.ones(3), parts, candidates)
    assert kinds[0] in (TAKERS, CONTENT)
    before = scorer.scores([0, 3], items, np.ones(3), [-1])[0, candidates[0]]
    rest = items[items != because[0]]
    assert rest.size == 2
    assert scorer.scores([0, 2], rest, np.ones(2), [-1])[0, candidates[0]] < before


def test_closing_a_gap_raises_a_score_where_the_blend_says_so(folder: Path) -> None:
    scorer = load_scorer(folder)
    shares = np.zeros((1, scorer.n_items))
    shares[0, 3] = 0.5
    plain = scorer.scores([0, 0], [], [], [-1])
    raised = scorer.scores([0, 0], [], [], [-1], shares)
    assert (raised - plain)[0, 3] == pytest.approx(0.5 * scorer.gap_weight(is_new=True))
    assert scorer.gap_weight(is_new=True) > 0


def test_completion_shares_are_shrunk_and_left_out_where_few_began(dataset: Dataset) -> None:
    made = dataclasses.replace(dataset, completion={"c00": (20, 10), "c01": (20, 20), "c02": (2, 2)})
    # Average: 32 of 42. c00: (10 + 5 × 32/42) / 25.
    assert completion_shares(made) == {
        "c00": pytest.approx((10 + 5 * 32 / 42) / 25, abs=1e-4),
        "c01": pytest.approx((20 + 5 * 32 / 42) / 25, abs=1e-4),
    }


def test_nobody_to_judge_by_is_refused(folder: Path, dataset: Dataset) -> None:
    nobody = dataset.test.rows(np.array([], dtype=np.int64))
    with pytest.raises(RefusedError, match="Nobody in the test block"):
        evaluate(folder, dataclasses.replace(dataset, test=nobody), np.random.default_rng(7))
