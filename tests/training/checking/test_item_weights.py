"""A recommender of somebody else's making becomes a bundle that ranks as it did; what is none is told what it lacks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from features.errors import BadInputError, RefusedError
from features.records.store import Store
from training.checking.adopting import converter_of, model_of
from training.checking.item_weights import FILE_NAME, ItemWeights, read_item_weights, recommender_bundle
from training.context import TrainingContext
from training.isolation import trial
from training.loading import load_scorer
from training.payload import write_payload
from training.questions import question
from training.recommendation.dataset import Dataset
from training.rescoring.recommendation import last_block, rescore
from training.runs import end_of


@pytest.fixture(scope="module")
def dataset(small_store: Store) -> Dataset:
    """Return the last block, with what was known before it."""
    records = small_store.frames()
    found = last_block(TrainingContext(records, end_of(records)))
    return replace(found, known=found.test.history, jobs=found.test.jobs)


@pytest.fixture(scope="module")
def model(dataset: Dataset) -> ItemWeights:
    """Return the weights of a plain neighbourhood model, its courses in another order and one of them missing."""
    n = len(dataset.course_ids)
    order = np.random.default_rng(3).permutation(n)[:-1]
    taken = dataset.test.history.astype(bool).astype(float).toarray()
    together = taken.T @ taken + np.random.default_rng(4).normal(0, 1e-3, (n, n))
    np.fill_diagonal(together, 0.0)
    return ItemWeights([dataset.course_ids[place] for place in order], together[np.ix_(order, order)])


@pytest.fixture(scope="module")
def folder(dataset: Dataset, model: ItemWeights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the payload."""
    place = tmp_path_factory.mktemp("recommender") / "payload"
    write_payload(
        recommender_bundle(dataset, model), place, scorer=question("recommendation").folder / "scorer.py"
    )
    return place


def test_who_has_a_history_is_ranked_as_the_weights_do(
    dataset: Dataset, model: ItemWeights, folder: Path
) -> None:
    history = dataset.test.history
    scorer = load_scorer(folder)
    found = scorer.scores(
        indptr=history.indptr, items=history.indices, weights=history.data, jobs=dataset.test.jobs
    )
    places = [dataset.course_ids.index(one) for one in model.course_ids]
    expected = history.astype(bool).astype(float).toarray()[:, places] @ model.weights
    warm = np.flatnonzero(np.diff(history.indptr) > 0)
    assert warm.size > 20
    for row in warm:
        agreed = np.corrcoef(found[row, places], expected[row])[0, 1]
        assert agreed == pytest.approx(1.0, abs=1e-6)


def test_who_has_none_is_told_what_is_popular_in_the_job(dataset: Dataset, folder: Path) -> None:
    scorer, none = load_scorer(folder), np.empty(0, dtype=np.int64)
    found = scorer.scores(indptr=np.zeros(2, np.int64), items=none, weights=none, jobs=np.array([-1]))[0]
    taken = np.asarray(dataset.known.sum(axis=0)).ravel()
    assert taken[found.argmax()] == taken.max()
    assert scorer.gap_weight(is_new=True) == 0.0


def test_the_bundle_is_served_and_judged_like_ours(dataset: Dataset, folder: Path) -> None:
    assert trial(folder) == ""
    found = rescore(folder, dataset)
    assert np.isfinite(found.units).all()
    parts = load_scorer(folder).parts(
        indptr=np.array([0, 2]), items=np.array([0, 1]), weights=np.ones(2), jobs=np.array([-1])
    )
    own = {name: part[0] for name, part in parts.items()}
    causes, because = load_scorer(folder).causes(np.array([0, 1]), np.ones(2), own, np.arange(4))
    assert len(causes) == len(because) == 4


def test_a_large_catalogue_keeps_its_weights_in_compressed_rows(
    dataset: Dataset, model: ItemWeights, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.checking.item_weights.DENSE_COURSES", 1)
    place = tmp_path / "payload"
    write_payload(
        recommender_bundle(dataset, model), place, scorer=question("recommendation").folder / "scorer.py"
    )
    asked = {
        "indptr": np.array([0, 2]),
        "items": np.array([0, 3]),
        "weights": np.ones(2),
        "jobs": np.array([-1]),
    }
    assert sp.issparse(load_scorer(place).weights)
    assert load_scorer(place).scores(**asked) == pytest.approx(load_scorer(folder).scores(**asked), abs=1e-5)


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"course_ids": ["no such course", "X"], "weights": np.eye(2)}, "not those of the records"),
            ({"twice": True}, "not those of the records"),
            ({"weights": np.ones((2, 3))}, "no square"),
            ({"nan": True}, "no square of finite"),
        ],
    )
    def test_what_is_no_recommender_of_these_courses_is_refused(
        self, dataset: Dataset, model: ItemWeights, change: dict[str, Any], why: str
    ) -> None:
        bad = model
        if "twice" in change:
            bad = replace(model, course_ids=[*model.course_ids[:-1], model.course_ids[0]])
        elif "nan" in change:
            bad = replace(model, weights=np.where(model.weights > 1, np.nan, model.weights))
        else:
            bad = replace(model, **change)
        with pytest.raises(BadInputError, match=why):
            recommender_bundle(dataset, bad)

    @pytest.mark.parametrize("content", ["objects", "other", "text"])
    def test_a_file_that_holds_something_else_is_refused(self, content: str, tmp_path: Path) -> None:
        path = tmp_path / FILE_NAME
        if content == "text":
            path.write_text("weights")
        elif content == "other":
            np.savez(path, course_ids=np.array(["a"]))
        else:
            np.savez(path, course_ids=np.array([object()]), weights=np.ones((1, 1)))
        with pytest.raises(BadInputError, match="holds no weights"):
            read_item_weights(path)

    @pytest.mark.parametrize("name", ["skills", "impact"])
    def test_a_question_without_a_converter_says_so(self, name: str) -> None:
        with pytest.raises(RefusedError, match="no converter"):
            converter_of(question(name))

    def test_a_model_without_weights_says_which_file_is_looked_for(self, tmp_path: Path) -> None:
        bench: Any = SimpleNamespace()
        (tmp_path / "MLmodel").write_text("flavors: {}")
        with pytest.raises(BadInputError, match=FILE_NAME):
            model_of(bench, question("recommendation"), str(tmp_path))


def test_what_numpy_wrote_is_read_as_it_was(tmp_path: Path) -> None:
    np.savez(
        tmp_path / FILE_NAME, course_ids=np.array(["a", "b"]), weights=np.array([[0.0, 1.0], [2.0, 0.0]])
    )
    found = model_of(SimpleNamespace(), question("recommendation"), str(tmp_path))  # type: ignore[arg-type]
    assert list(found.course_ids) == ["a", "b"]
    assert found.weights.tolist() == [[0.0, 1.0], [2.0, 0.0]]
