"""What a question asks of anybody's model, and the made-up rows that try it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.errors import RefusedError
from training.attrition.dataset import Dataset
from training.rescoring.attrition import main_horizon
from training.rescoring.rescored import Floats

PROBES = 64
FAR = 1e6  # far outside whatever was seen
MOST_SECONDS_PER_1000 = 2.0

OTHERS: Mapping[str, str] = {
    "skills": "its scorer also reads windows and sentences, which a data frame of one vector per text cannot ask for",
    "recommendation": "its scorer needs the catalogue's order and gaps, which stand in the payload",
    "impact": "it keeps estimates and their verdicts, not a function of features",
}


@dataclass(frozen=True)
class Contract:
    """What a model of a question takes and returns.

    Parameters
    ----------
    question : str
        Which one.
    inputs : sequence of str
        Columns that may be asked for: the features, each a float, NaN where unknown.
    output : str
        The column that must be returned: a probability, 0–1.
    probes : (n, n_inputs) float
        Made-up rows, nobody's.
    asked : (m, n_inputs) float
        The last block, scored in the child's memory alone.
    """

    question: str
    inputs: Sequence[str]
    output: str
    probes: Floats
    asked: Floats

    @property
    def missing(self) -> Floats:
        """The made-up rows with every other value unknown, and one row with nothing known."""
        found = self.probes.copy()
        found[::2, ::2] = np.nan
        found[1::2, 1::2] = np.nan
        found[0] = np.nan
        return found

    @property
    def unknown(self) -> Floats:
        """The made-up rows with values that nobody has seen."""
        found = self.probes.copy()
        found[: len(found) // 2] = FAR
        found[len(found) // 2 :] = -FAR
        return found


def contract_of(question: str, dataset: Any) -> Contract:
    """Return the contract of a question, with rows to ask.

    Raises
    ------
    RefusedError
        If the question's models cannot be asked by name alone; they enter as bundles only.
    """
    if question != "attrition":
        why = OTHERS.get(question, "it has no contract")
        raise RefusedError(
            f"A model of {question} is compared as a bundle, not by a data frame: {why}.",
            hint="Write a payload by the template in docs/bring-your-own.md; then skillpath compare takes it.",
        )
    return attrition_contract(dataset)


def attrition_contract(dataset: Dataset) -> Contract:
    """Return what an attrition model takes and returns: features to the probability of leaving by the main horizon."""
    horizon = f"{dataset.horizons[main_horizon(dataset)]:g} {dataset.units}"
    return Contract(
        "attrition",
        list(dataset.schema),
        f"voluntary {horizon}",
        made_up(dataset.test.features),
        dataset.test.features,
    )


def made_up(rows: Floats) -> Floats:
    """Return rows whose columns are drawn one by one between their deciles: none of them is anybody."""
    rng = np.random.default_rng(20)
    found = np.zeros((PROBES, rows.shape[1]))
    for column in range(rows.shape[1]):
        known = rows[~np.isnan(rows[:, column]), column]
        if known.size:
            low, high = np.quantile(known, [0.1, 0.9])
            found[:, column] = rng.uniform(low, high, PROBES) if high > low else low
    return found
