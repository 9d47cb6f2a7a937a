"""What a written recommendation model is worth on the last block, beside its peers on the same people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from features.errors import RefusedError
from training.evaluation import Evaluation, Interval, bootstrap_mean, paired_difference
from training.loading import load_scorer
from training.recommendation.choosing import PLAIN
from training.recommendation.dataset import Dataset
from training.recommendation.estimators import popularity
from training.recommendation.lists import list_figures
from training.recommendation.peers import STANDARD, chosen_peers, peer_scores
from training.recommendation.ranking import all_target_ranks, per_person, summed

Floats = NDArray[np.floating]
Score = Callable[[slice], Floats]

PRIMARY = "ndcg@10"
FURTHER = ("hr@10", "recall@20", "mrr")
RARE = 5  # a course taken by fewer people than this is new to the model


def evaluate(
    folder: Path, dataset: Dataset, rng: np.random.Generator, peers: Sequence[str] = STANDARD
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
        Of `peers.PEERS`; fitted to the same history. Cohorts' popularity is asked where cohorts (jobs) are known.

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
    further = {
        metric: {
            name: paired_difference(people["model"][metric][counted], people[name][metric][counted], rng)
            for name in asked
        }
        for metric in FURTHER
    }
    lists = {name: list_figures(score, dataset, rng) for name, score in scores.items()}
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
            **{f"{metric}_difference_to": found for metric, found in further.items()},
            "apart": apart(people, ranks, dataset, rng),
            "lists": lists.pop("model"),
            "lists_of_peers": lists,
            "blend": scorer.model["blend"],
            "chosen": scorer.model.get("chosen", {}),
        },
        n=counts(dataset),
        figures={"ndcg_at_10": lambda: bars(people, counted)},
        verdict=verdict(differences),
        seeds=dataset.seeds,
        data_digest=dataset.digest,
    )


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
