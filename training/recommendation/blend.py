"""Choosing on the validation block: the item–item model, and how its parts are blended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.recommendation.dataset import Block
from training.recommendation.estimators import ease
from training.recommendation.ranking import all_target_ranks, per_person
from training.recommendation.scorer import Scorer

Matrix = Any
Floats = NDArray[np.floating]

PLAIN = (0.0, 100.0)  # person_power and ridge of EASE as published
CHOICES = (
    PLAIN, (0.0, 10.0), (0.0, 30.0), (0.0, 300.0), (0.0, 500.0), (0.0, 1000.0),
    (0.5, 1.0), (0.5, 3.0), (0.5, 10.0), (0.5, 30.0), (0.5, 60.0), (0.5, 100.0),
)  # fmt: skip
STEPS: dict[str, tuple[float, ...]] = {
    "takers": (0.0, 1.0),
    "content": (0.0, 0.1, 0.25, 0.5, 1.0),
    "popularity": (0.0, 0.1, 0.25, 0.5, 1.0),
    "gap": (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0),
}
START = {"warm": {"takers": 1.0}, "new": {"popularity": 1.0}}
DEFAULT_GAP = 2.0  # of new people, where validation holds too few of them to choose
LEAST_PEOPLE = 30


@dataclass(frozen=True)
class Chosen:
    """A choice and the validation figures it was made by."""

    person_power: float
    ridge: float
    tried: Mapping[str, float]
    plain_ridge: float = PLAIN[1]


def ndcg_at_10(score: Callable[[slice], Floats], block: Block) -> Floats:
    """Return each person's nDCG@10 of scores, (n_people,) float."""
    return per_person(all_target_ranks(score, block.seen, block.targets), block.targets)["ndcg@10"]


def sampled(block: Block, most: int, rng: np.random.Generator) -> Block:
    """Return at most so many people of a block."""
    if block.size <= most:
        return block
    return block.rows(np.sort(rng.choice(block.size, most, replace=False)))


def choose_takers(train: Matrix, block: Block) -> Chosen:
    """Return the EASE that ranks best on validation; the published one where nothing beats it."""
    tried: dict[tuple[float, float], float] = {}
    for power, ridge in CHOICES:
        weights = ease(train, ridge, power)
        history = block.history.astype(np.float32)

        def score(rows: slice, weights: Floats = weights, history: Matrix = history) -> Floats:
            return np.asarray(history[rows] @ weights)

        found = ndcg_at_10(score, block)
        tried[power, ridge] = float(found.mean()) if found.size else 0.0
    best = max(CHOICES, key=lambda choice: tried[choice])
    plain = max((choice for choice in CHOICES if choice[0] == PLAIN[0]), key=lambda choice: tried[choice])
    words = {f"person_power {power:g}, ridge {ridge:g}": value for (power, ridge), value in tried.items()}
    return Chosen(*best, words, plain[1])


def choose_blend(scorer: Scorer, block: Block) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Return the weights of the parts for people with and without history, and the figures behind them.

    Notes
    -----
    Coordinate search on nDCG@10, never below the best single part. What the blend gains over the best single part
    is then spent on usefulness: the gap weight is raised as far as the blend stays one standard error ahead of
    every single part or, where it gained nothing, within one standard error of the best.
    """
    scorer.model["blend"] = {"warm": dict.fromkeys(STEPS, 1.0), "new": dict.fromkeys(STEPS, 1.0)}
    blends: dict[str, dict[str, float]] = {}
    figures: dict[str, float] = {}
    for kind, people in (("warm", ~block.is_new), ("new", block.is_new)):
        chosen = block.rows(np.flatnonzero(people))
        blends[kind] = dict(START[kind])
        if chosen.size >= LEAST_PEOPLE:
            search = Search(scorer, chosen, kind)
            blends[kind] = search.best()
            figures |= search.figures(blends[kind])
        elif chosen.gap_shares is not None:
            blends[kind]["gap"] = DEFAULT_GAP if kind == "new" else 0.0
    return blends, figures


class Search:
    """Coordinate search of one blend on some people."""

    def __init__(self, scorer: Scorer, block: Block, kind: str) -> None:
        self.block, self.kind = block, kind
        history = block.history
        parts = scorer.parts(history.indptr, history.indices, history.data, block.jobs)
        if block.gap_shares is not None and block.gap_shares.nnz:
            parts["gap"] = block.gap_shares.toarray()
        self.parts = {name: part.astype(np.float32) for name, part in parts.items() if np.any(part)}
        self.known: dict[tuple[tuple[str, float], ...], Floats] = {}

    def units(self, blend: Mapping[str, float]) -> Floats:
        """Return each person's nDCG@10 of a blend."""
        key = tuple(sorted((name, weight) for name, weight in blend.items() if weight and name in self.parts))
        if key not in self.known:
            self.known[key] = ndcg_at_10(lambda rows: self.scores(key, rows), self.block)
        return self.known[key]

    def scores(self, key: tuple[tuple[str, float], ...], rows: slice) -> Floats:
        """Return blended scores of some rows."""
        total = np.zeros((rows.stop - rows.start, self.block.targets.shape[1]), dtype=np.float32)
        for name, weight in key:
            total += np.float32(weight) * self.parts[name][rows]
        return total

    def singles(self) -> dict[str, float]:
        """Return the mean nDCG@10 of each part alone."""
        return {name: float(self.units({name: 1.0}).mean()) for name in self.parts}

    def best(self) -> dict[str, float]:
        """Return the blend of choice."""
        blend = dict(START[self.kind])
        for _ in range(2):
            for name in self.parts:
                options = [{**blend, name: weight} for weight in STEPS[name]]
                options = [one for one in options if any(one.get(part, 0.0) for part in self.parts)]
                blend = max([blend, *options], key=lambda one: float(self.units(one).mean()))
        singles: list[dict[str, float]] = [{name: 1.0} for name in self.parts]
        blend = max([blend, *singles], key=lambda one: float(self.units(one).mean()))
        return self.with_gap(blend) if "gap" in self.parts else blend

    def with_gap(self, blend: dict[str, float]) -> dict[str, float]:
        """Return the blend with the largest gap weight that its accuracy allows."""
        units = self.units(blend)
        error = float(units.std(ddof=1) / np.sqrt(units.size))
        floor = min(float(units.mean()) - error, max(self.singles().values()) + error)
        for weight in sorted(STEPS["gap"], reverse=True):
            other = {**blend, "gap": weight}
            if weight <= blend.get("gap", 0.0) or float(self.units(other).mean()) >= floor:
                return {**other, "gap": max(weight, blend.get("gap", 0.0))}
        return blend

    def figures(self, blend: Mapping[str, float]) -> dict[str, float]:
        """Return the validation figures of the blend and of each part alone."""
        found = {f"{self.kind}: blend": float(self.units(blend).mean())}
        return found | {f"{self.kind}: {name} alone": value for name, value in self.singles().items()}
