"""Impact asked by name: a course and an outcome to an effect with its interval, or to a refusal."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training.checking.contract import PROBES, Contract, Frame
from training.evaluation import Evaluation, bootstrap_mean
from training.gates import Gate
from training.impact.dataset import Dataset
from training.loading import load_scorer
from training.rescoring.rescored import Floats

if TYPE_CHECKING:
    from training.runs import Workbench

OUTPUTS = ("effect", "low", "high")
MOST_PAIRS = 20_000


def contract(bench: Workbench | None, dataset: Dataset) -> Contract:
    """Return what an impact model takes and returns: the average effect in the outcome's unit; NaN where it refuses."""
    known = pairs(dataset)
    made_up = [known[(7 * number) % len(known)] for number in range(PROBES)]
    nothing = [("", outcome) for _, outcome in made_up]
    strange = [("no such course", outcome) for _, outcome in made_up]
    return Contract(
        "impact", OUTPUTS, 3, frame(made_up), frame(nothing), frame(strange), frame(known), may_refuse=True
    )


def pairs(dataset: Dataset) -> list[tuple[str, str]]:
    """Return courses and outcomes."""
    return list(product(dataset.course_ids, dataset.outcome_names))[:MOST_PAIRS]


def frame(known: list[tuple[str, str]]) -> Frame:
    """Return pairs as columns."""
    return {"course_id": np.array([one for one, _ in known]), "outcome": np.array([one for _, one in known])}


def judge(
    dataset: Dataset, said: Floats, ours: tuple[str, Path], rng: np.random.Generator
) -> tuple[Evaluation, list[Gate]]:
    """Return how far estimates agree with ours; no gate asks for it, for nobody knows the truth.

    Notes
    -----
    Two estimates agree where their intervals meet. Which of two is right, agreement does not say: a bundle is judged by the
    outcomes that it expects of people, which these columns cannot ask for.
    """
    name, folder = ours
    own = of_ours(dataset, folder)
    gate = well_formed(said)
    both = np.isfinite(said).all(axis=1) & np.isfinite(own).all(axis=1)
    meet = (said[both, 1] <= own[both, 2]) & (own[both, 1] <= said[both, 2])
    units = meet.astype(np.float64)
    counts = {"pairs": len(said), "they_estimate": int(np.isfinite(said[:, 0]).sum()),
              "we_estimate": int(np.isfinite(own[:, 0]).sum()), "both": int(both.sum())}  # fmt: skip
    metrics = {"intervals_meet_share": bootstrap_mean(units, rng)} if units.size else {}
    found = Evaluation(
        "impact", f"every course and outcome, beside {name}", metrics, {}, "intervals_meet_share", units, {}, n=counts,
        verdict="Estimates agree or not; which is right, asking by name cannot tell.",
    )  # fmt: skip
    return found, [gate]


def of_ours(dataset: Dataset, folder: Path) -> Floats:
    """Return what our payload says of every pair, (n, 3)."""
    scorer = load_scorer(folder)
    courses = {one: place for place, one in enumerate(scorer.course_ids)}
    outcomes = {one: place for place, one in enumerate(scorer.outcomes)}
    asked = pairs(dataset)
    found: Floats = scorer.scores(
        course_index=np.array([courses.get(course, -1) for course, _ in asked]),
        outcome_index=np.array([outcomes.get(outcome, -1) for _, outcome in asked]),
    )
    return found


def well_formed(said: Floats) -> Gate:
    """Say whether every estimate lies inside its interval, and a refusal is one of all three numbers."""
    given = np.isfinite(said)
    halves = given.any(axis=1) & ~given.all(axis=1)
    outside = given.all(axis=1) & ~((said[:, 1] <= said[:, 0]) & (said[:, 0] <= said[:, 2]))
    wrong = int((halves | outside).sum())
    return Gate(
        "interval", not wrong, f"{wrong} of {len(said)} estimates lie outside their interval, or have none"
    )
