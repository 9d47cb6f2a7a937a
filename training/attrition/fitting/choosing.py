"""Choose penalty, season, shape and weight of a hazard by what rows say that it has not learnt from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.attrition.fitting.hazard import (
    SHAPES,
    Bools,
    Choice,
    Ints,
    Table,
    fit_linear,
    fit_trees,
    linear_log_odds,
    loss,
    season_of,
    seasonal,
    smallest_leaf,
    tree_log_odds,
)
from training.attrition.scorer import Floats

EXITS_IN_A_LEAF = 1.5  # at least, of a shape of more than so many leaves
FEW_LEAVES = 15
FEWEST_FOR_SMALL_LEAVES = 10_000  # rows


@dataclass(frozen=True)
class Folds:
    """Rows to fit and rows to check by, taken out of the table once for all that is chosen by them.

    Parameters
    ----------
    rows : sequence of (rows to fit, rows to check) pairs
        The rows checked are judged by a fit that has not seen them.
    parts : sequence of (Table, Table) pairs
        These rows.
    """

    rows: Sequence[tuple[Ints, Ints]]
    parts: Sequence[tuple[Table, Table]]

    @classmethod
    def of(cls, table: Table, rows: Sequence[tuple[Ints, Ints]]) -> Folds:
        """Take the folds out of a table."""
        return cls(rows, [(table.take(fit), table.take(check)) for fit, check in rows])

    def about(self, left: Bools) -> Folds:
        """Return the same folds about other exits; `left` is of all rows of the table."""
        parts = [(replace(part, left=left[fit]), replace(other, left=left[check]))
                 for (part, other), (fit, check) in zip(self.parts, self.rows, strict=True)]  # fmt: skip
        return Folds(self.rows, parts)

    @property
    def checked(self) -> Ints:
        """Rows that are checked, fold by fold."""
        return np.concatenate([check for _, check in self.rows])

    @property
    def left(self) -> Bools:
        """What came of the rows checked."""
        return np.concatenate([check.left for _, check in self.parts])


@dataclass(frozen=True)
class Candidates:
    """What validation may choose from.

    Parameters
    ----------
    shapes : sequence of str
        Of the trees, of `SHAPES`.
    weights : sequence of float
        Of the trees in the blend.
    penalties : sequence of float
        Ridge penalties of the logistic part.
    """

    shapes: Sequence[str]
    weights: Sequence[float]
    penalties: Sequence[float]


def choose(folds: Folds, candidates: Candidates, seed: int) -> Choice:
    """Choose the penalty, whether there is a season, then the shape of the trees and their weight, by log-likelihood out of fold.

    Parameters
    ----------
    folds : Folds
        Rows to fit and to check by.
    candidates : Candidates
        What may be chosen.
    seed : int
        Of LightGBM.

    Notes
    -----
    Shapes that differ in their number of rounds alone are grown once: the first rounds of the longer are the shorter.
    """
    best = choose_linear(folds, candidates.penalties)
    left, losses = folds.left, dict(best.losses)
    season = 0.0 if best.season is None else best.season
    for shapes in families(candidates.shapes, folds):
        grown = [fit_trees(fit, max(shapes, key=rounds_of), seed) for fit, _ in folds.parts]
        if any(trees is None for trees in grown):
            continue
        for shape in shapes:
            said = [tree_log_odds(trees, check, rounds_of(shape))
                    for trees, (_, check) in zip(grown, folds.parts, strict=True)]  # fmt: skip
            trees = np.concatenate([part for part in said if part is not None]) + season
            for weight in candidates.weights:
                blended = weight * trees + (1 - weight) * best.linear
                losses[f"{shape} {weight:g}"] = loss(left, blended)
                if losses[f"{shape} {weight:g}"] < loss(left, best.log_odds):
                    best = replace(best, shape=shape, weight=weight, log_odds=blended)
    return replace(best, losses=losses)


def choose_linear(folds: Folds, penalties: Sequence[float]) -> Choice:
    """Choose the penalty of the logistic part, and whether what its months left over tells of the months checked."""
    left = folds.left
    losses: dict[str, float] = {}
    linear: dict[float, tuple[Floats, list[Floats]]] = {}
    starts: list[Floats | None] = [None for _ in folds.parts]
    for penalty in sorted(penalties, reverse=True):
        fits = [fit_linear(replace(fit, penalty=penalty), start)
                for (fit, _), start in zip(folds.parts, starts, strict=True)]  # fmt: skip
        said = [linear_log_odds(found, check) for found, (_, check) in zip(fits, folds.parts, strict=True)]
        starts = list(fits)
        linear[penalty] = np.concatenate(said), fits
        losses[f"logistic {penalty:g}"] = loss(left, linear[penalty][0])
    penalty = min(linear, key=lambda each: losses[f"logistic {each:g}"])
    told, fits = linear[penalty]
    season = out_of_fold_season(folds, fits)
    if season is not None:
        losses["season"] = loss(left, told + season)
        season = season if losses["season"] < loss(left, told) else None
    told = told if season is None else told + season
    return Choice("none", 0.0, penalty, folds.checked, told, losses, told, season=season)


def out_of_fold_season(folds: Folds, fits: Sequence[Floats]) -> Floats | None:
    """Return what the calendar month adds to the log-odds of the rows checked, as the rows fitted have it; None without time."""
    if any(fit.clock is None for fit, _ in folds.parts):
        return None
    return np.concatenate([seasonal(check, season_of(fit, found))
                           for (fit, check), found in zip(folds.parts, fits, strict=True)])  # fmt: skip


def families(shapes: Sequence[str], folds: Folds) -> Iterator[list[str]]:
    """Yield the shapes that the table can carry, together where they differ in their number of rounds alone."""
    found: dict[tuple[tuple[str, float], ...], list[str]] = {}
    for shape in shapes:
        if can_carry(shape, folds):
            key = tuple(
                sorted((name, value) for name, value in SHAPES[shape].items() if name != "num_iterations")
            )
            found.setdefault(key, []).append(shape)
    yield from found.values()


def rounds_of(shape: str) -> int:
    """Return the number of rounds of a shape."""
    return int(SHAPES[shape]["num_iterations"])


def can_carry(shape: str, folds: Folds) -> bool:
    """Say whether a bushy shape's smallest leaves would still hold an exit or two, and one of small leaves has rows enough."""
    left = np.concatenate([part.left for part in folds.parts[-1]])
    if "min_data_in_leaf" in SHAPES[shape] and len(left) < FEWEST_FOR_SMALL_LEAVES:
        return False
    smallest = SHAPES[shape].get("min_data_in_leaf", smallest_leaf(len(left)))
    return SHAPES[shape]["num_leaves"] <= FEW_LEAVES or smallest * left.mean() >= EXITS_IN_A_LEAF
