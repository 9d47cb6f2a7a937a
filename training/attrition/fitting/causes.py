"""What is chosen once, for the first cause; the others take its choice, for their exits are few."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training.attrition.dataset import Dataset
from training.attrition.fitting.choosing import Candidates, Folds, choose
from training.attrition.fitting.hazard import Choice, Table, fit_trees, tree_log_odds
from training.attrition.fitting.searching import search_shape

MOST_ROWS_CHOOSING = 200_000


def choose_first(
    dataset: Dataset, table: Table, folds: Folds, candidates: Candidates, seed: int, tune: int = 0
) -> Choice:
    """Choose by validation for the first cause; the others take its choice, for their exits are few."""
    found = choose_shape(dataset, table, folds, candidates, seed)
    if not tune:
        return found
    best = search_shape(folds, found, tune, seed)
    if best is None:
        return found
    losses = {**found.losses, f"tuned {best.weight:g}": best.loss}
    return replace(
        found,
        shape="tuned",
        weight=best.weight,
        settings=best.settings,
        log_odds=best.log_odds,
        losses=losses,
    )


def as_first(folds: Folds, first: Choice, seed: int) -> Choice:
    """Return the first cause's choice for another cause, with what it says of that cause out of fold."""
    is_tuned = bool(first.settings)
    same = Candidates([first.shape] if first.weight and not is_tuned else [], [first.weight], [first.penalty])
    found = choose(folds, same, seed)
    if not is_tuned:
        return found
    grown = [tree_log_odds(fit_trees(fit, first.settings, seed), check) for fit, check in folds.parts]
    if any(part is None for part in grown):
        return found
    trees = np.concatenate([part for part in grown if part is not None])
    trees = trees if found.season is None else trees + found.season
    blended = first.weight * trees + (1 - first.weight) * found.linear
    return replace(found, shape="tuned", weight=first.weight, settings=first.settings, log_odds=blended)


def choose_shape(dataset: Dataset, table: Table, folds: Folds, candidates: Candidates, seed: int) -> Choice:
    """Choose among the shapes that ship; of many rows on a sample of the people first."""
    if len(dataset.panel) <= MOST_ROWS_CHOOSING or len(candidates.shapes) * len(candidates.penalties) == 1:
        return choose(folds, candidates, seed)
    step = len(dataset.panel) // MOST_ROWS_CHOOSING + 1
    kept = dataset.panel.person % step == 0
    small = [(fit[kept[fit]], check[kept[check]]) for fit, check in dataset.folds]
    found = choose(Folds.of(table, small), candidates, seed)
    chosen = Candidates([found.shape] if found.weight else [], [found.weight], [found.penalty])
    return choose(folds, chosen, seed)
