"""How courses that nobody took are ranked for people with a history: a blend of their own, and a lift.

Chosen by hiding courses from what is learnt before the validation block: what ranks hidden courses among themselves, then
how high they may stand among all others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from training.recommendation.blend import LEAST_PEOPLE, parts_of, people_of, sampled
from training.recommendation.dataset import Block, Dataset, Known, Matrix, Origin
from training.recommendation.estimators import popularity
from training.recommendation.new_courses import HIDDEN_SHARE, columns
from training.recommendation.ranking import per_person, summed, target_ranks, without_seen
from training.recommendation.scorer import Scorer

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]
Blend = dict[str, float]

NAMES = ("takers", "factors", "content", "popularity")
STEPS = (0.0, 0.25, 0.5, 1.0, 2.0)
SCALES = (0.5, 1.0)
LIFTS = (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
HIDES = 4
LEAST_HIDDEN = 5
TRIAL_CELLS = 500_000  # people × courses of one trial


@dataclass(frozen=True)
class Trial:
    """People of the validation block, asked while some courses were hidden from all that was learnt.

    Parameters
    ----------
    hidden, new : (n_courses,) bool
        The courses hidden, and all that nobody took, the hidden ones among them.
    block : Block
        Targets are of all courses.
    parts : mapping of str to (n_people, n_new) float
        Parts of the scores of those courses, standardised over the whole catalogue.
    gap : (n_people, n_new) float
        What the gap adds to them.
    others : (n_people, n_courses) float
        Scores by the blend of all other courses.
    """

    hidden: Bools
    new: Bools
    block: Block
    parts: Mapping[str, Floats]
    gap: Floats
    others: Floats

    def own(self, blend: Mapping[str, float]) -> Floats:
        """Return the scores of the new courses by a blend, without the gap, (n_people, n_new) float."""
        found = np.full(self.gap.shape, blend.get("lift", 0.0), dtype=np.float64)
        for name, part in self.parts.items():
            found += blend.get(name, 0.0) * part
        return found

    def among_themselves(self, blend: Mapping[str, float]) -> Floats:
        """Return the nDCG@10 of hidden courses, nothing else ranked, of each person who took one, float."""
        places = np.flatnonzero(self.hidden)
        targets, seen = (
            sp.csr_matrix(self.block.targets[:, places]),
            sp.csr_matrix(self.block.seen[:, places]),
        )
        asked = np.flatnonzero(np.diff(targets.indptr) > 0)
        scores = without_seen(self.own(blend)[:, self.hidden[self.new]][asked], seen[asked])
        return per_person(target_ranks(scores, targets[asked]), targets[asked])["ndcg@10"]

    def among_all(self, blend: Mapping[str, float]) -> tuple[Floats, Floats]:
        """Return the nDCG@10 of everybody, all courses ranked, and the Recall@20 of hidden courses of who took one."""
        scores = self.others.copy()
        scores[:, self.new] = self.own(blend) + self.gap
        targets = self.block.targets
        ranks = target_ranks(without_seen(scores, self.block.seen), targets)
        rows = np.repeat(np.arange(self.block.size), np.diff(targets.indptr))
        is_hidden = self.hidden[targets.indices]
        asked = summed(is_hidden, rows, self.block.size)
        reached = summed(is_hidden & (ranks <= 20), rows, self.block.size)
        return per_person(ranks, targets)["ndcg@10"], (reached / np.maximum(asked, 1.0))[asked > 0]


def choose_newcomers(
    dataset: Dataset,
    scorer_at: Callable[[Origin], Scorer],
    warm: Mapping[str, float],
    rng: np.random.Generator,
) -> tuple[Blend, dict[str, float]]:
    """Return the blend of courses that nobody took, and the figures behind it; empty where there is nothing to choose.

    Parameters
    ----------
    dataset : Dataset
        Courses are hidden from its train part; its validation block judges.
    scorer_at : callable
        Fits the model to what is known of an origin.
    warm : mapping of str to float
        The blend of all other courses for people with a history.
    rng : numpy.random.Generator
        Draws what is hidden.

    Notes
    -----
    The parts' weights start as in the blend of all other courses and become those that gain most nDCG@10 among hidden
    courses in the trial where they gain least: few courses are hidden at a time, and which they are is luck. Then scale and lift: the largest
    Recall@20 of new courses among all courses, as long as the nDCG@10 of all courses stays within one standard error of
    the best in every trial. What nobody could take yet has no record to compete with: that is what the error is spent on.
    """
    if not has_newcomers(dataset):
        return {}, {}
    hidden = [trial_of(dataset, scorer_at, warm, hide, rng) for hide in hides(dataset, rng)]
    asked = [trial for trial in hidden if trial is not None]
    if not asked or sum(trial.among_themselves({}).size for trial in asked) < LEAST_PEOPLE:
        return {}, {}
    shape = best_shape(asked, {name: weight for name, weight in warm.items() if name in NAMES and weight})
    natural = trial_of(dataset, scorer_at, warm, np.zeros(len(dataset.course_ids), dtype=bool), rng)
    guards = [*asked, natural] if natural is not None else asked
    return best_lift(shape, asked, guards)


def has_newcomers(dataset: Dataset) -> bool:
    """Say whether somebody could be offered a course that nobody took and of which something is known."""
    has_content = dataset.content.vectors is not None or dataset.content.skills is not None
    return has_content and dataset.validation.size > 0 and bool((popularity(dataset.known) == 0).any())


def hides(dataset: Dataset, rng: np.random.Generator) -> list[Bools]:
    """Return which courses are hidden in each trial, a tenth of those taken; none where they are too few."""
    support = popularity(dataset.train)
    taken = rng.permutation(np.flatnonzero(support > 0))
    size = int(taken.size * HIDDEN_SHARE)
    if size < LEAST_HIDDEN:
        return []
    return [np.isin(np.arange(support.size), taken[size * one : size * (one + 1)]) for one in range(HIDES)]


def trial_of(
    dataset: Dataset,
    scorer_at: Callable[[Origin], Scorer],
    warm: Mapping[str, float],
    hidden: Bools,
    rng: np.random.Generator,
) -> Trial | None:
    """Return one trial; None where nothing is new in it, or nobody is left to ask."""
    new = hidden | (popularity(dataset.train) == 0)
    block = replace(dataset.validation, history=columns(dataset.validation.history, ~hidden))
    block = sampled(people_of(block, "warm"), max(TRIAL_CELLS // new.size, 1), rng)
    if not block.size or not new.any():
        return None
    ages = None if dataset.train_ages is None else columns(dataset.train_ages, ~hidden)
    scorer = scorer_at(Origin(Known(columns(dataset.train, ~hidden), ages), block))
    parts = parts_of(scorer, block)
    others = np.zeros((block.size, new.size), dtype=np.float32)
    for name, part in parts.items():
        others += np.float32(warm.get(name, 0.0)) * part
    own = {name: part[:, new] for name, part in parts.items() if name in NAMES}
    return Trial(
        hidden, new, block, own, warm.get("gap", 0.0) * gap_of(block.gap_shares, new, block.size), others
    )


def gap_of(shares: Matrix | None, new: Bools, n_people: int) -> Floats:
    """Return the share of the gap that each new course closes, (n_people, n_new) float; zeros where unknown."""
    if shares is None:
        return np.zeros((n_people, int(new.sum())))
    return np.asarray(shares[:, np.flatnonzero(new)].toarray())


def best_shape(trials: list[Trial], start: Blend) -> Blend:
    """Return the weights of the parts by which hidden courses are ranked best among themselves, in every trial."""
    before = [trial.among_themselves(start).mean() for trial in trials]
    known: dict[tuple[tuple[str, float], ...], float] = {}

    def least_gained(blend: Mapping[str, float]) -> float:
        key = tuple(sorted((name, weight) for name, weight in blend.items() if weight))
        if key not in known:
            after = [trial.among_themselves(blend).mean() for trial in trials]
            known[key] = float(min(one - other for one, other in zip(after, before, strict=True)))
        return known[key]

    names = [name for name in NAMES if all(name in trial.parts for trial in trials)]
    blend = max((start, *({name: 1.0} for name in names)), key=least_gained)
    for _ in range(2):
        for name in names:
            options = [{**blend, name: weight} for weight in STEPS]
            blend = max([blend, *(one for one in options if any(one.values()))], key=least_gained)
    return {name: weight for name, weight in blend.items() if weight}


def best_lift(shape: Blend, asked: list[Trial], guards: list[Trial]) -> tuple[Blend, dict[str, float]]:
    """Return the blend at the scale and with the lift that reach most new courses at a bearable price, and its figures."""
    options = [
        {**{name: scale * weight for name, weight in shape.items()}, "lift": lift}
        for scale in SCALES
        for lift in LIFTS
    ]
    accuracy = [[guard.among_all(one)[0] for guard in guards] for one in options]
    means = np.array([[units.mean() for units in each] for each in accuracy])
    errors = np.array([units.std(ddof=1) / np.sqrt(units.size) for units in accuracy[0]])
    loss = ((means.max(axis=0) - means) / np.maximum(errors, 1e-12)).max(axis=1)
    reached = [float(np.concatenate([trial.among_all(one)[1] for trial in asked]).mean()) for one in options]
    bearable = [place for place in range(len(options)) if loss[place] <= max(1.0, loss.min())]
    best = max(bearable, key=lambda place: reached[place])
    figures = {
        "newcomers: recall@20 of hidden courses": reached[best],
        "newcomers: ndcg@10 of all": means[best].mean(),
    }
    return options[best], {name: float(value) for name, value in figures.items()}
