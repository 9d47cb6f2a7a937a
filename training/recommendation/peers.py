"""The peers of the recommendation model, fitted to the same history and tuned on the same validation block.

Every pair counts alike for them: they run as published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from features.errors import BadInputError, RefusedError, UnavailableError
from training.recommendation.choosing import PLAIN, mean
from training.recommendation.dataset import Block, Dataset, Matrix
from training.recommendation.estimators import cohort_popularity, ease, item_knn, popularity

Floats = NDArray[np.floating]
Score = Callable[[slice], Floats]

LIBRARY = ("implicit-als", "implicit-bpr")
STANDARD = ("popularity", "cohort_popularity", "itemknn", "ease")
CONTENT = ("random", "content-knn")
PEERS = (*STANDARD, *LIBRARY, *CONTENT)
ALS_TRIED = tuple(
    {"factors": factors, "regularization": ridge, "alpha": alpha}
    for factors in (32, 64)
    for ridge in (0.05, 5.0)
    for alpha in (1.0, 5.0)
)
BPR_TRIED = tuple(
    {"factors": factors, "regularization": ridge, "learning_rate": 0.05}
    for factors in (32, 64)
    for ridge in (0.01, 0.05)
)
SEED = 7


def chosen_peers(peers: Sequence[str]) -> list[str]:
    """Return the peers asked for; raise BadInputError for an unknown one."""
    unknown = [name for name in peers if name not in PEERS]
    if unknown:
        raise BadInputError("There is no such peer.", found=", ".join(unknown), allowed=", ".join(PEERS))
    return list(dict.fromkeys(peers))


def peer_scores(peers: Sequence[str], dataset: Dataset, ridge: float) -> dict[str, Score]:
    """Return how each peer scores rows of the test block.

    Parameters
    ----------
    peers : sequence of str
        Of `PEERS`.
    dataset : Dataset
        Peers learn from what is known before the test block.
    ridge : float
        Of EASE, as chosen on validation for EASE as published.

    Raises
    ------
    UnavailableError
        If a peer of the implicit library is asked for and the library is not installed.
    """
    history, known = plain(dataset.test.history), plain(dataset.known)
    popular = popularity(known)

    def by_popularity(rows: slice) -> Floats:
        return np.repeat(popular[None, :], rows.stop - rows.start, axis=0)

    def by_items(weights: Floats) -> Score:
        # A person without history gets the popular courses: no peer is left without an answer.
        small = (1e-9 * popular / max(popular.max(), 1.0)).astype(np.float64)
        return lambda rows: np.asarray(history[rows] @ weights) + small

    def by_cohort() -> Score:
        cohorts = cohort_popularity(known, dataset.jobs, len(dataset.job_ids))
        return lambda rows: cohorts[dataset.test.jobs[rows]].astype(np.float64)

    def by_lot(rows: slice) -> Floats:
        shape = (dataset.test.size, len(dataset.course_ids))
        return np.random.default_rng(SEED).random(shape, dtype=np.float32)[rows]

    made: dict[str, Callable[[], Score]] = {
        "random": lambda: by_lot,
        "content-knn": lambda: content_knn(dataset),
        "popularity": lambda: by_popularity,
        "cohort_popularity": by_cohort,
        "itemknn": lambda: by_items(item_knn(known)),
        "ease": lambda: by_items(ease(known, ridge, PLAIN[0])),
        "implicit-als": lambda: tuned(als_model, ALS_TRIED, dataset),
        "implicit-bpr": lambda: tuned(bpr_model, BPR_TRIED, dataset),
    }
    return {name: made[name]() for name in peers}


def content_knn(dataset: Dataset) -> Score:
    """Return how alike each course is to what a person took, by cosine of text and skills, averaged."""
    content, history = dataset.content, plain(dataset.test.history)
    if content.vectors is None and content.skills is None:
        raise RefusedError("Content neighbours need content.", hint="Give --items.")

    def score(rows: slice) -> Floats:
        found = np.zeros((rows.stop - rows.start, len(dataset.course_ids)))
        if content.vectors is not None:
            found += (history[rows] @ content.vectors) @ content.vectors.T
        if content.skills is not None:
            found += ((history[rows] @ content.skills) @ content.skills.T).toarray()
        return found

    return score


def plain(history: Matrix) -> Matrix:
    """Return a history in which every pair counts alike."""
    return sp.csr_matrix(history > 0, dtype=np.float32)


def tuned(
    make: Callable[[Mapping[str, float]], Any], tried: Sequence[Mapping[str, float]], dataset: Dataset
) -> Score:
    """Return how a model of the implicit library scores the test block, tuned on the validation block."""
    train, asked = plain(dataset.train), dataset.validation
    if asked.size and len(tried) > 1:
        found = [mean(library_scores(partial(make, one), train, asked), asked) for one in tried]
        tried = [tried[int(np.argmax(found))]]
    return library_scores(partial(make, tried[0]), plain(dataset.known), dataset.test)


def library_scores(make: Callable[[], Any], known: Matrix, block: Block) -> Score:
    """Fit a model of the implicit library, and return how it scores rows of a block by its own factors."""
    with one_blas_thread():
        model = make()
        model.fit(known, show_progress=False)
    items = np.asarray(model.item_factors, dtype=np.float32)
    people = np.asarray(model.user_factors, dtype=np.float32)
    places = np.arange(block.size) if block.people is None else block.people
    small = (1e-9 * popularity(known)).astype(np.float32)
    return lambda rows: people[places[rows]] @ items.T + small


def als_model(settings: Mapping[str, float]) -> Any:
    """Return an alternating-least-squares model of the implicit library."""
    return library().als.AlternatingLeastSquares(**settings, iterations=15, random_state=SEED, num_threads=2)


def bpr_model(settings: Mapping[str, float]) -> Any:
    """Return a Bayesian-personalised-ranking model of the implicit library; one thread, so that it repeats."""
    return library().bpr.BayesianPersonalizedRanking(
        **settings, iterations=100, random_state=SEED, num_threads=1
    )


def library() -> Any:
    """Return the implicit library."""
    try:
        import implicit.als
        import implicit.bpr
    except ImportError as error:
        raise UnavailableError(
            "The implicit library is not installed.", hint="pip install -c constraints.txt implicit"
        ) from error
    return implicit


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep BLAS to one thread, as the implicit library asks: it has threads of its own."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):
        yield
