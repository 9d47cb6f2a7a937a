"""What a written recommendation model is worth on the last block, beside its peers on the same people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from features.errors import BadInputError, RefusedError
from training.evaluation import Evaluation, Interval, bootstrap_mean, paired_difference
from training.loading import load_scorer
from training.recommendation.choosing import PLAIN
from training.recommendation.dataset import Dataset
from training.recommendation.estimators import cohort_popularity, ease, item_knn, popularity
from training.recommendation.ranking import (
    all_target_ranks,
    batches,
    gini,
    per_person,
    summed,
    top,
    without_seen,
)

Floats = NDArray[np.floating]
Score = Callable[[slice], Floats]

PEERS = ("popularity", "cohort_popularity", "itemknn", "ease")
PRIMARY = "ndcg@10"
LIST_LENGTH = 10
RARE = 5  # a course taken by fewer people than this is new to the model


def evaluate(
    folder: Path, dataset: Dataset, rng: np.random.Generator, peers: Sequence[str] = PEERS
) -> Evaluation:
    """Evaluate a written payload, loaded back through its own scorer.

    Parameters
    ----------
    folder : Path
        As `training.payload.write_payload` wrote it.
    dataset : Dataset
        Its test block is ranked, all courses but those taken before.
    rng : numpy.random.Generator
        For the bootstrap.
    peers : sequence of str
        Of `PEERS`; fitted to the same history. Cohorts' popularity is asked where cohorts (jobs) are known.

    Raises
    ------
    RefusedError
        If nobody in the test block can be asked.
    """
    asked = [name for name in chosen_peers(peers) if name != "cohort_popularity" or dataset.job_ids]
    scorer, block = load_scorer(folder), dataset.test
    counted = ~block.is_new if dataset.is_warm_only else np.ones(block.size, dtype=bool)
    if not counted.any():
        raise RefusedError(
            "Nobody in the test block can be judged.",
            found=f"{block.size} people, none with a history",
            allowed="at least one person who took something before and something new after",
        )
    scores = {"model": model_scores(scorer, dataset), **peer_scores(asked, dataset, plain_ridge(scorer))}
    ranks = {name: all_target_ranks(score, block.seen, block.targets) for name, score in scores.items()}
    people = {name: per_person(found, block.targets) for name, found in ranks.items()}
    metrics = {name: summary(found, counted, rng) for name, found in people.items()}
    units = {name: found[PRIMARY][counted] for name, found in people.items()}
    differences = {name: paired_difference(units["model"], units[name], rng) for name in asked}
    return Evaluation(
        question="recommendation",
        protocol=dataset.protocol,
        metrics=metrics.pop("model"),
        peers=metrics,
        primary=PRIMARY,
        per_unit=units["model"],
        peer_units={name: units[name] for name in asked},
        diagnostics={
            "difference_to": differences,
            "apart": apart(people, ranks, dataset, rng),
            "lists": list_figures(scores["model"], dataset),
            "blend": scorer.model["blend"],
            "chosen": scorer.model.get("chosen", {}),
        },
        n=counts(dataset),
        figures={"ndcg_at_10": lambda: bars(people, counted)},
        verdict=verdict(differences),
        seeds=dataset.seeds,
        data_digest=dataset.digest,
    )


def chosen_peers(peers: Sequence[str]) -> list[str]:
    """Return the peers asked for; raise BadInputError for an unknown one."""
    unknown = [name for name in peers if name not in PEERS]
    if unknown:
        raise BadInputError("There is no such peer.", found=", ".join(unknown), allowed=", ".join(PEERS))
    return list(peers)


def model_scores(scorer: Any, dataset: Dataset) -> Score:
    """Return how the saved model scores rows of the test block.

    A model made from other records knows other courses and jobs: they are matched by their identifiers, and a course
    it does not know comes last.
    """
    block = dataset.test
    course = {course_id: place for place, course_id in enumerate(scorer.course_ids)}
    job = {job_id: place for place, job_id in enumerate(scorer.job_ids)}
    ours = np.array([place for place, one in enumerate(dataset.course_ids) if one in course], dtype=np.int64)
    theirs = np.array([course[dataset.course_ids[place]] for place in ours], dtype=np.int64)
    to_model = sp.csr_matrix(
        (np.ones(ours.size), (ours, theirs)), shape=(len(dataset.course_ids), scorer.n_items)
    )
    jobs = np.array([job.get(one, -1) for one in dataset.job_ids] + [-1], dtype=np.int64)[block.jobs]

    def score(rows: slice) -> Floats:
        history = sp.csr_matrix(block.history[rows] @ to_model)
        gaps = None if block.gap_shares is None else (block.gap_shares[rows] @ to_model).toarray()
        found = scorer.scores(
            indptr=history.indptr,
            items=history.indices,
            weights=history.data,
            jobs=jobs[rows],
            gap_shares=gaps,
        )
        lowest = found.min(axis=1, keepdims=True) - 1.0
        scores = np.repeat(lowest, len(dataset.course_ids), axis=1)
        scores[:, ours] = found[:, theirs]
        return np.asarray(scores)

    return score


def plain_ridge(scorer: Any) -> float:
    """Return the ridge of the EASE peer: as chosen on validation for EASE as published."""
    return float(scorer.model.get("chosen", {}).get("plain_ridge", PLAIN[1]))


def peer_scores(peers: Sequence[str], dataset: Dataset, ridge: float) -> dict[str, Score]:
    """Return how each peer, fitted to the same history, scores rows of the test block."""
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

    made: dict[str, Callable[[], Score]] = {
        "popularity": lambda: by_popularity,
        "cohort_popularity": by_cohort,
        "itemknn": lambda: by_items(item_knn(known)),
        "ease": lambda: by_items(ease(known, ridge, PLAIN[0])),
    }
    return {name: made[name]() for name in peers}


def plain(history: Any) -> Any:
    """Return a history in which every pair counts alike: peers run as published."""
    return sp.csr_matrix(history > 0, dtype=np.float32)


def summary(
    people: Mapping[str, Floats], counted: NDArray[np.bool_], rng: np.random.Generator
) -> dict[str, Interval]:
    """Return the mean of each metric over the people counted, with intervals."""
    return {name: bootstrap_mean(values[counted], rng) for name, values in people.items()}


def apart(
    people: Mapping[str, Mapping[str, Floats]],
    ranks: Mapping[str, NDArray[np.int64]],
    dataset: Dataset,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Return people with history, people without, and targets that are new courses, each with its own figures."""
    block = dataset.test
    groups = {"warm": ~block.is_new, "new_person": block.is_new}
    found: dict[str, Any] = {
        group: {
            "people": int(chosen.sum()),
            **{name: bootstrap_mean(values[PRIMARY][chosen], rng) for name, values in people.items()},
        }
        for group, chosen in groups.items()
    }
    rows = np.repeat(np.arange(block.size), np.diff(block.targets.indptr))
    is_rare = (popularity(dataset.known) < RARE)[block.targets.indices]
    asked = np.unique(rows[is_rare])
    found["new_course"] = {"people": int(asked.size), "metric": "recall@20"} | {
        name: bootstrap_mean(rare_recall(each, rows, is_rare, block.size)[asked], rng)
        for name, each in ranks.items()
    }
    return found


def rare_recall(
    ranks: NDArray[np.int64], rows: NDArray[np.int64], is_rare: NDArray[np.bool_], n: int
) -> Floats:
    """Return the share of each person's new courses among their first 20, (n,) float."""
    asked = summed(is_rare, rows, n)
    return summed(is_rare & (ranks <= 20), rows, n) / np.maximum(asked, 1.0)


def list_figures(score: Score, dataset: Dataset) -> dict[str, float]:
    """Return what the lists of ten are like: coverage, evenness, novelty, gaps closed, prerequisites.

    Returns
    -------
    dict of str to float
        `coverage@10` share of the catalogue shown to anybody; `gini@10` 0 even, 1 all on one course; `novelty@10`
        mean bits −log2(share of people who took it); `gap_closure@10` mean sum of the gap shares of a list, at
        most 1; `unmet_prerequisites@10` courses a list that ask for something neither completed nor listed before
        (served lists put it before, or leave them out).
    """
    block, n = dataset.test, len(dataset.course_ids)
    shown, closed, unmet = np.zeros(n), 0.0, 0
    for rows in batches(block.size, n):
        seen = block.seen[rows]
        best = top(without_seen(np.array(score(rows)), seen), LIST_LENGTH)
        shown += np.bincount(best.ravel(), minlength=n)
        unmet += unmet_prerequisites(best, seen, dataset.prerequisites)
        if block.gap_shares is not None:
            gaps = block.gap_shares[rows].toarray()
            closed += float(np.minimum(np.take_along_axis(gaps, best, axis=1).sum(axis=1), 1.0).sum())
    share = np.maximum(popularity(dataset.known), 0.5) / max(dataset.known.shape[0], 1)
    return {
        "coverage@10": float((shown > 0).mean()),
        "gini@10": gini(shown),
        "novelty@10": float(-(shown @ np.log2(share)) / shown.sum()),
        "gap_closure@10": closed / block.size if block.gap_shares is not None else float("nan"),
        "unmet_prerequisites@10": unmet / block.size,
    }


def unmet_prerequisites(best: NDArray[np.int64], seen: Any, prerequisites: Sequence[Sequence[int]]) -> int:
    """Return how many listed courses ask for something neither taken nor listed before."""
    if not any(prerequisites):
        return 0
    total = 0
    for row, courses in enumerate(best):
        known = set(seen.indices[seen.indptr[row] : seen.indptr[row + 1]].tolist())
        for course in courses.tolist():
            total += any(first not in known for first in prerequisites[course])
            known.add(course)
    return total


def counts(dataset: Dataset) -> dict[str, int]:
    """Return how much there was."""
    return {
        "people": int(dataset.known.shape[0]),
        "courses": len(dataset.course_ids),
        "interactions": int(dataset.known.nnz),
        "people_asked": dataset.test.size,
        "people_without_history": int(dataset.test.is_new.sum()),
        "targets": int(dataset.test.targets.nnz),
    }


def verdict(differences: Mapping[str, Interval]) -> str:
    """Return, in words, how the model stands beside its peers."""
    if not differences:
        return "no peer was asked"
    parts = []
    for name, gap in differences.items():
        word = "ahead of" if gap.low > 0 else "behind" if gap.high < 0 else "not told apart from"
        parts.append(f"{word} {name} by {gap.value:+.4f} nDCG@10 (95 % {gap.low:+.4f} to {gap.high:+.4f})")
    return "; ".join(parts)


def bars(people: Mapping[str, Mapping[str, Floats]], counted: NDArray[np.bool_]) -> Any:
    """Draw the mean nDCG@10 of the model and its peers."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.subplots()
    values = [float(found[PRIMARY][counted].mean()) for found in people.values()]
    axes.barh(list(people), values)
    axes.set_xlabel("nDCG@10, every course ranked")
    return figure
