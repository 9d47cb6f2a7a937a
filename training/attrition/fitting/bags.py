"""Refits on people drawn with replacement: their spread is how sure a probability is."""

from __future__ import annotations

import numpy as np

from training.attrition.dataset import Dataset
from training.attrition.fitting.hazard import Choice, Table, fit_blend
from training.attrition.scorer import Blend


def fit_bags(
    dataset: Dataset,
    table: Table,
    fitted: tuple[Blend, Choice],
    bags_and_people: tuple[int, int],
    rng: np.random.Generator,
) -> list[Blend]:
    """Return refits for the first cause on people drawn with replacement.

    Parameters
    ----------
    dataset : Dataset
        Whose rows they are.
    table : Table
        Of all rows.
    fitted : (Blend, Choice)
        What was fitted to all of them: where the refits begin, and what they are.
    bags_and_people : (int, int)
        How many refits, and most people drawn for each.
    rng : numpy.random.Generator
        Draws people, and seeds LightGBM.

    Notes
    -----
    Of more than `bag_people` people only so many are drawn: the spread is then wider than that of the whole.
    """
    (blend, chosen), (n_bags, people_drawn) = fitted, bags_and_people
    rows = dataset.final_rows
    person = dataset.panel.person[rows]
    order = np.argsort(person, kind="stable")
    people, starts = np.unique(person[order], return_index=True)
    ends = np.append(starts[1:], len(order))
    bags = []
    for _ in range(n_bags):
        drawn = rng.integers(0, len(people), min(len(people), people_drawn))
        taken = np.concatenate([order[starts[number] : ends[number]] for number in drawn])
        seed = int(rng.integers(1, 2**31 - 1))
        bags.append(fit_blend(table.take(rows[taken]), chosen, seed, blend.coefficients))
    return bags
