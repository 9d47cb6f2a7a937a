"""Choosing on the validation block how the parts of the model are blended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from training.recommendation.choosing import ndcg_at_10
from training.recommendation.dataset import Block, stacked
from training.recommendation.scorer import Scorer

Floats = NDArray[np.floating]

STEPS: dict[str, tuple[float, ...]] = {
    "takers": (0.0, 0.25, 0.5, 1.0),
    "factors": (0.0, 0.25, 0.5, 1.0, 2.0),
    "autoencoder": (0.0, 0.25, 0.5, 1.0, 2.0, 4.0),
    "content": (0.0, 0.1, 0.25, 0.5, 1.0),
    "popularity": (0.0, 0.1, 0.25, 0.5, 1.0),
    "lately": (0.0, 0.1, 0.25, 0.5, 1.0),
    "trend": (0.0, 0.1, 0.25, 0.5, 1.0, 2.0),
    "newness": (0.0, 0.1, 0.25, 0.5, 1.0, 2.0),
    "gap": (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0),
}
START = {"warm": {"takers": 1.0}, "new": {"popularity": 1.0}}
DEFAULT_GAP = 2.0  # of new people, where validation holds too few of them to choose
LEAST_PEOPLE = 30
ENOUGH_TARGETS, ENOUGH_PEOPLE = 12_000, 2_000
SURE = 1.96  # standard errors


def sampled(block: Block, most: int, rng: np.random.Generator) -> Block:
    """Return at most so many people of a block, and no more than it takes: who took many courses says as much as many.

    A choice among blends costs by people × courses; what it is sure of grows with the targets.
    """
    most = min(most, max(int(ENOUGH_TARGETS * block.size / max(block.targets.nnz, 1)), ENOUGH_PEOPLE))
    if block.size <= most:
        return block
    return block.rows(np.sort(rng.choice(block.size, most, replace=False)))


def choose_blend(
    trials: Sequence[tuple[Scorer, Block]],
) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Return the weights of the parts for people with and without history, and the figures behind them.

    Notes
    -----
    Coordinate search on what a blend surely gains in nDCG@10 over its start, the item–item weights (the popularity
    of the cohort for new people): the lower end of the paired interval, for the best mean of few people is luck.
    Never below the best single part. What the blend gains over the best single part
    is then spent on usefulness: the gap weight is raised as far as the blend stays one standard error ahead of
    every single part or, where it gained nothing, within one standard error of the best.
    """
    blends: dict[str, dict[str, float]] = {}
    figures: dict[str, float] = {}
    for kind in ("warm", "new"):
        chosen = [(scorer, people_of(block, kind)) for scorer, block in trials]
        blends[kind] = dict(START[kind])
        if sum(block.size for _, block in chosen) >= LEAST_PEOPLE:
            search = Search(chosen, kind)
            blends[kind] = search.best()
            figures |= search.figures(blends[kind])
        elif chosen[0][1].gap_shares is not None:
            blends[kind]["gap"] = DEFAULT_GAP if kind == "new" else 0.0
    return blends, figures


def people_of(block: Block, kind: str) -> Block:
    """Return the people with ("warm") or without ("new") a history."""
    return block.rows(np.flatnonzero(block.is_new == (kind == "new")))


def parts_of(scorer: Scorer, block: Block) -> dict[str, Floats]:
    """Return every part of the scores of a block, (n_people, n_courses) float32 each; zeros where one is missing."""
    scorer.model["blend"] = {"warm": dict.fromkeys(STEPS, 1.0), "new": dict.fromkeys(STEPS, 1.0)}
    history = block.history
    parts = scorer.parts(history.indptr, history.indices, history.data, block.jobs)
    if block.gap_shares is not None and block.gap_shares.nnz:
        parts["gap"] = block.gap_shares.toarray()
    return {name: np.asarray(part, dtype=np.float32) for name, part in parts.items()}


class Search:
    """Coordinate search of one blend on the people of one moment or several."""

    def __init__(self, trials: Sequence[tuple[Scorer, Block]], kind: str) -> None:
        asked = [(scorer, block) for scorer, block in trials if block.size]
        self.kind = kind
        self.block = stacked([block for _, block in asked])
        found = [parts_of(scorer, block) for scorer, block in asked]
        shapes = [block.targets.shape for _, block in asked]
        names = [name for name in STEPS if any(name in one for one in found)]
        self.parts: dict[str, Floats] = {}
        for name in names:
            each = [
                one.get(name, np.zeros(shape, np.float32)) for one, shape in zip(found, shapes, strict=True)
            ]
            if any(np.any(part) for part in each):
                self.parts[name] = np.concatenate(each) if len(each) > 1 else each[0]
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

    def surely_gained(self, blend: Mapping[str, float]) -> float:
        """Return the lower end of the 95 % interval of what a blend gains over its start, paired by person."""
        gain = self.units(blend) - self.units(START[self.kind])
        error = gain.std(ddof=1) / np.sqrt(gain.size)
        return float(gain.mean() - SURE * error)

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
                blend = max([blend, *options], key=self.surely_gained)
        singles: list[dict[str, float]] = [{name: 1.0} for name in self.parts]
        blend = max([blend, *singles], key=self.surely_gained)
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
