"""Evaluating a written skills model through its own scorer, beside words that agree and chance."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from training.evaluation import Evaluation, Interval, bootstrap_mean
from training.loading import load_scorer
from training.skills.dataset import Dataset
from training.skills.labelled import Labelled
from training.skills.metrics import SKILL_METRICS, TITLE_METRICS, measure, text_scores
from training.skills.peers import WordsThatAgree, random_scores
from training.skills.taxonomy import Floats

LEAST_TEXTS = 10
BLOCK_TEXTS = 256
BANDS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)

Units = Mapping[str, Floats]


def evaluate(folder: Path, dataset: Dataset, rng: np.random.Generator) -> Evaluation:
    """Return how well a written payload ranks the taxonomy for texts it was not tuned on.

    Parameters
    ----------
    folder : Path
        The payload.
    dataset : Dataset
        Its test texts are scored.
    rng : numpy.random.Generator
        Of the bootstrap and of the random peer.
    """
    test = dataset.test
    names = TITLE_METRICS if dataset.are_titles else SKILL_METRICS
    primary = "mrr" if dataset.are_titles else "rp@5"
    counts = {
        "texts": len(test),
        "validation_texts": len(dataset.validation),
        "concepts": dataset.concepts.taxonomy.size,
        "aliases": len(dataset.concepts.taxonomy.aliases),
    }
    if len(test) < LEAST_TEXTS:
        return refused(dataset, primary, counts)
    scorer = load_scorer(folder)
    scores = model_scores(scorer, test, dataset.are_titles)
    units = measure(scores, test.relevant)
    peer_units = peers(dataset, rng)
    strongest = max(peer_units, key=lambda name: float(peer_units[name][primary].mean()))
    return Evaluation(
        question="skills",
        protocol=dataset.protocol,
        metrics=intervals(units, names, rng),
        peers={peer: intervals(found, names, rng) for peer, found in peer_units.items()},
        primary=primary,
        per_unit=units[primary],
        peer_units={peer: found[primary] for peer, found in peer_units.items()},
        diagnostics=diagnostics(scorer, scores, test),
        n=counts,
        figures={"confidence": lambda: reliability_figure(scorer, scores, test)},
        verdict=verdict(units[primary], peer_units[strongest][primary], primary, strongest),
        data_digest=dataset.digest,
    )


def refused(dataset: Dataset, primary: str, counts: Mapping[str, int]) -> Evaluation:
    """Return the refusal to judge on too few texts."""
    reason = f"{counts['texts']} texts with known skills were held out; {LEAST_TEXTS} are needed to judge"
    return Evaluation(
        "skills", dataset.protocol, {}, {}, primary, np.zeros(0), {}, n=counts, status="refused", reason=reason,
        verdict="cannot tell", data_digest=dataset.digest,
    )  # fmt: skip


def model_scores(scorer: Any, data: Labelled, are_titles: bool = False) -> Floats:
    """Return the scorer's score of every concept for every text: that of its best sentence."""
    windows, offsets = data.windows_of(scorer.window_lengths)
    blocks = []
    for start in range(0, len(data), BLOCK_TEXTS):
        part = data.sentence_offsets[start : start + BLOCK_TEXTS + 1]
        first, last = int(part[0]), int(part[-1])
        low, high = int(offsets[first]), int(offsets[last])
        own = (windows[low:high], offsets[first : last + 1] - low)
        if are_titles:
            texts = data.texts[start : start + BLOCK_TEXTS]
            found = scorer.title_scores(data.sentence_vectors[first:last], texts, *own)
        else:
            found = scorer.sentence_scores(data.sentence_vectors[first:last], *own)
        blocks.append(text_scores(found, part - first))
    return np.concatenate(blocks)


def peers(dataset: Dataset, rng: np.random.Generator) -> dict[str, Units]:
    """Return the metrics of each peer for each text."""
    test, taxonomy = dataset.test, dataset.concepts.taxonomy
    words = WordsThatAgree(taxonomy)
    found: dict[str, list[Units]] = {"tfidf": [], "random": []}
    for start in range(0, len(test), BLOCK_TEXTS):
        texts, relevant = test.texts[start : start + BLOCK_TEXTS], test.relevant[start : start + BLOCK_TEXTS]
        found["tfidf"].append(measure(words.scores(texts), relevant))
        found["random"].append(measure(random_scores(len(texts), taxonomy.size, rng), relevant))
    return {
        peer: {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        for peer, parts in found.items()
    }


def intervals(units: Units, names: Collection[str], rng: np.random.Generator) -> dict[str, Interval]:
    """Return the mean of each metric with its bootstrap interval over texts."""
    return {name: bootstrap_mean(units[name], rng) for name in names}


def verdict(units: Floats, peer: Floats, primary: str, name: str) -> str:
    """Return in words whether the model is ahead of its strongest peer."""
    difference = units - peer
    error = 1.96 * float(difference.std(ddof=1)) / np.sqrt(len(difference))
    word = (
        "ahead of"
        if difference.mean() > error
        else "behind"
        if difference.mean() < -error
        else "not told from"
    )
    return f"{primary} {units.mean():.3f}: {word} {name} ({peer.mean():.3f}) on the same texts"


def diagnostics(scorer: Any, scores: Floats, data: Labelled) -> dict[str, Any]:
    """Return what abstaining costs and buys, and how far confidence can be trusted."""
    said = scores >= scorer.threshold
    known = np.zeros_like(said)
    for row, relevant in enumerate(data.relevant):
        known[row, list(relevant)] = True
    right = int((said & known).sum())
    confidence = scorer.confidence(scores[said])
    return {
        "window_lengths": list(scorer.window_lengths),
        "window_share": scorer.window_share,
        "threshold": scorer.threshold,
        "examples": len(scorer.more.get("example_concepts", ())),
        "example_share": scorer.knobs["example_share"],
        "precision": right / int(said.sum()) if said.any() else None,
        "recall": right / int(known.sum()),
        "abstained_share": float((~said.any(axis=1)).mean()),
        "said_per_text": float(said.sum(axis=1).mean()),
        "mean_confidence_of_said": float(confidence.mean()) if said.any() else None,
    }


def reliability_figure(scorer: Any, scores: Floats, data: Labelled) -> Any:
    """Draw the share of right concepts against the confidence with which they were said."""
    from matplotlib.figure import Figure

    among = min(30, scores.shape[1])
    best = np.argsort(-scores, axis=1)[:, :among]
    sure = scorer.confidence(np.take_along_axis(scores, best, axis=1))
    right = np.array(
        [np.isin(row, list(relevant)) for row, relevant in zip(best, data.relevant, strict=True)]
    )
    band = np.digitize(sure, BANDS[1:-1])
    points = [
        (sure[band == one].mean(), right[band == one].mean()) for one in range(5) if (band == one).any()
    ]
    figure = Figure(figsize=(4, 4))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    axes.plot(*zip(*points, strict=True), marker="o")
    axes.set(xlabel="confidence", ylabel="share that was right", xlim=(0, 1), ylim=(0, 1))
    return figure
